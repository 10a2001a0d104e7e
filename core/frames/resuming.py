"""Imports that were ended and can go on: a journal beside the frames that are already written.

A data set is written into a hidden directory (`core.files.new_directory`). The journal in it says,
after every few thousand frames, how far the file has been read and what was met on the way. The
next import of the same files in the same way takes the directory over and goes on behind the last
frames that are whole. After a restart of the machine nothing that was not synced counts, and the
import begins again.
"""

import contextlib
import os
import secrets
import shutil
import struct
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec
import orjson
import pyarrow as pa

from core.errors import LabError
from core.files import JOURNAL, publish, refuse_taken, write_whole
from core.frames.shard_writer import ShardWriter
from core.home import datasets_dir
from core.process import boot_id, identity, is_alive

_REQUEST: Final = "import.json"
_VERSION: Final = 1
"""Version of what the journal holds."""
_HEAD: Final = struct.Struct("<QI")
_SECONDS: Final = 10.0
"""Seconds after which something is noted even if few frames were read."""


class Reader(Protocol):
    """What reads the frames, as far as it can go on; see `RecordFrames`."""

    def news(self) -> dict[str, Any]:
        """Return what it has read and met since this was last asked for."""

    def learn(self, news: Sequence[Mapping[str, Any]]) -> None:
        """Take over the news of another one."""


@dataclass(kw_only=True, frozen=True, slots=True)
class Interrupted:
    """An import whose process has ended before it was complete.

    Attributes:
        name: name of the data set.
        n: number of frames that are kept.
        settings: what was to be imported and how.
        path: the hidden directory.
    """

    name: str
    n: int
    settings: dict[str, Any]
    path: Path


class Journal:
    """The journal of one import.

    Args:
        settings: what is imported and how: "name", "paths" and other plain values.
        reader: what reads the frames.
    """

    def __init__(self, settings: Mapping[str, Any], reader: Reader) -> None:
        self._settings = orjson.loads(orjson.dumps(settings))
        self._inputs = [_identity(Path(path)) for path in settings["paths"]]
        self._reader = reader
        self._path = Path()
        self._n_noted = 0
        self._time = time.monotonic()

    @contextlib.contextmanager
    def directory(self, directory: Path) -> Iterator[Path]:
        """Create the hidden directory, or take over that of the same import; as `new_directory`.

        It stays if the import is ended or the disk is full, so that it can go on.
        """
        refuse_taken(directory)
        directory.parent.mkdir(parents=True, exist_ok=True)
        partial = self._take_over(directory)
        pid, started = identity()
        request = {
            "version": _VERSION,
            "settings": self._settings,
            "inputs": self._inputs,
            "boot": boot_id(),
            "process": [pid, started],
        }
        write_whole(partial / _REQUEST, orjson.dumps(request))
        self._path = partial / JOURNAL
        try:
            yield partial
            for name in (_REQUEST, JOURNAL):
                (partial / name).unlink(missing_ok=True)
            publish(partial, directory)
        except (OSError, KeyboardInterrupt, SystemExit):
            if not self._path.exists():
                shutil.rmtree(partial, ignore_errors=True)
            raise
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise

    def go_on(self, writer: ShardWriter) -> bool:
        """Bring a new writer and the reader to where the last note was made, if there is one.

        Returns:
            Whether that was possible; else what was written is damaged and removed.
        """
        chunks = list(_chunks(self._path))
        notes = [msgspec.msgpack.decode(chunk) for chunk in chunks]
        if not notes:
            self._clear()
            return True
        try:
            writer.go_on(notes[-1]["written"])
        except (LabError, OSError, pa.ArrowException):
            self._clear()
            return False
        self._reader.learn([note["news"] for note in notes])
        self._n_noted = writer.n_written
        # What an ended process had begun to note is cut off.
        with self._path.open("r+b") as file:
            file.truncate(sum(_HEAD.size + len(chunk) for chunk in chunks))
        return True

    def _clear(self) -> None:
        """Remove what another process has written."""
        for path in self._path.parent.iterdir():
            if path.name != _REQUEST:
                path.unlink()

    def note(self, writer: ShardWriter) -> None:
        """Note how far the import is, if enough has happened since the last note.

        Call it when all that was read has been given to the writer.
        """
        now = time.monotonic()
        if writer.n_written == self._n_noted and now - self._time < _SECONDS:
            return
        content = msgspec.msgpack.encode(
            {"written": writer.written(), "news": self._reader.news(), "n": writer.n}
        )
        with self._path.open("ab") as file:
            file.write(_HEAD.pack(len(content), zlib.crc32(content)) + content)
        self._n_noted, self._time = writer.n_written, now

    def _take_over(self, directory: Path) -> Path:
        """Return the directory of the same import whose process has ended, or a new one."""
        partial = directory.with_name(
            f".{directory.name}.{os.getpid()}-{secrets.token_hex(4)}.partial"
        )
        for before, request in _left(directory.parent, directory.name):
            if (request["settings"], request["inputs"]) == (self._settings, self._inputs):
                with contextlib.suppress(OSError):  # another process may have been faster
                    return before.rename(partial)
        partial.mkdir()
        return partial


def interrupted() -> list[Interrupted]:
    """Return the imports that can go on, sorted by name."""
    found = []
    for path, request in _left(datasets_dir()):
        for last in [*_chunks(path / JOURNAL)][-1:]:
            n, settings = msgspec.msgpack.decode(last)["n"], request["settings"]
            found.append(Interrupted(name=settings["name"], n=n, settings=settings, path=path))
    return sorted(found, key=lambda one: one.name)


def find_interrupted(name: str) -> Interrupted:
    """Return the latest import of a name that can go on.

    Raises:
        LabError: if there is none.
    """
    every = interrupted()
    named = [one for one in every if one.name == name]
    if not named:
        names = ", ".join(one.name for one in every) or "none"
        raise LabError(f"There is no interrupted import of {name!r}; there are: {names}.")
    return max(named, key=lambda one: one.path.stat().st_mtime)


def discard(name: str) -> None:
    """Remove what interrupted imports of a name have written."""
    for path, _ in _left(datasets_dir(), name):
        shutil.rmtree(path, ignore_errors=True)


def _left(parent: Path, name: str = "*") -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the hidden directories of imports that ended in this boot, with their requests."""
    for path in sorted(parent.glob(f".{name}.*.partial")):
        try:
            request = orjson.loads((path / _REQUEST).read_bytes())
            pid, started = request["process"]
            is_known = (request["version"], request["boot"]) == (_VERSION, boot_id())
            named = request["settings"]["name"]
            is_left = is_known and "inputs" in request and not is_alive(pid, started)
        except (OSError, ValueError, KeyError, TypeError):
            continue
        # A name may have dots, and so begin like another one.
        if is_left and name in {"*", named}:
            yield path, request


def _identity(path: Path) -> str:
    """Return number, size and time of files, which tell whether they have changed."""
    files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
    stats = [file.stat() for file in files]
    size, latest = sum(one.st_size for one in stats), max(one.st_mtime_ns for one in stats)
    return f"{len(stats)} {size} {latest}"


def _chunks(path: Path) -> Iterator[memoryview]:
    """Yield the notes of a journal, as far as they are whole."""
    try:
        content = memoryview(path.read_bytes())
    except FileNotFoundError:
        return
    while len(content) >= _HEAD.size:
        size, checksum = _HEAD.unpack(content[: _HEAD.size])
        note, content = content[_HEAD.size : _HEAD.size + size], content[_HEAD.size + size :]
        if len(note) < size or zlib.crc32(note) != checksum:
            return
        yield note
