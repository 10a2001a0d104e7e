"""Compositions of all frames of a data set, of a large one in a memory-mapped file of the cache.

The fractions of 1.6 million frames take 1.2 GB. In a file all processes share them, and the system
takes their pages back when it needs memory.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import numpy as np

from core.elements import N_ELEMENTS, fractions_from_flat
from core.files import whole_file
from core.home import cache_dir

_IN_MEMORY: Final = 64 << 20
"""Bytes up to which fractions are kept in memory."""

Compositions = Iterable[tuple[int, np.ndarray, np.ndarray]]
"""First row, flat atomic numbers and offsets of one record batch after the other."""


def fractions_of(compositions: Compositions, n: int, fingerprint: str) -> np.ndarray:
    """Return the compositions of n frames as fractions, (n, 94); of many frames read-only.

    Args:
        compositions: elements of the frames.
        n: number of frames.
        fingerprint: of the data set; names the file.
    """
    if n * N_ELEMENTS * 8 <= _IN_MEMORY:
        return _filled(compositions, n)
    path = _file(fingerprint)
    with suppress(OSError):
        stored = _stored(path, n)
        if stored is None:
            _write(path, compositions, n)
            stored = _stored(path, n)
        if stored is not None:
            return stored
    return _filled(compositions, n)


def forget_fractions(fingerprint: str) -> None:
    """Delete the file of a data set's fractions, if there is one."""
    _file(fingerprint).unlink(missing_ok=True)


def _file(fingerprint: str) -> Path:
    return cache_dir() / "fractions" / f"{fingerprint}.npy"


def _stored(path: Path, n: int) -> np.ndarray | None:
    """Return the fractions in a file, None if it is missing or damaged."""
    try:
        # A plain array: results of np.memmap are of its class, though they are in memory.
        stored = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except (FileNotFoundError, ValueError, EOFError):
        return None
    return stored if stored.shape == (n, N_ELEMENTS) else None


def _filled(compositions: Compositions, n: int) -> np.ndarray:
    fractions = np.empty((n, N_ELEMENTS))
    for start, part in _parts(compositions):
        fractions[start : start + len(part)] = part
    return fractions


def _write(path: Path, compositions: Compositions, n: int) -> None:
    head = {"descr": "<f8", "fortran_order": False, "shape": (n, N_ELEMENTS)}
    with whole_file(path) as file:
        np.lib.format.write_array_header_1_0(file, head)
        for _, part in _parts(compositions):
            file.write(np.ascontiguousarray(part, "<f8").data)


def _parts(compositions: Compositions) -> Iterator[tuple[int, np.ndarray]]:
    for start, numbers, offsets in compositions:
        yield start, fractions_from_flat(numbers, offsets)


def rows_of(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return some rows of an array, without a copy where they follow each other.

    Args:
        values: (n, ...).
        rows: (m,) integers.
    """
    m = len(rows)
    if m and int(rows[-1]) - int(rows[0]) == m - 1 and (np.diff(rows) == 1).all():
        return values[int(rows[0]) : int(rows[0]) + m]
    taken: np.ndarray = values[rows]
    return taken
