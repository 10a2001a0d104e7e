"""HDF5 files, of which nothing outside is read, where their links and arrays may lead."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import h5py

from core.frames.tables.compression import head_of

MAGIC: Final = b"\x89HDF\r\n\x1a\n"
ERRORS: Final = (OSError, RuntimeError, KeyError, ValueError, TypeError)
"""What h5py raises on damaged files."""


@contextmanager
def open_hdf5(path: Path) -> Iterator[h5py.File]:
    """Open an HDF5 file for reading, without locking it."""
    with h5py.File(path, "r", locking=False) as file:
        yield file


def is_hdf5(path: Path) -> bool:
    """Return whether a file begins as HDF5."""
    return path.is_file() and head_of(path, len(MAGIC)).startswith(MAGIC)


def member(group: h5py.Group, name: str) -> Any:
    """Return a group or an array inside a group, None if there is none inside this file."""
    for part in name.split("/"):
        if not isinstance(group, h5py.Group) or not isinstance(
            group.get(part, getlink=True), h5py.HardLink
        ):
            return None
        group = group.get(part)
    if isinstance(group, h5py.Dataset) and (group.external or group.is_virtual):
        return None
    return group


def array(group: h5py.Group, name: str) -> h5py.Dataset | None:
    """Return an array inside a group, None if there is none inside this file."""
    found = member(group, name)
    return found if isinstance(found, h5py.Dataset) else None


def groups(group: h5py.Group, depth: int = 0, *, deepest: int = 4) -> Iterator[h5py.Group]:
    """Yield the groups below a group, in the order of their names, before what is below them."""
    for name in group:
        found = member(group, name)
        if isinstance(found, h5py.Group):
            yield found
            if depth + 1 < deepest:
                yield from groups(found, depth + 1, deepest=deepest)
