"""Atomic writing of files and directories, and messages for disk errors."""

import contextlib
import errno
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from core.errors import LabError
from core.home import datasets_dir

_FULL = {errno.ENOSPC, errno.EDQUOT}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_NO_ROOM = 1 << 20
_TAIL_BYTES = 1 << 18
_SMALL = 1 << 24
_BLOCK = 512
"""Bytes of the unit in which a file states the room that it takes."""

JOURNAL: Final = "import.journal"
"""File in the hidden directory of an import that can go on where it was ended."""

_CHECKPOINTS = (".pth.tar", ".pth", ".pt", ".tar")


def beside(checkpoint: Path, ending: str) -> Path:
    """Return the path of what belongs to a checkpoint: model.card.md for model.pth.tar.

    Args:
        checkpoint: the checkpoint's file.
        ending: of the other file, such as ".card.md".
    """
    own = next((one for one in _CHECKPOINTS if checkpoint.name.endswith(one)), "")
    return checkpoint.with_name(f"{checkpoint.name.removesuffix(own)}{ending}")


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a temporary file that is renamed to `path` once it is complete and on disk.

    Args:
        path: the file; an existing one is replaced. Its directory is created if missing.

    Yields:
        The open temporary file; an exception in the block removes it.

    Raises:
        OSError: if the directory cannot be written or the disk is full; nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def whole_path(path: Path) -> Iterator[Path]:
    """Offer a path for a library that opens its file itself; renamed to `path` at the end.

    Args:
        path: the file; an existing one is replaced. Its directory is created if missing.

    Yields:
        A path of the same name in a hidden directory, which is removed at the end or on an error.

    Raises:
        OSError: if the directory cannot be written or the disk is full; nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as directory:
        partial = Path(directory) / path.name
        yield partial
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file atomically, so that not even a power failure leaves half of it.

    Args:
        path: the file; an existing one is replaced. Its directory must exist.
        content: all of its bytes.

    Raises:
        OSError: if the directory is missing or cannot be written, or the disk is full; nothing is
            left behind.
    """
    # Writing into a deleted run must not create its directory again.
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path.parent))
    with whole_file(path) as file:
        file.write(content)


def rewrite(path: Path, content: bytes) -> None:
    """Replace a small file as `write_whole`, and on a full disk within the room that it has.

    The latter is not atomic: a power failure in that moment leaves a mixture.

    Args:
        path: the file, which exists.
        content: all of its bytes, of a form that spaces may follow.

    Raises:
        OSError: as `write_whole`, and if it does not fit into the blocks that the file has.
    """
    try:
        write_whole(path, content)
    except OSError as error:
        stat = path.stat()
        if not is_full_disk(error) or len(content) > stat.st_blocks * _BLOCK:
            raise
        with path.open("r+b", buffering=0) as file:
            file.write(content.ljust(stat.st_size))


@contextlib.contextmanager
def new_directory(directory: Path) -> Iterator[Path]:
    """Create a hidden directory that is renamed to `directory` at the end, or removed on an error.

    Files in it must be synced by their writer, as `write_whole` does.

    Args:
        directory: the final directory; must not exist.

    Yields:
        The hidden directory.

    Raises:
        LabError: if the final directory exists.
    """
    refuse_taken(directory)
    directory.parent.mkdir(parents=True, exist_ok=True)
    partial = directory.parent / f".{directory.name}.{os.getpid()}-{secrets.token_hex(4)}.partial"
    partial.mkdir()
    try:
        yield partial
        publish(partial, directory)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def publish(partial: Path, directory: Path) -> None:
    """Give a directory that is complete its final name, durably.

    Raises:
        LabError: if the final directory exists.
    """
    sync_directory(partial)
    try:
        partial.rename(directory)
    except OSError:
        refuse_taken(directory)
        raise
    sync_directory(directory.parent)


def remove_partial(process: int) -> None:
    """Remove the data sets that a process had not finished when it was ended."""
    for partial in datasets_dir().glob(f".*.{process}-*.partial"):
        shutil.rmtree(partial, ignore_errors=True)


def refuse_taken(directory: Path) -> None:
    """Raise LabError if a directory exists already."""
    if directory.exists():
        raise LabError(
            f"{directory} exists already; choose another name or delete that data set first."
        )


def refuse_devices(path: Path) -> None:
    """Refuse what is neither a file nor a folder: reading from a pipe may never end.

    Raises:
        LabError: if it is a pipe, a device or a socket.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise LabError(f"{path} is a pipe or a device; write what comes from it to a file.")


def small_content(path: Path) -> bytes:
    """Return the content of a file that is small by its nature, as one of references.

    Raises:
        LabError: if it is no file, or one of more than 16 MB.
        OSError: if it cannot be read.
    """
    refuse_devices(path)
    with path.open("rb") as file:
        content = file.read(_SMALL + 1)
    if len(content) > _SMALL:
        raise LabError(f"{path} has more than {_SMALL >> 20} MB, and such files are small.")
    return content


def last_lines(path: Path, n: int) -> list[str]:
    """Return the last lines of a text file; none where it cannot be read.

    Args:
        path: the file.
        n: largest number of lines.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    return text.splitlines()[-n:] if n > 0 else []


def sync_directory(path: Path) -> None:
    """Sync the entries of a directory."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_full_disk(error: BaseException | None) -> bool:
    """Return whether an error says that the disk is full."""
    return isinstance(error, OSError) and error.errno in _FULL


def disk_is_full(path: Path) -> bool:
    """Return whether less than a mebibyte is free on the disk of a directory."""
    try:
        return shutil.disk_usage(path).free < _NO_ROOM
    except OSError:
        return False


_SHOWN = 40
"""Characters of a long name that a message shows."""


def disk_error_message(error: OSError, path: Path | None = None) -> str:
    """Return one sentence on a disk error and its remedy.

    Args:
        error: the error.
        path: the file, used if the error names none.
    """
    where = error.filename or path or "A file"
    if error.errno == errno.ENAMETOOLONG:
        name = max(Path(str(where)).parts, key=len, default="")
        return f"The name {name[:_SHOWN]}… has {len(name)} characters; choose a shorter one."
    if error.errno in _FULL:
        return f"{where}: the disk is full; free some space, then resume or try again."
    if error.errno in _FORBIDDEN:
        return (
            f"{where}: no permission to write; change its permissions, or set ATOMREF_LAB_HOME to "
            "a directory of yours."
        )
    if error.errno == errno.ENOENT:
        return f"{where}: there is no such file or directory; check the path."
    reason = (error.strerror or str(error)).lower()
    return f"{where}: cannot be used ({reason}); check the path and the disk."


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn an OSError of the block into a LabError of one sentence.

    Args:
        path: the file that the block writes.

    Raises:
        LabError: if the block raises OSError.
    """
    try:
        yield
    except OSError as error:
        raise LabError(disk_error_message(error, path)) from error
