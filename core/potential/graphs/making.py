"""Conversion of many structures into the records of graphs, by one process or by several.

What several processes write is, byte for byte, what one would write.
"""

import os
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import IO, Final

import numpy as np
from numpy.typing import NDArray

from core.boxed import end_with_parent
from core.errors import LabError
from core.frames.schema import Structures
from core.frames.store import FrameSet, open_frames
from core.potential.graph import convert
from core.potential.graphs.records import RecordSize, encode
from core.process import usable_cores
from core.progress import Progress, report

INDEX: Final = np.dtype(
    [("offset", "<i8")] + [(name, "<i4") for name in RecordSize._fields] + [("sum", "<u4")]
)
"""Where a record begins, its sizes and its CRC-32."""

Converted = tuple[bytes, NDArray[np.void], dict[int, str]]
"""Records, their index with offsets from the first byte, and why a place has none."""

_MANY = 20_000
"""Frames that are converted by one process: 8 s. To start others takes 2 s."""

_CHUNK = 256
"""Frames converted between two calls of a progress callback."""

_SAMPLED = 32

WHAT: Final = "Converting structures"


def convert_rows(
    structures: Structures,
    rows: NDArray[np.integer],
    sink: IO[bytes],
    progress: Progress,
) -> tuple[NDArray[np.void], dict[int, str]]:
    """Write the records of some rows.

    Args:
        structures: the data set.
        rows: rows of it, (n,).
        sink: receives the records.
        progress: reports the structures converted.

    Returns:
        Index of the records, (n,) of `INDEX`, and by place why a structure has none.
    """
    index = np.zeros(len(rows), dtype=INDEX)
    left_out: dict[int, str] = {}
    begin, end = 0, 0
    for records, part, reasons in _parts(structures, rows):
        sink.write(records)
        part["offset"][part["n_bonds"] > 0] += end
        index[begin : begin + len(part)] = part
        left_out |= {begin + place: why for place, why in reasons.items()}
        begin, end = begin + len(part), end + len(records)
        report(progress, begin, len(rows), WHAT)
    return index, left_out


def bytes_of(structures: Structures, rows: NDArray[np.integer]) -> int:
    """Return roughly how many bytes the records of some rows take, from a sample."""
    sample = np.sort(np.random.default_rng(0).permutation(rows)[:_SAMPLED])
    records, index, _ = _converted(structures, sample)
    return round((len(records) + index.nbytes) / max(len(sample), 1) * len(rows))


def _parts(structures: Structures, rows: NDArray[np.integer]) -> Iterator[Converted]:
    chunks = [rows[begin : begin + _CHUNK] for begin in range(0, len(rows), _CHUNK)]
    cores = usable_cores()
    if cores > 1 and len(rows) > _MANY and isinstance(structures, FrameSet):
        yield from _by_processes(structures.path, chunks, cores)
    else:
        yield from (_converted(structures, chunk) for chunk in chunks)


def _by_processes(
    path: Path, chunks: Sequence[NDArray[np.integer]], cores: int
) -> Iterator[Converted]:
    """Yield what each chunk is converted into, in order; a few are ahead of the caller."""
    # Torch has threads, which a fork would not survive.
    pool = ProcessPoolExecutor(
        cores, get_context("spawn"), initializer=_begin, initargs=(path, os.getpid())
    )
    left = iter(chunks)
    ahead: deque[Future[Converted]] = deque()
    try:
        ahead += [pool.submit(_converted_here, chunk) for chunk in islice(left, 4 * cores)]
        while ahead:
            yield ahead.popleft().result()
            ahead += [pool.submit(_converted_here, chunk) for chunk in islice(left, 1)]
    finally:
        pool.shutdown(cancel_futures=True)


class _Here:
    """The data set of which this process converts structures."""

    structures: FrameSet


def _begin(path: Path, parent: int) -> None:
    end_with_parent(parent)
    _Here.structures = open_frames(path)


def _converted_here(rows: NDArray[np.integer]) -> Converted:
    return _converted(_Here.structures, rows)


def _converted(structures: Structures, rows: NDArray[np.integer]) -> Converted:
    index = np.zeros(len(rows), dtype=INDEX)
    left_out: dict[int, str] = {}
    records: list[bytes] = []
    end = 0
    for place, frame in enumerate(structures.frames(rows)):
        if frame is None:
            continue
        try:
            graph = convert(frame.atomic_numbers, frame.frac_coords, frame.lattice)
        except LabError as error:
            left_out[place] = str(error)
            continue
        size, record = encode(graph)
        records.append(record.tobytes())
        index[place] = (end, *size, zlib.crc32(record.data))
        end += len(record)
    return b"".join(records), index, left_out
