"""Fetching one file over HTTP: resumed after a break, checked, whole or not at all.

pooch verifies checksums but begins again after every break, which 12 GB do not survive; the client
of Hugging Face resumes, but only its own files, and does not verify them. One loop on requests does
both for every host.
"""

import hashlib
import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from email.utils import parsedate_to_datetime
from pathlib import Path

import requests
from urllib3.exceptions import HTTPError

from core.errors import LabError
from core.files import disk_errors, sync_directory
from core.frames.catalogue.entries import Entry
from core.frames.catalogue.hosts import (
    HEADERS,
    TIMEOUT,
    RemoteFile,
    by_hand,
    refusal,
    unreachable,
)

Counted = Callable[[int], object]
"""Called with the bytes of the file that are there; an exception ends the work."""

_CHUNK = 1 << 18
_ATTEMPTS = 6
_PAUSE = 2.0
_LONGEST_PAUSE = 60.0
# The host is busy, or something between here and there is.
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_BREAKS = (requests.RequestException, HTTPError)


class _BusyError(Exception):
    """The host asks to come again later."""

    def __init__(self, status: int, wait: float) -> None:
        super().__init__(status)
        self.status = status
        self.wait = wait


def part_of(remote: RemoteFile, directory: Path) -> Path:
    """Return the file that holds what has arrived so far.

    Its name contains the checksum, so that another version of the file never continues it.
    """
    version = remote.checksum.partition(":")[2][:16] or remote.size
    return directory / f".{remote.name}.{version}.part"


def fetch(
    entry: Entry, remote: RemoteFile, directory: Path, counted: Counted, checked: Counted
) -> Path:
    """Return a file that is complete and verified, after downloading what is missing of it.

    What has arrived is kept when the work ends early, however it ends, and continued.

    Args:
        entry: the data set, for messages.
        remote: the file on the host.
        directory: where it goes; it must exist.
        counted: called with the bytes that have arrived.
        checked: called with the bytes that have been verified.

    Raises:
        LabError: if the host cannot be reached or refuses, the disk is full, or the checksum is
            wrong.
    """
    target, part = directory / remote.name, part_of(remote, directory)
    if target.is_file():
        # A file that this loop did not see through, or of an earlier, unfinished set: checked too.
        target.replace(part)
    with disk_errors(part), requests.Session() as session:
        _complete(session, entry, remote, part, counted)
        _verify(entry, remote, part, checked)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(target)
        sync_directory(directory)
    return target


def _complete(
    session: requests.Session, entry: Entry, remote: RemoteFile, part: Path, counted: Counted
) -> None:
    """Append to the part until it has all bytes; give up after several attempts in vain."""
    failures = 0
    while True:
        begin = _size(part)
        if begin > remote.size:
            part.unlink()
            raise LabError(_other_file(entry, remote))
        if begin == remote.size and part.exists():
            return
        wait = 0.0
        try:
            _append(session, entry, remote, part, counted)
        except _BusyError as busy:
            problem, wait = refusal(entry, busy.status, remote.name), busy.wait
        except _BREAKS as error:
            problem = unreachable(remote.url, error)
        else:
            problem = f"{entry.host} ended {remote.name} early; try again."
        if _size(part) == remote.size:
            continue
        failures = 0 if _size(part) > begin else failures + 1
        if failures == _ATTEMPTS:
            kept = f" {begin:,} bytes are kept and continued next time." if begin else ""
            raise LabError(problem + kept)
        _wait(max(wait, _PAUSE * failures), lambda: counted(_size(part)))


def _append(
    session: requests.Session, entry: Entry, remote: RemoteFile, part: Path, counted: Counted
) -> None:
    """Ask for what is missing and write it to the part as it arrives."""
    begin = _size(part)
    # Compressed transfer would make byte ranges mean something else.
    headers = HEADERS | {"Accept-Encoding": "identity"}
    if begin:
        headers["Range"] = f"bytes={begin}-"
    with session.get(remote.url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
        status = answer.status_code
        if status in _PASSING:
            raise _BusyError(status, _retry_after(answer))
        if status == requests.codes.partial_content:
            if not _continues(answer.headers.get("Content-Range", ""), begin, remote.size):
                raise LabError(_other_file(entry, remote))
        elif status == requests.codes.ok:
            # The host does not continue files: from the beginning.
            begin = 0
            if int(answer.headers.get("Content-Length", remote.size)) != remote.size:
                raise LabError(_other_file(entry, remote))
        elif status == requests.codes.requested_range_not_satisfiable:
            raise LabError(_other_file(entry, remote))
        else:
            raise LabError(refusal(entry, status, remote.name))
        with part.open("r+b" if part.exists() else "wb") as file:
            file.truncate(begin)
            file.seek(begin)
            n = begin
            for chunk in answer.raw.stream(_CHUNK, decode_content=False):
                file.write(chunk)
                n += len(chunk)
                counted(n)


def _verify(entry: Entry, remote: RemoteFile, part: Path, checked: Counted) -> None:
    """Compare the checksum; a file with a wrong one is deleted, since no part of it can be used."""
    algorithm, _, expected = remote.checksum.partition(":")
    if not expected:
        return
    digest, n = hashlib.new(algorithm, usedforsecurity=False), 0
    with part.open("rb") as file:
        while chunk := file.read(_CHUNK * 16):
            digest.update(chunk)
            n += len(chunk)
            checked(n)
    if digest.hexdigest() != expected:
        part.unlink()
        raise LabError(
            f"{remote.name} arrived damaged: its {algorithm} is {digest.hexdigest()[:16]}… instead "
            f"of {expected[:16]}…, so it was deleted; download it again, or {by_hand(entry, 'it')}"
        )


def _continues(content_range: str, begin: int, size: int) -> bool:
    """Return whether a part begins where it was asked to, in a file of the right size."""
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", content_range)
    return found is not None and int(found[1]) == begin and found[2] in {"*", str(size)}


def _retry_after(answer: requests.Response) -> float:
    """Return the seconds that a busy host asks to wait, 0 if it does not say."""
    text = answer.headers.get("Retry-After", "")
    with suppress(ValueError):
        return min(float(text), _LONGEST_PAUSE)
    with suppress(ValueError):
        left = parsedate_to_datetime(text).timestamp() - time.time()
        return min(max(left, 0.0), _LONGEST_PAUSE)
    return 0.0


def _wait(seconds: float, tick: Callable[[], object]) -> None:
    """Wait, in steps in which the callback may end the work."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        tick()
        time.sleep(min(left, 0.5))


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _other_file(entry: Entry, remote: RemoteFile) -> str:
    return (
        f"{entry.host} sends another file than the {remote.size:,} bytes of {remote.name} that it "
        f"lists; {by_hand(entry, 'it')}"
    )
