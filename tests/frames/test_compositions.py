"""Compositions of many frames in a file, against those in memory."""

import numpy as np
import pytest

from core.frames import compositions
from core.frames.compositions import forget_fractions, rows_of
from core.frames.schema import Card
from core.frames.store import open_frames, write_frames


@pytest.fixture
def directory(make_frames, tmp_path):
    card = Card(name="set", kind="frames", functional="PBE")
    write_frames(tmp_path / "set", card, make_frames(50), shard_size=8)
    return tmp_path / "set"


def test_those_of_a_large_set_are_mapped_from_a_file(directory, lab_home, monkeypatch):
    expected = open_frames(directory).fractions()
    monkeypatch.setattr(compositions, "_IN_MEMORY", 100)
    mapped = open_frames(directory)
    assert np.array_equal(mapped.fractions(), expected)
    assert not mapped.fractions().flags.writeable
    assert type(mapped.fractions() @ np.ones(94)) is np.ndarray
    (file,) = (lab_home / "cache" / "fractions").iterdir()
    before = file.stat().st_mtime_ns
    assert np.array_equal(open_frames(directory).fractions(), expected)
    assert file.stat().st_mtime_ns == before, "it is written once"
    forget_fractions(mapped.fingerprint)
    assert not file.exists()


@pytest.mark.parametrize("content", [b"", b"nonsense" * 40])
def test_a_damaged_file_is_written_again(directory, lab_home, monkeypatch, content):
    data = open_frames(directory)
    expected = data.fractions()
    monkeypatch.setattr(compositions, "_IN_MEMORY", 100)
    file = lab_home / "cache" / "fractions" / f"{data.fingerprint}.npy"
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    assert np.array_equal(open_frames(directory).fractions(), expected)
    assert np.array_equal(np.load(file), expected)


def test_rows_that_follow_each_other_are_no_copy():
    values = np.arange(20.0).reshape(10, 2)
    for rows in ([0, 1, 2], [9], list(range(10)), [], [3, 5], [2, 1], [4, 4], [1, 3, 2, 4]):
        chosen = np.array(rows, dtype=int)
        assert np.array_equal(rows_of(values, chosen), values[chosen])
    assert np.shares_memory(rows_of(values, np.arange(10)), values)
