"""Files as streams of bytes, decompressed by what they begin with; the broken say why they end."""

import bz2
import gzip
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, cast

import pyarrow as pa

from core.boxed import count_read

_MAGIC: Final = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bz2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
}
_SUFFIXES: Final = frozenset({".gz", ".bz2", ".xz", ".zst", ".zstd", ".lz4"})
MOST_EXPANDED: Final = 100
"""Times its size to which a compressed file may expand."""
_SMALL: Final = 16 << 20
_ERRORS: Final = (OSError, EOFError, zlib.error, lzma.LZMAError, pa.ArrowException)


class BrokenStreamError(Exception):
    """A file that cannot be read further; the reason is the end of a sentence."""


class ExpandsError(BrokenStreamError):
    """A compressed file that is far larger than it seems."""


class ByteStream:
    """The bytes of a file, decompressed.

    Attributes:
        path: the file.
        compression: "gzip", "bz2", "xz", "zstd", "lz4", or None.
    """

    def __init__(self, path: Path, raw: BinaryIO) -> None:
        self.path = path
        self.compression = compression_of(raw.read(6))
        raw.seek(0)
        self._raw = raw
        self._size = max(path.stat().st_size, 1)
        self._n_read = 0
        self._file = _decompressed(raw, self.compression)

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, none at the end.

        Raises:
            BrokenStreamError: if the file breaks off or is damaged.
        """
        count_read()
        try:
            part = bytes(self._file.read1(size))  # type: ignore[attr-defined]
        except _ERRORS as error:
            how = (
                "breaks off"
                if isinstance(error, EOFError) or "runcated" in str(error)
                else "is damaged"
            )
            name = f"the {self.compression} file" if self.compression else "the file"
            raise BrokenStreamError(f"{name} {how}") from None
        self._n_read += len(part)
        if self.compression and self._n_read > max(_SMALL, MOST_EXPANDED * self._raw.tell()):
            raise ExpandsError(
                f"it expands to more than {MOST_EXPANDED} times its size; decompress it first if "
                "it is sound"
            )
        return part

    @property
    def share(self) -> float:
        """Share of the file that has been read, from 0 to 1."""
        return min(self._raw.tell() / self._size, 1.0)


class _ArrowFile:
    """A stream that pyarrow decompresses."""

    def __init__(self, raw: BinaryIO, compression: str) -> None:
        self._stream = pa.CompressedInputStream(pa.PythonFile(raw, "r"), compression)

    def read1(self, size: int) -> bytes:
        return bytes(self._stream.read(size))


@contextmanager
def open_bytes(path: Path) -> Iterator[ByteStream]:
    """Open a file as a stream of decompressed bytes."""
    with path.open("rb") as raw:
        yield ByteStream(path, raw)


def head_of(path: Path, size: int = 1 << 16) -> bytes:
    """Return the first decompressed bytes of a file, none if it is no file or cannot be read."""
    if not path.is_file():
        return b""
    parts, length = [], 0
    try:
        with open_bytes(path) as stream:
            while length < size and (part := stream.read(size - length)):
                parts.append(part)
                length += len(part)
    except (BrokenStreamError, OSError):
        pass
    return b"".join(parts)


def compression_of(head: bytes) -> str | None:
    """Return how a file is compressed by its first bytes, None if it is not."""
    return next((name for magic, name in _MAGIC.items() if head.startswith(magic)), None)


def plain_suffix(path: Path) -> str:
    """Return the suffix of a file's name in lower case, without that of its compression."""
    name = path.name.lower()
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    return Path(name).suffix


def _decompressed(raw: BinaryIO, compression: str | None) -> BinaryIO:
    match compression:
        case "gzip":
            return cast("BinaryIO", gzip.GzipFile(fileobj=raw))
        case "bz2":
            return cast("BinaryIO", bz2.BZ2File(raw))
        case "xz":
            return cast("BinaryIO", lzma.LZMAFile(raw))
        case None:
            return raw
    return cast("BinaryIO", _ArrowFile(raw, compression))
