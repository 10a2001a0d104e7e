"""Uploads are kept under their own name, once a content, and leave nothing behind."""

from io import BytesIO

import pytest

from core.frames.uploads import drop_upload, keep_upload, suggest_name


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))
    return tmp_path


def test_the_same_content_has_one_place():
    path = keep_upload("table.csv", BytesIO(b"a,b\n1,2\n"))
    assert path.name == "table.csv"
    assert path.read_bytes() == b"a,b\n1,2\n"
    assert keep_upload("table.csv", BytesIO(b"a,b\n1,2\n")) == path
    assert keep_upload("table.csv", BytesIO(b"other")) != path


def test_a_name_cannot_leave_the_directory(home):
    path = keep_upload("../../../evil.csv", BytesIO(b"x"))
    assert path.name == "evil.csv"
    assert home in path.parents
    assert keep_upload("/", BytesIO(b"y")).name == "upload"


def test_dropping_twice_is_harmless():
    path = keep_upload("table.csv", BytesIO(b"x"))
    drop_upload(path)
    drop_upload(path)
    assert not path.parent.exists()


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("My Table.csv", "my-table"),
        ("mp_pairs.parquet", "mp_pairs"),
        ("pairs.CSV.gz", "pairs"),
        ("r²SCAN (new).csv", "r-scan-new"),
        ("....", "upload"),
    ],
)
def test_suggested_names_are_valid(file, name):
    assert suggest_name(file) == name
