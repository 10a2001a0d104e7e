"""Checksums of Arrow files: which bytes are damaged is known before Arrow reads them.

Arrow trusts its files: a flipped bit in the metadata ends the process, one in the data changes
labels. A file is divided into the columns of its record batches and the rest, its head. The head is
compared when the file is opened and a column when it is first used in a process, so that a large
data set opens at once and no byte is read for nothing. CRC-32 notices every flipped bit and all
bursts of up to 32 bits.
"""

import hashlib
import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from core.errors import LabError
from core.files import write_whole

CHECKSUMS = "checksums.json"
"""File of the checksums, beside the files that they are of."""

_MOST_HASHED = 256 << 20
"""Bytes of a data set without checksums that are compared with its card as a whole."""

_SOUND: set[tuple[Any, ...]] = set()
"""What was found sound in this process: file, size, time, and which part of it."""

FileSums = dict[str, Any]
"""Size, CRC-32 of the head, and of each record batch the bounds and CRC-32 of its columns."""


class Checksums:
    """Checksums of the Arrow files of a directory, as they are written.

    Attributes:
        of: file name to its checksums.
    """

    def __init__(self) -> None:
        self.of: dict[str, FileSums] = {}

    def add(self, path: Path, digest: Any) -> None:
        """Add a file that has just been written, also to a hash of all of them."""
        with path.open("rb") as file, ThreadPoolExecutor(1) as pool:
            os.fsync(file.fileno())
            # Neither holds the interpreter.
            sums = pool.submit(_sums_of, path)
            hashlib.file_digest(file, lambda: digest)
            self.of[path.name] = sums.result()

    def write(self, directory: Path) -> None:
        """Write the checksums into the directory."""
        write_whole(directory / CHECKSUMS, orjson.dumps(self.of))


class CheckedBatch:
    """A record batch of which each column is compared with its checksum before its first use.

    Attributes:
        num_rows: number of rows.
    """

    def __init__(self, batch: pa.RecordBatch, file: "_File | None", number: int) -> None:
        self._batch = batch
        self._file = file
        self._number = number
        self.num_rows: int = batch.num_rows

    def column(self, name: str) -> pa.Array:
        """Return a column.

        Raises:
            LabError: if it is damaged.
        """
        place = self._batch.schema.get_field_index(name)
        if self._file is not None:
            self._file.check(self._number, place, self._batch)
        return self._batch.column(place)

    def whole(self) -> pa.RecordBatch:
        """Return the batch.

        Raises:
            LabError: if a column is damaged.
        """
        if self._file is not None:
            for place in range(self._batch.num_columns):
                self._file.check(self._number, place, self._batch)
        return self._batch


def read_checksums(directory: Path) -> dict[str, FileSums] | None:
    """Return the checksums of a directory, None if it has none, as older data sets.

    Raises:
        LabError: if they are damaged.
    """
    path = directory / CHECKSUMS
    try:
        found = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(sums, dict) for sums in found.values()):
        raise LabError(f"{path} is damaged; import the data set again.")
    return found


def open_checked(
    path: Path, schema: pa.Schema | None = None, sums: FileSums | None = None
) -> list[CheckedBatch]:
    """Memory-map the record batches of an Arrow file.

    Args:
        path: the file.
        schema: its layout.
        sums: its checksums; without them nothing is compared.

    Raises:
        LabError: if it is damaged, missing or of another layout.
    """
    try:
        content = pa.memory_map(str(path)).read_buffer()
        file = None if sums is None else _File(path, content, sums)
        reader = pa.ipc.open_file(pa.BufferReader(content))
    except (OSError, pa.ArrowException):
        raise LabError(f"{path} is damaged or missing; import the data set again.") from None
    if schema is not None and reader.schema != schema:
        raise LabError(f"{path} has the layout of another version; import the data set again.")
    numbers = range(reader.num_record_batches)
    return [CheckedBatch(reader.get_batch(number), file, number) for number in numbers]


def check_fingerprint(
    directory: Path, paths: Sequence[Path], fingerprint: str, start: bytes = b""
) -> None:
    """Compare files without checksums with the SHA-256 of their card, unless they are large.

    Args:
        directory: the data set's.
        paths: all files that the fingerprint is of, in their order.
        fingerprint: the card's.
        start: what the hash begins with.

    Raises:
        LabError: if they differ, or one is missing.
    """
    try:
        keys = [_identity(path) for path in paths]
    except OSError:
        keys = []
    if not keys:
        raise LabError(f"{directory} lacks a file; import the data set again.")
    if not fingerprint or sum(size for _, size, _ in keys) > _MOST_HASHED:
        return
    key = ("fingerprint", fingerprint, *keys)
    if key not in _SOUND:
        if fingerprint_of(paths, start) != fingerprint:
            names = ", ".join(path.name for path in paths) + (
                " is" if len(paths) == 1 else ": one is"
            )
            raise LabError(
                f"{directory}: {names} damaged, for the contents are not those that the "
                "card names; import the data set again."
            )
        _SOUND.add(key)


def fingerprint_of(paths: Iterable[Path], start: bytes = b"") -> str:
    """Return the SHA-256 of files one after the other."""
    digest = hashlib.sha256(start)
    for path in paths:
        with path.open("rb") as file:
            hashlib.file_digest(file, lambda: digest)
    return digest.hexdigest()


class _File:
    """An Arrow file and its checksums."""

    def __init__(self, path: Path, content: pa.Buffer, sums: FileSums) -> None:
        self._path = path
        self._content = memoryview(content)
        self._key = _identity(path)
        try:
            self._batches = [(batch["bounds"], batch["sums"]) for batch in sums["batches"]]
            bounds = [(each[0], each[-1]) for each, _ in self._batches]
            is_sound = len(self._content) == sums["size"] and (
                (*self._key, "head") in _SOUND or _head_sum(self._content, bounds) == sums["head"]
            )
        except (KeyError, TypeError, IndexError, ValueError):
            is_sound = False
        if not is_sound:
            raise LabError(f"{path} is damaged in its head; import the data set again.")
        _SOUND.add((*self._key, "head"))

    def check(self, number: int, place: int, batch: pa.RecordBatch) -> None:
        """Compare a column of a record batch with its checksum.

        Raises:
            LabError: if they differ.
        """
        key = (*self._key, number, place)
        if key in _SOUND:
            return
        try:
            bounds, sums = self._batches[number]
            begin, end = bounds[place : place + 2]
            is_sound = zlib.crc32(self._content[begin:end]) == sums[place]
        except (IndexError, TypeError, ValueError):
            is_sound = False
        if not is_sound:
            name = batch.schema.field(place).name
            raise LabError(
                f"{self._path} is damaged in the column {name} of {batch.num_rows:,} rows (part "
                f"{number + 1} of {len(self._batches)}); other columns and parts can be read. "
                "Import the data set again."
            )
        _SOUND.add(key)


def _sums_of(path: Path) -> FileSums:
    content = pa.memory_map(str(path)).read_buffer()
    view = memoryview(content)
    reader = pa.ipc.open_file(pa.BufferReader(content))
    batches = []
    for number in range(reader.num_record_batches):
        bounds = list(_bounds(reader.get_batch(number), content))
        sums = [zlib.crc32(view[begin:end]) for begin, end in pairwise(bounds)]
        batches.append({"bounds": bounds, "sums": sums})
    ends = [(batch["bounds"][0], batch["bounds"][-1]) for batch in batches]
    return {"size": len(view), "head": _head_sum(view, ends), "batches": batches}


def _bounds(batch: pa.RecordBatch, content: pa.Buffer) -> Iterator[int]:
    """Yield where each column begins in the file, and where the last one ends."""
    end = None
    for column in batch.columns:
        parts = [part for part in column.buffers() if part is not None and part.size]
        begins = [part.address - content.address for part in parts]
        yield min(begins, default=end or 0)
        end = max(
            (begin + part.size for begin, part in zip(begins, parts, strict=True)), default=end
        )
    yield end or 0


def _head_sum(content: memoryview, batches: Iterable[tuple[int, int]]) -> int:
    """Return the CRC-32 of all bytes outside the columns of the record batches."""
    total, done = 0, 0
    for begin, end in batches:
        total = zlib.crc32(content[done:begin], total)
        done = end
    return zlib.crc32(content[done:], total)


def _identity(path: Path) -> tuple[str, int, int]:
    stat = path.stat()
    return str(path), stat.st_size, stat.st_mtime_ns
