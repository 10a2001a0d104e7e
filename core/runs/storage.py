"""Writing small files so that a reader, a crash or a full disk never leaves half of one."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import LabError

_FULL = {errno.ENOSPC, errno.EDQUOT}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_NO_ROOM = 1 << 20


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that appears whole or not at all, also after a power cut.

    Args:
        path: the file; an older one of this name is replaced.
        content: all of its bytes.

    Raises:
        OSError: if the directory cannot be written or the disk is full; nothing is left behind.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def disk_is_full(path: Path) -> bool:
    """Tell whether the disk under a directory has less than a mebibyte left."""
    try:
        return shutil.disk_usage(path).free < _NO_ROOM
    except OSError:
        return False


def storage_sentence(error: OSError, path: Path) -> str:
    """Say in one sentence what went wrong with the disk, and the remedy.

    Args:
        error: what the operating system answered.
        path: what was being written, named where the error itself names no file.
    """
    where = error.filename or path
    if error.errno in _FULL:
        return f"{where}: the disk is full; free some space, then resume or try again."
    if error.errno in _FORBIDDEN:
        return (
            f"{where}: may not be written; correct its permissions, or set ATOMREF_LAB_HOME to a "
            "directory of yours."
        )
    reason = (error.strerror or str(error)).lower()
    return f"{where}: cannot be used ({reason}); check the path and the disk."


@contextmanager
def disk_errors_told(path: Path) -> Iterator[None]:
    """Turn errors of the operating system into a LabError of one sentence.

    Args:
        path: what the block writes.

    Raises:
        LabError: where the block raised OSError.
    """
    try:
        yield
    except OSError as error:
        raise LabError(storage_sentence(error, path)) from error
