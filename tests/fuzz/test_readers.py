"""`make fuzz` begins with files that every reader reads."""

import pytest

from tests.fuzz.readers import READERS, attempt


@pytest.mark.parametrize("name", READERS)
def test_a_reader_reads_its_smallest_example(name, tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path / "home"))
    file, data = min(READERS[name].examples().items(), key=lambda item: len(item[1]))
    path = tmp_path / file
    path.write_bytes(data)
    outcome = attempt(name, str(path))
    assert outcome.kind in {"read", "told"}, outcome.text
