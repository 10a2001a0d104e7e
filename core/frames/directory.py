"""Directories that appear whole or not at all."""

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from core.errors import LabError

CARD = "card.json"


@contextlib.contextmanager
def new_directory(directory: Path) -> Iterator[Path]:
    """Give a hidden directory beside the final place to write in, and rename it at the end.

    An error on the way removes it; files must be fsynced by whoever writes them.

    Raises:
        LabError: The final place is taken.
    """
    refuse_taken(directory)
    directory.parent.mkdir(parents=True, exist_ok=True)
    partial = directory.parent / f".{directory.name}.{secrets.token_hex(4)}.partial"
    partial.mkdir()
    try:
        yield partial
        sync_directory(partial)
        try:
            partial.rename(directory)
        except OSError:
            refuse_taken(directory)
            raise
        sync_directory(directory.parent)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def refuse_taken(directory: Path) -> None:
    """Raise LabError if a directory exists already."""
    if directory.exists():
        raise LabError(
            f"{directory} exists already; choose another name or delete that data set first."
        )


def write_file(path: Path, data: bytes) -> None:
    """Write a small file and wait until it is on the disk."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_directory(path: Path) -> None:
    """Wait until a directory's entries are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
