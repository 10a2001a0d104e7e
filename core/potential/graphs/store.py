"""The graphs of a data set: converted into memory where few are needed, else kept on the disk.

Measured on one core, structures of 32 atoms in the mean: to convert one and keep it takes 0.38 ms,
to read it back 0.02 ms, from memory and from the store alike, and a record has 7 kB. Training needs
every graph once per epoch, and every graph's cost before the first one, so all are converted at
least once; beyond `IN_MEMORY` frames the results are worth their room on the disk (240,000 frames:
1.7 GB after 90 s of one core, divided among all of them). One store serves all runs on a data set:
its validation and test frames are in every run, so a store of one run's frames would save little.
What takes a few hundred frames at a time and needs each once, such as an evaluation, uses a store
that is there and does not make one.
"""

import contextlib
import errno
import io
import json
import mmap
import os
import shutil
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from core.errors import LabError
from core.files import new_directory, write_whole
from core.frames.schema import Frame, Structures
from core.home import cache_dir
from core.potential.graph import PackedGraph
from core.potential.graphs.making import INDEX, WHAT, bytes_of, convert_rows
from core.potential.graphs.records import RECORD_VERSION, RecordSize, decode, length_of
from core.progress import Progress, report, silent

IN_MEMORY = 8192
"""Frames that are converted for one run and held in memory: 3 s and 60 MB. With more, the wait at
the start of every run begins to be felt."""

_POLL_SECONDS = 0.5

_RECORDS, _PLACES, _SUMMARY = "records.bin", "places.npy", "summary.json"
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(kw_only=True, frozen=True, slots=True)
class GraphTable:
    """Graphs one after the other in one buffer, in memory or mapped from a file.

    Attributes:
        index: where each record begins, its sizes and its CRC-32, (n,); no bonds where there is no
            graph.
        records: the bytes.
        left_out: by place, why a structure has no graph.
        path: the file of the records, whose checksums are compared; None in memory.
        is_sound: which records were found sound, (n,).
    """

    index: NDArray[np.void]
    records: NDArray[np.uint8]
    left_out: Mapping[int, str]
    path: Path | None = None
    is_sound: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))

    def costs(self, places: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return `PackedGraph.cost` of some places, 0 where there is no graph."""
        rows = self.index[places]
        return 2 * rows["n_bonds"].astype(np.int64) + rows["n_angles"]

    def graph(self, place: int, frame: Frame) -> PackedGraph:
        """Return the graph of one place, whose structure is that of `frame`.

        Raises:
            LabError: if its record is damaged.
        """
        begin, *sizes, crc = self.index[place].item()
        size = RecordSize(*sizes)
        if self.path is not None and not self.is_sound[place]:
            if zlib.crc32(self.records[begin : begin + length_of(size)].data) != crc:
                raise LabError(
                    f"{self.path} is damaged at the graph of frame {place}; delete the directory "
                    f"{self.path.parent}, and it is made again."
                )
            self.is_sound[place] = True
        return decode(self.records[begin:], size, frame)


def find_graphs(
    structures: Structures,
    rows: NDArray[np.integer],
    progress: Progress = silent,
) -> tuple[GraphTable, NDArray[np.int64]]:
    """Return the graphs of some rows, from the data set's store or converted now.

    The store is used where there is one, and made where more than `IN_MEMORY` rows are wanted.

    Args:
        structures: the data set; without a fingerprint it has no store.
        rows: rows of it, (n,).
        progress: reports the structures converted; an exception that it raises leaves nothing
            behind.

    Returns:
        The graphs, and at which place in them each of the rows is, (n,).

    Raises:
        LabError: if the disk is full.
    """
    if structures.fingerprint:
        path = store_path(structures)
        table = _open(path, structures)
        if table is None and len(rows) > IN_MEMORY:
            table = _make(path, structures, progress)
        if table is not None:
            return table, np.asarray(rows, dtype=np.int64)
    sink = io.BytesIO()
    index, left_out = convert_rows(structures, rows, sink, progress)
    records = np.frombuffer(sink.getbuffer(), dtype=np.uint8)
    return GraphTable(index=index, records=records, left_out=left_out), np.arange(len(rows))


def store_path(structures: Structures) -> Path:
    """Return the directory that a data set's store has, or would have."""
    return cache_dir() / "graphs" / f"{structures.fingerprint}-v{RECORD_VERSION}"


def store_bytes(structures: Structures, n_rows: int) -> int | None:
    """Return roughly how many bytes a store will take on the disk.

    Args:
        structures: the data set.
        n_rows: number of rows that are wanted of it.

    Returns:
        Bytes, estimated from some frames; None if the store is there, or will not be made.
    """
    if n_rows <= IN_MEMORY or not structures.fingerprint or store_path(structures).exists():
        return None
    return bytes_of(structures, np.arange(len(structures)))


def _open(path: Path, structures: Structures) -> GraphTable | None:
    """Map a store; None if there is none, or none that is whole."""
    try:
        summary = json.loads((path / _SUMMARY).read_bytes())
        places = (path / _PLACES).read_bytes()
        if summary.pop("sum") != _sum_of(summary, places):
            return None
        index = np.load(io.BytesIO(places), allow_pickle=False)
        with (path / _RECORDS).open("rb") as file:
            records = np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
        left_out = {int(place): str(why) for place, why in summary["left_out"].items()}
        whole = summary["n_bytes"] == len(records)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError):
        return None
    if not whole or index.dtype != INDEX or index.shape != (len(structures),):
        return None
    is_sound = np.zeros(len(index), dtype=bool)
    return GraphTable(
        index=index, records=records, left_out=left_out, path=path / _RECORDS, is_sound=is_sound
    )


def _sum_of(summary: Mapping[str, Any], places: bytes) -> int:
    """Return the CRC-32 of a store's places and of its summary."""
    return zlib.crc32(json.dumps(summary, sort_keys=True).encode(), zlib.crc32(places))


def _make(path: Path, structures: Structures, progress: Progress) -> GraphTable | None:
    """Write the store of a data set, or wait for the process that is writing it, and map it."""
    path.parent.mkdir(exist_ok=True)
    _sweep(path.parent)
    with _locked(path, structures, progress):
        table = _open(path, structures)
        if table is None:
            # What exists is damaged. A process that has mapped it keeps what is mapped.
            shutil.rmtree(path, ignore_errors=True)
            _write(path, structures, progress)
            table = _open(path, structures)
    return table


def _write(path: Path, structures: Structures, progress: Progress) -> None:
    rows = np.arange(len(structures))
    estimate = bytes_of(structures, rows)
    progress(0.0, f"{WHAT}: {len(rows):,} graphs take {estimate / 1e9:,.2f} GB on the disk")
    if shutil.disk_usage(path.parent).free < estimate:
        raise _too_full(path, len(rows), estimate)
    try:
        with new_directory(path) as partial:
            with (partial / _RECORDS).open("wb") as file:
                index, left_out = convert_rows(structures, rows, file, progress)
                file.flush()
                os.fsync(file.fileno())
                n_bytes = file.tell()
            places = io.BytesIO()
            np.save(places, index)
            write_whole(partial / _PLACES, places.getvalue())
            reasons = {str(place): why for place, why in left_out.items()}
            summary: dict[str, Any] = {"n_bytes": n_bytes, "left_out": reasons}
            summary["sum"] = _sum_of(summary, places.getvalue())
            write_whole(partial / _SUMMARY, json.dumps(summary).encode())
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise _too_full(path, len(rows), estimate) from None


def _too_full(path: Path, n: int, n_bytes: int) -> LabError:
    return LabError(
        f"The disk is too full to keep the graphs of {n:,} frames in {path.parent}; free about "
        f"{n_bytes / 1e9:,.2f} GB, or set ATOMREF_LAB_HOME to a larger disk."
    )


def _locked(
    path: Path, structures: Structures, progress: Progress
) -> contextlib.AbstractContextManager[object]:
    """Acquire a store's lock, which the system releases when its holder ends.

    Meanwhile what the holder has written is reported.
    """
    n, estimate = len(structures), 0
    while True:
        try:
            return _lock(path).acquire(timeout=_POLL_SECONDS)
        except Timeout:
            estimate = estimate or bytes_of(structures, np.arange(n))
            written = 0
            with contextlib.suppress(OSError):  # it may be complete meanwhile
                for file in path.parent.glob(f".{path.name}.*.partial/{_RECORDS}"):
                    written += file.stat().st_size
            report(progress, min(n, n * written // max(estimate, 1)), n, WHAT)


def _sweep(folder: Path) -> None:
    """Remove what writers that are dead have left: that whose lock is free."""
    for left in folder.glob(".*.partial"):
        path = folder / left.name.removeprefix(".").rsplit(".", 2)[0]
        with contextlib.suppress(Timeout), _lock(path).acquire(blocking=False):
            shutil.rmtree(left, ignore_errors=True)


def _lock(path: Path) -> FileLock:
    # Beside the store, and never removed: a lock that a process waits for must stay the same file.
    return FileLock(path.with_name(f"{path.name}.lock"))
