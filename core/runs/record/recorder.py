"""Recording a run in its directory while its process works."""

import errno
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import orjson

from core.errors import LabError
from core.files import disk_errors
from core.runs.record.directory import Run
from core.runs.record.events import StatusTracker
from core.runs.record.status import Status

# Progress within an epoch is written at this interval: each write waits for the disk.
_STATUS_SECONDS = 1.0


class Log:
    """Writer of log.txt, also a text stream, so that it can replace sys.stdout.

    Args:
        run: the run.
        echo: receives each line written with `line`.
    """

    def __init__(self, run: Run, echo: Callable[[str], None] | None = None) -> None:
        self._path = run.log
        self._echo = None if _is_stderr(run.log) else echo

    def line(self, text: str) -> None:
        """Write one line with date and time, and echo it."""
        self.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {text}\n")
        if self._echo is not None:
            self._echo(text)

    def write(self, text: str) -> int:
        """Append text as it is; an unwritable log is ignored."""
        try:
            with self._path.open("a", encoding="utf-8") as file:
                return file.write(text)
        except OSError:
            return 0

    def flush(self) -> None:
        """Do nothing: each write reaches the file."""


class Recorder:
    """Writer of the training loop's events to metrics.jsonl, the status and the log.

    Args:
        run: the run of this process.
        status: its status now.
        log: its log.
    """

    def __init__(self, run: Run, status: Status, log: Log) -> None:
        self._run = run
        self._log = log
        self._tracker = StatusTracker(
            epochs=status.epochs, validation=status.validation, best_by=run.config.best_by
        )
        self._pending: dict[str, Any] = {}
        self._written = 0.0

    def __enter__(self) -> Self:
        path = self._run.path / "metrics.jsonl"
        with disk_errors(path):
            _drop_torn_line(path)
            # Unbuffered: a line is written in one piece, or not at all.
            self._file = path.open("ab", buffering=0)
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        # If this cannot be written, neither can the status that follows, which reports it.
        with suppress(LabError):
            self._run.update(**self._pending)

    def __call__(self, event: dict[str, Any]) -> None:
        """Record one event.

        Raises:
            LabError: if the disk is full or the directory may not be written.
        """
        if event["kind"] != "prepare":
            self._append(event)
        self._log.line(self._tracker.line(event))
        self._pending |= self._tracker.changes(event)
        now = time.monotonic()
        if event["kind"] != "step" or now - self._written >= _STATUS_SECONDS:
            self._run.update(**self._pending)
            self._pending, self._written = {}, now

    def _append(self, event: dict[str, Any]) -> None:
        with disk_errors(self._run.path / "metrics.jsonl"):
            options = orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY
            line = orjson.dumps(event, option=options)
            # A nearly full disk takes part of a line without an error.
            if self._file.write(line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _drop_torn_line(path: Path) -> None:
    """Remove the incomplete line of a killed process, so that the next one starts a new line."""
    if path.exists():
        with path.open("rb+") as file:
            file.truncate(file.read().rfind(b"\n") + 1)


def _is_stderr(path: Path) -> bool:
    """Return whether stderr of this process goes to the file: an echo would double the lines."""
    try:
        return os.path.samestat(os.fstat(2), path.stat())
    except OSError:
        return False
