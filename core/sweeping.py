"""Removing what nothing will finish: partial files of processes that were killed, old uploads."""

import re
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from core.files import JOURNAL
from core.home import cache_dir, home

DAY: Final = 86400.0
"""Seconds after which a partial file counts as left behind; nothing takes that long to write."""
UPLOADS_DAYS: Final = 7.0
"""Days that an upload is kept for its import to be repeated, and an import that can go on."""
UPLOADS_BYTES: Final = 20 << 30
"""Bytes of all uploads, beyond which the oldest are removed before their time."""

_HOUR = 3600.0
_LEFT = re.compile(
    r"\..+\.partial|\..+\.deleted|\.new-.+|\.deleted-.+"  # directories
    r"|\..+-[a-z0-9_]{8}"  # temporary files and directories of `core.files`
)
_FOLDERS = ("", "datasets", "runs", "runs/*", "runs/*/checkpoints", "experiments", "sweeps")
_MORE_FOLDERS = ("exports", "atomrefs", "downloads", "downloads/*", "cache", "cache/*", "cache/*/*")


def sweep(now: float | None = None) -> list[Path]:
    """Remove what is left behind in the lab's home, and return what was removed.

    Args:
        now: UTC epoch seconds; None for the clock's.
    """
    now = time.time() if now is None else now
    removed = []
    for path in _left(home()):
        days = UPLOADS_DAYS if (path / JOURNAL).exists() else 1.0
        if now - _latest(path) > days * DAY:
            _remove(path)
            removed.append(path)
    return [*removed, *_sweep_uploads(now)]


def _left(lab: Path) -> Iterator[Path]:
    for folder in (*_FOLDERS, *_MORE_FOLDERS):
        for parent in lab.glob(folder) if folder else (lab,):
            if parent.is_dir():
                with suppress(OSError):
                    yield from [one for one in parent.iterdir() if _LEFT.fullmatch(one.name)]


def _sweep_uploads(now: float) -> list[Path]:
    uploads = sorted((cache_dir() / "uploads").glob("*"), key=_latest, reverse=True)
    removed, size = [], 0
    for path in uploads:
        age = now - _latest(path)
        size += sum(file.stat().st_size for file in _files(path))
        if age > UPLOADS_DAYS * DAY or (size > UPLOADS_BYTES and age > _HOUR):
            _remove(path)
            removed.append(path)
    return removed


def _latest(path: Path) -> float:
    """Return when anything in a file or directory was last changed."""
    times = [_time(one) for one in (path, *_files(path))]
    return max(times)


def _files(path: Path) -> Iterable[Path]:
    return [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else []


def _time(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()
