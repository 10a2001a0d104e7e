"""The downloads of open data sets in the lab's home: state, download, deletion."""

import datetime as dt
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from core.errors import LabError
from core.files import disk_errors, write_whole
from core.frames.catalogue.entries import Entry
from core.frames.catalogue.fetch import fetch, part_of
from core.frames.catalogue.hosts import RemoteFile, Statement, ask_host
from core.home import downloads_dir
from core.progress import Progress, duration_text

_RECORD: Final = "files.json"
_LOCK: Final = ".lock"
_SECONDS_TO_END: Final = 2.0
_RESERVE: Final = 1 << 28
"""Bytes that stay free on the disk."""

# Checking takes about this share of the time of a fast download.
_CHECKING: Final = 0.05


class FileRecord(BaseModel):
    """One downloaded file: name, bytes, and the checksum that it was compared with, if any."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    size: int
    checksum: str


class DownloadRecord(BaseModel):
    """files.json, written once everything is there.

    Attributes:
        files: the files.
        licence: as the host stated it.
        created: ISO date of the download.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    files: tuple[FileRecord, ...]
    licence: str = ""
    created: str


@dataclass(kw_only=True, frozen=True, slots=True)
class Download:
    """What of a data set is on this machine.

    Attributes:
        files: its files, complete and verified; empty unless all of them are there.
        n_bytes: bytes of these files, or those that have arrived of an unfinished download.
        unverified: names of files for which neither host nor catalogue states a checksum.
        licence: as the host stated it.
    """

    files: tuple[Path, ...]
    n_bytes: int
    unverified: tuple[str, ...] = ()
    licence: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether all files are there."""
        return bool(self.files)


def directory_of(entry: Entry) -> Path:
    """Return the directory of a data set's files; it may not exist."""
    return downloads_dir() / entry.key


def downloaded(entry: Entry) -> Download:
    """Return what is on this machine, without asking the host."""
    directory = directory_of(entry)
    try:
        record = DownloadRecord.model_validate_json((directory / _RECORD).read_bytes())
    except (OSError, ValidationError):
        record = None
    if record:
        paths = tuple(directory / file.name for file in record.files)
        if all(
            path.is_file() and path.stat().st_size == file.size
            for path, file in zip(paths, record.files, strict=True)
        ):
            return Download(
                files=paths,
                n_bytes=sum(file.size for file in record.files),
                unverified=tuple(file.name for file in record.files if not file.checksum),
                licence=record.licence,
            )
    arrived = [path for path in directory.glob("*") if path.name not in {_RECORD, _LOCK}]
    return Download(files=(), n_bytes=sum(path.stat().st_size for path in arrived))


def overview(entry: Entry) -> dict[str, Any]:
    """Return what is known of a data set and what of it is here, without asking the host."""
    here = downloaded(entry)
    facts = {name.name: getattr(entry, name.name) for name in fields(entry)}
    return {
        **facts,
        "downloaded": here.is_complete,
        "n_bytes_here": here.n_bytes,
        "paths": [str(path) for path in here.files],
    }


def free_bytes() -> int:
    """Return the bytes that are free where downloads go."""
    return shutil.disk_usage(downloads_dir()).free


def download(entry: Entry, progress: Progress) -> Download:
    """Download a data set, or what is missing of it; nothing is asked where all of it is there.

    Args:
        entry: the data set.
        progress: receives the share of bytes, with the rate and the time left; it may raise to end
            the download, of which what has arrived is kept.

    Raises:
        LabError: if the host cannot be reached or refuses, there is no room on the disk, a checksum
            is wrong, or another process downloads the same.
    """
    there = downloaded(entry)
    if there.is_complete:
        return there
    directory = directory_of(entry)
    with disk_errors(directory):
        directory.mkdir(parents=True, exist_ok=True)
    lock = FileLock(directory / _LOCK)
    try:
        # A process that has just been killed holds its lock for a moment.
        with lock.acquire(timeout=_SECONDS_TO_END):
            progress(0.0, f"Asking {entry.host}")
            statement = ask_host(entry)
            _forget_others(statement, directory)
            check_room(statement, directory)
            _fetch_all(entry, statement, directory, progress)
            _record(statement, directory)
    except Timeout:
        raise LabError(
            f"{entry.title} is being downloaded by another process; wait for it or cancel it."
        ) from None
    return downloaded(entry)


def delete(entry: Entry) -> None:
    """Delete what has been downloaded of a data set, also unfinished.

    Raises:
        LabError: if there is nothing, it is being downloaded, or it cannot be deleted.
    """
    directory = directory_of(entry)
    if not directory.is_dir():
        raise LabError(f"{entry.key} has not been downloaded; there is nothing to delete.")
    try:
        with FileLock(directory / _LOCK).acquire(blocking=False), disk_errors(directory):
            shutil.rmtree(directory)
    except Timeout:
        raise LabError(f"{entry.key} is being downloaded; cancel that first.") from None


def check_room(statement: Statement, directory: Path) -> None:
    """Raise LabError if what is missing of a download does not fit on the disk."""
    missing = statement.size - sum(_arrived(file, directory) for file in statement.files)
    free = shutil.disk_usage(directory).free
    if missing + _RESERVE > free:
        raise LabError(
            f"{directory}: the download takes another {size_text(missing)}, but only "
            f"{size_text(free)} are free; free some space, or set ATOMREF_LAB_HOME to a directory "
            "on a larger disk."
        )


def size_text(n_bytes: float) -> str:
    """Return a number of bytes in kB, MB or GB, of which one is 1000 of the one before."""
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if n_bytes >= size:
            return f"{n_bytes / size:.1f} {unit}"
    return f"{n_bytes / 1e3:.1f} kB"


def _fetch_all(entry: Entry, statement: Statement, directory: Path, progress: Progress) -> None:
    total = statement.size * (1 + _CHECKING)
    rate_text = _meter(statement)
    before = 0
    for file in statement.files:
        work = before * (1 + _CHECKING)

        def counted(n: int, work: float = work, before: int = before) -> None:
            progress((work + n) / total, rate_text(before + n))

        def checked(n: int, work: float = work + file.size, name: str = file.name) -> None:
            progress((work + n * _CHECKING) / total, f"Checking {name}")

        fetch(entry, file, directory, counted, checked)
        before += file.size


def _meter(statement: Statement) -> Callable[[int], str]:
    """Return a function of the bytes that are there, which tells the rate and the time left."""
    first: tuple[float, int] | None = None

    def text(n: int) -> str:
        nonlocal first
        now = time.monotonic()
        first = first or (now, n)
        seconds, arrived = now - first[0], n - first[1]
        words = f"{size_text(n)} of {size_text(statement.size)}"
        if not arrived or seconds < 1:
            return words
        left = duration_text((statement.size - n) * seconds / arrived)
        return f"{words}, {size_text(arrived / seconds)}/s, {left} left"

    return text


def _arrived(file: RemoteFile, directory: Path) -> int:
    """Return the bytes of a file that need not be downloaded any more."""
    sizes = [
        path.stat().st_size
        for path in (directory / file.name, part_of(file, directory))
        if path.is_file()
    ]
    return max((size for size in sizes if size <= file.size), default=0)


def _forget_others(statement: Statement, directory: Path) -> None:
    """Delete what belongs to other versions of the files."""
    ours = {
        path
        for file in statement.files
        for path in (directory / file.name, part_of(file, directory))
    }
    for path in directory.iterdir():
        if path not in ours and path.name != _LOCK:
            path.unlink()


def _record(statement: Statement, directory: Path) -> None:
    record = DownloadRecord(
        files=tuple(
            FileRecord(name=file.name, size=file.size, checksum=file.checksum)
            for file in statement.files
        ),
        licence=statement.licence,
        created=dt.date.today().isoformat(),
    )
    with disk_errors(directory):
        write_whole(directory / _RECORD, record.model_dump_json(indent=1).encode())
