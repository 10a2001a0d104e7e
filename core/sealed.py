"""Archives that carry a digest of themselves: checkpoints and results, which are zip files.

Their readers compare only some of an archive's checksums, torch none. The digest stands in the
comment at the end of the archive, where other readers pass over it, so that a copy keeps it.
"""

import hashlib
import struct
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Final

from core.errors import LabError

UNREADABLE: Final = (zipfile.BadZipFile, OSError, ValueError, RuntimeError)
"""What zipfile raises for a damaged archive, an encrypted one, or an unknown compression."""

UNREADABLE_ARRAYS: Final = (
    OSError,
    ValueError,
    LookupError,
    ArithmeticError,
    RuntimeError,
    MemoryError,
    SyntaxError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    tokenize.TokenError,
)
"""Errors that numpy raises on a file of arrays that is missing, damaged or of another kind."""

_END: Final = b"PK\x05\x06"
_END_SIZE: Final = 22
"""Bytes of the record that ends an archive without a comment; the last two are its length."""

_MARK: Final = b"blake2b:"
_SIZE: Final = len(_MARK) + 32

_SOUND: set[tuple[str, int, int]] = set()
"""Files that were found sound in this process, by path, size and time."""


def sealed(archive: bytes) -> bytes:
    """Return an archive without a comment with its digest as the comment."""
    body = archive[:-2] + struct.pack("<H", _SIZE)
    return body + _digest(body)


def check_seal(path: Path, remedy: str) -> None:
    """Compare a file with the digest that it carries, once per process.

    An archive without a comment, as chgnet and older versions wrote it, is not compared, and what
    is no archive is left to its reader.

    Args:
        path: the file.
        remedy: what to do if it is damaged, as the end of a sentence.

    Raises:
        LabError: if they differ, or its comment is another one.
        OSError: if it cannot be read.
    """
    stat = path.stat()
    key = (str(path), stat.st_size, stat.st_mtime_ns)
    if key in _SOUND:
        return
    with path.open("rb") as file:
        file.seek(max(0, stat.st_size - _END_SIZE - _SIZE))
        tail = file.read()
    if tail[-_END_SIZE:].startswith(_END) and tail.endswith(b"\0\0"):
        return
    if _END not in tail and _MARK not in tail:
        return
    with path.open("rb") as file:
        digest = hashlib.blake2b(digest_size=16)
        left = stat.st_size - _SIZE
        while left > 0 and (part := file.read(min(left, 1 << 20))):
            digest.update(part)
            left -= len(part)
    if tail[-_SIZE:] != _MARK + digest.hexdigest().encode():
        raise LabError(f"{path} is damaged; {remedy}.")
    _SOUND.add(key)


def is_whole(path: Path) -> bool:
    """Return whether every entry of an archive has the checksum that the archive states."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except UNREADABLE:
        return False


def _digest(body: bytes) -> bytes:
    return _MARK + hashlib.blake2b(body, digest_size=16).hexdigest().encode()
