import errno
import os
import shutil
import signal
import threading
from dataclasses import fields, replace
from types import SimpleNamespace

import numpy as np
import pytest

from core.errors import LabError
from core.frames.schema import Card
from core.frames.store import open_frames, write_frames
from core.potential.graph import convert
from core.potential.graphs import making, store
from core.potential.graphs.store import find_graphs, store_bytes, store_path
from tests.labelled_lab import (  # noqa: F401
    complete,
    complete_frames,
    energies_only,
    home,
    mixed,
    mixed_frames,
    one_thread,
    stock,
    use_home,
)

LONELY = 3
"""The frame with an atom that has no neighbour."""


@pytest.fixture(autouse=True)
def own_home(use_home, tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))
    monkeypatch.setattr(store, "IN_MEMORY", 10)
    monkeypatch.setattr(making, "_CHUNK", 5)
    monkeypatch.setattr(making, "_SAMPLED", 0)


@pytest.fixture
def lonely(tmp_path, complete_frames):
    """A data set with one frame that CHGNet cannot represent."""
    frames = list(complete_frames)
    frames[LONELY] = replace(frames[LONELY], lattice=np.eye(3) * 30)
    write_frames(tmp_path / "set", Card(name="lonely", kind="frames", functional="x"), frames)
    return open_frames(tmp_path / "set")


@pytest.fixture
def conversions(monkeypatch):
    """Counts what is converted."""
    made = []

    def counted(*arrays):
        made.append(1)
        return convert(*arrays)

    monkeypatch.setattr(making, "convert", counted)
    return made


def cached(frame_set):
    folder = store_path(frame_set).parent
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def whole(frame_set):
    """What a finished store leaves: itself and its lock."""
    name = store_path(frame_set).name
    return [name, f"{name}.lock"]


def assert_right(frame_set, rows):
    table, places = find_graphs(frame_set, np.array(rows))
    costs = table.costs(places)
    for row, place, cost in zip(rows, places, costs, strict=True):
        frame = frame_set.frame(row)
        if row == LONELY:
            assert cost == 0
            assert "no neighbour within 6 Å" in table.left_out[place]
            continue
        expected = convert(frame.atomic_numbers, frame.frac_coords, frame.lattice)
        assert cost == expected.cost
        graph = table.graph(place, frame)
        for field in fields(expected):
            np.testing.assert_array_equal(getattr(graph, field.name), getattr(expected, field.name))


def test_few_are_converted_and_kept_nowhere(lonely, conversions):
    assert_right(lonely, [7, 3, 0, 3])
    assert cached(lonely) == []
    assert len(conversions) == 4


def test_many_are_kept_once_for_all_rows(lonely, conversions):
    told = []
    find_graphs(lonely, np.arange(11), lambda *progress: told.append(progress))
    assert told[0] == (0, "Converting structures: 24 graphs take 0.00 GB on the disk")
    assert told[1:] == [(n / 24, f"Converting structures: {n} of 24") for n in (5, 10, 15, 20, 24)]
    assert cached(lonely) == whole(lonely)
    assert_right(lonely, [*range(24), 3, 5])
    assert_right(lonely, [20, 3])
    assert len(conversions) == 24


def test_several_processes_write_what_one_writes(lonely, monkeypatch):
    find_graphs(lonely, np.arange(24))
    path = store_path(lonely)
    alone = {file.name: file.read_bytes() for file in path.iterdir()}
    shutil.rmtree(path)
    monkeypatch.setattr(making, "_MANY", 10)
    monkeypatch.setattr(making, "usable_cores", lambda: 2)
    assert_right(lonely, range(24))
    assert {file.name: file.read_bytes() for file in path.iterdir()} == alone


def test_the_size_is_known_before(lonely, monkeypatch):
    monkeypatch.setattr(making, "_SAMPLED", 24)
    expected = store_bytes(lonely, 24)
    assert store_bytes(lonely, 10) is None
    find_graphs(lonely, np.arange(24))
    files = [file for file in store_path(lonely).iterdir() if file.suffix != ".json"]
    assert sum(file.stat().st_size for file in files) == pytest.approx(expected, abs=400)
    assert store_bytes(lonely, 24) is None


def test_a_disk_that_is_too_small_is_told_before(lonely, monkeypatch, conversions):
    monkeypatch.setattr(making, "_SAMPLED", 24)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=100))
    with pytest.raises(LabError, match=r"too full to keep the graphs of 24 .* about 0\.00 GB"):
        find_graphs(lonely, np.arange(24))
    assert len(conversions) == 24


def truncate(path):
    os.truncate(path / "records.bin", 100)


def empty(path):
    (path / "places.npy").write_bytes(b"")


def shorten(path):
    np.save(path / "places.npy", np.load(path / "places.npy")[:-1])


def scribble(path):
    (path / "summary.json").write_text("[1, 2]")


def forget(path):
    (path / "records.bin").unlink()


@pytest.mark.parametrize("damage", [truncate, empty, shorten, scribble, forget])
def test_a_damaged_store_is_made_again(lonely, conversions, damage):
    find_graphs(lonely, np.arange(24))
    damage(store_path(lonely))
    assert_right(lonely, [1, 2])
    assert len(conversions) == 26
    assert_right(lonely, range(24))
    assert len(conversions) == 50
    assert cached(lonely) == whole(lonely)
    assert_right(lonely, range(24))
    assert len(conversions) == 50


def test_a_cancelled_writer_leaves_nothing(lonely):
    def cancel(share, what):
        if share >= 10 / 24:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        find_graphs(lonely, np.arange(24), cancel)
    assert cached(lonely) == whole(lonely)[1:]
    assert_right(lonely, range(24))


def test_what_a_killed_writer_leaves_is_swept(lonely):
    child = os.fork()
    if not child:
        find_graphs(
            lonely, np.arange(24), lambda share, _: share and os.kill(os.getpid(), signal.SIGKILL)
        )
        os._exit(0)
    os.waitpid(child, 0)
    assert len(cached(lonely)) == 2
    assert cached(lonely)[0].endswith(".partial")
    assert_right(lonely, range(24))
    assert cached(lonely) == whole(lonely)


def test_a_living_writer_is_not_swept(lonely, tmp_path):
    folder = tmp_path / "cache" / "graphs"
    for name in ("alive", "dead"):
        (folder / f".{name}-v1.0123abcd.partial").mkdir(parents=True)
    with store._lock(folder / "alive-v1").acquire():
        find_graphs(lonely, np.arange(24))
    assert (folder / ".alive-v1.0123abcd.partial").exists()
    assert not (folder / ".dead-v1.0123abcd.partial").exists()


def test_two_writers_make_one_store(lonely, conversions, monkeypatch):
    monkeypatch.setattr(store, "_POLL_SECONDS", 0.01)
    started, seen, waiting = threading.Event(), threading.Event(), []

    def slow(share, what):
        started.set()
        # goes on once the other has been seen to wait
        seen.wait(5)

    def waits(share, what):
        waiting.append(share)
        seen.set()

    first = threading.Thread(target=find_graphs, args=(lonely, np.arange(24), slow))
    first.start()
    started.wait(5)
    find_graphs(lonely, np.arange(24), waits)
    first.join()
    # Of what the other has written the size tells the share.
    assert waiting
    assert all(0.0 <= share <= 1.0 for share in waiting)
    assert len(conversions) == 24
    assert cached(lonely) == whole(lonely)


def test_a_full_disk_is_told(lonely, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LabError, match=r"too full to keep the graphs of 24 frames .* free about"):
        find_graphs(lonely, np.arange(24))
    assert cached(lonely) == whole(lonely)[1:]


def test_rows_without_a_structure_have_no_graph(lonely):
    class Pairs:
        fingerprint = ""

        def __len__(self):
            return 24

        def frames(self, rows):
            return [None if row % 2 else lonely.frame(int(row)) for row in rows]

    table, places = find_graphs(Pairs(), np.arange(24))
    assert ((table.costs(places) > 0) == (np.arange(24) % 2 == 0)).all()
    assert not table.left_out
    assert cached(lonely) == []


def flips(content, n):
    """Yield the contents with one flipped bit, at even distances."""
    for bit in np.linspace(0, 8 * len(content) - 1, n).astype(int).tolist():
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        yield bytes(changed)


def read_all(table, frame_set):
    for place in set(range(len(frame_set))) - {LONELY}:
        table.graph(place, frame_set.frame(place))


def test_every_flipped_bit_of_the_records_is_told(lonely):
    find_graphs(lonely, np.arange(len(lonely)))
    file = store_path(lonely) / "records.bin"
    for content in flips(file.read_bytes(), 60):
        # What a process has mapped stays as it was.
        file.unlink()
        file.write_bytes(content)
        table, _ = find_graphs(lonely, np.arange(len(lonely)))
        with pytest.raises(LabError, match=r"records\.bin is damaged at the graph of frame"):
            read_all(table, lonely)


@pytest.mark.parametrize("name", ["places.npy", "summary.json"])
def test_every_flipped_bit_of_the_index_makes_the_store_anew(lonely, name):
    find_graphs(lonely, np.arange(len(lonely)))
    file = store_path(lonely) / name
    whole_file = file.read_bytes()
    for content in flips(whole_file, 60):
        file.write_bytes(content)
        assert store._open(file.parent, lonely) is None
    assert_right(lonely, range(len(lonely)))
    assert file.read_bytes() == whole_file
