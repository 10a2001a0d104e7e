"""The run directory, the only record of a run.

config.json     its settings (`core.training.settings.config.RunConfig`); never changes
status.json     its state (`core.runs.record.status.Status`); replaced as a whole
metrics.jsonl   events of the training loop, one object per line; only grows
log.txt         output of the process
checkpoints/    last.pt to resume from, best.pth.tar to use, errors-*.npz of single frames
.lock           held while a process changes status.json; reading needs no lock
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson
from filelock import FileLock, Timeout
from pydantic import ValidationError

from core.errors import LabError
from core.files import disk_errors, disk_is_full, last_lines, rewrite
from core.process import is_elsewhere
from core.runs.launchers.choice import launcher_of
from core.runs.launchers.interface import JobState
from core.runs.record.status import Status
from core.training.settings.config import RunConfig

# Starting Python and reading the directory takes much less, even on a slow machine.
START_GRACE = 60.0
"""Seconds that a launched run may take to record its process."""

_SIGN_OF_LIFE_S = {"queued": 86_400.0, "running": 900.0}
"""Seconds for which another machine's run is believed to be as it was last written. One that trains
writes every second and seldom goes minutes without a step; one that waits writes nothing."""

_KEPT = re.compile(r"epoch-(\d+)\.pth\.tar")
_LOCK_PATIENCE = 20.0


@dataclass(frozen=True)
class Lease:
    """The right to work on a run, of one job of a cluster.

    Attributes:
        submission: name of the submission.
        attempt: how often Slurm has started the job again.
    """

    submission: str
    attempt: int


class LeaseLostError(LabError):
    """Raised where a job wants to change a run that another one has."""


@dataclass(frozen=True)
class Run:
    """A run directory.

    Attributes:
        path: the directory.
        lease: right to change it, of a job of a cluster; None for all others, who need none.
    """

    path: Path
    lease: Lease | None = field(default=None, compare=False)

    @property
    def id(self) -> str:
        """The directory's name, e.g. 20261120-0712-residual-x7k2."""
        return self.path.name

    @property
    def log(self) -> Path:
        """The output of the process."""
        return self.path / "log.txt"

    @property
    def checkpoints(self) -> Path:
        """The directory of checkpoints."""
        return self.path / "checkpoints"

    @property
    def last_checkpoint(self) -> Path:
        """The checkpoint from which an interrupted run resumes."""
        return self.checkpoints / "last.pt"

    @property
    def best_checkpoint(self) -> Path:
        """The model with the lowest validation energy MAE, as stock CHGNet reads it."""
        return self.checkpoints / "best.pth.tar"

    @property
    def kept_epochs(self) -> list[int]:
        """Epochs whose models were saved besides the best and the last, in order."""
        names = (path.name for path in self.checkpoints.glob("epoch-*.pth.tar"))
        return sorted(int(match[1]) for name in names if (match := _KEPT.fullmatch(name)))

    def kept_checkpoint(self, epoch: int) -> Path:
        """Return the file of an epoch's model, whether it exists or not."""
        return self.checkpoints / f"epoch-{epoch}.pth.tar"

    @cached_property
    def config(self) -> RunConfig:
        """Its settings.

        Raises:
            LabError: if config.json is missing or not valid.
        """
        return RunConfig.load(self.path / "config.json")

    def status(self) -> Status:
        """Return the state of the run, checked against its process.

        A run recorded as active whose process is gone is reported as failed, or as cancelled or
        paused if that was requested; nothing is written. A run of another machine, whose processes
        are not seen here, is taken to be as recorded while it gives signs of life.

        Raises:
            LabError: if there is no such run.
        """
        for _ in range(2):  # the process may have ended properly between the two looks
            status = self.recorded()
            if not status.is_active or (state := job_state(status)).phase != "ended":
                return status
        if self.is_elsewhere(status) and self._gives_signs_of_life(status):
            return status
        if status.cancel_requested:
            message = "Stopped on request; resume it to continue."
            changes = {"state": status.stopped_as, "message": message}
        else:
            changes = {"state": "failed", "message": self._what_ended(status, state)}
        return status.model_copy(update={**changes, "eta_s": None})

    def _gives_signs_of_life(self, status: Status) -> bool:
        try:
            written = (self.path / "status.json").stat().st_mtime
        except FileNotFoundError:  # deleted just now
            return False
        return time.time() - written < _SIGN_OF_LIFE_S[status.state]

    def _what_ended(self, status: Status, state: JobState) -> str:
        if self.is_elsewhere(status):
            return (
                f"It was launched on {status.host} and has given no sign of life for long; resume "
                "it here if that machine has ended it."
            )
        why = "could not be started" if status.handle is None else "ended unexpectedly"
        said = f" ({state.reason} on {status.on})" if state.reason else ""
        full = disk_is_full(self.path)
        remedy = "the disk is full: free some space and resume it" if full else "resume it"
        return f"The process {why}{said}; {remedy}."

    def is_lost(self) -> bool:
        """Return whether its process has ended unexpectedly.

        A run that never had one was not launched: its group may not have been completed. One that
        was launched on another machine is restarted there.

        Raises:
            LabError: if there is no such run.
        """
        return all(  # the process may have ended properly between the two looks
            status.is_active
            and status.handle is not None
            and not status.cancel_requested
            and not self.is_elsewhere(status)
            and job_state(status).phase == "ended"
            for status in (self.recorded() for _ in range(2))
        )

    @staticmethod
    def is_elsewhere(status: Status) -> bool:
        """Return whether a run was launched on another machine, not through a cluster."""
        return status.on is None and is_elsewhere(status.host, status.boot)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from changing the status during the block.

        Raises:
            LabError: if there is no such run, or another process holds the lock for too long.
        """
        self._require()
        lock = FileLock(self.path / ".lock", timeout=_LOCK_PATIENCE)
        try:
            with disk_errors(self.path):
                acquired = lock.acquire()
        except Timeout as error:
            raise LabError(
                f"{self.path}: another process has kept the run locked for "
                f"{_LOCK_PATIENCE:.0f} s; try again."
            ) from error
        with acquired:
            yield

    def write(self, status: Status) -> None:
        """Replace status.json; only within `locked` or for a directory being created.

        Raises:
            LabError: if the disk is full or the directory may not be written.
        """
        self._require()
        with disk_errors(self.path):
            rewrite(self.path / "status.json", status.model_dump_json(indent=2).encode())

    def update(self, **changes: Any) -> Status:
        """Change fields of the status and return it; the other fields stay as they are on disk.

        Args:
            **changes: fields of `Status`.

        Raises:
            LabError: as `locked` and `write`.
            LeaseLostError: if another job has the run.
        """
        with self.locked():
            status = self.recorded()
            self.check_lease(status)
            status = status.model_copy(update=changes)
            self.write(status)
        return status

    def check_lease(self, status: Status) -> None:
        """Check that the run still belongs to this job.

        Args:
            status: as recorded.

        Raises:
            LeaseLostError: if another job has it.
        """
        mine = self.lease
        if mine and (status.submission, status.attempt) != (mine.submission, mine.attempt):
            raise LeaseLostError(
                f"{self.id}: belongs to {status.submission or 'nobody'} now; {mine.submission} "
                "leaves it."
            )

    def metrics(self, kind: str | None = None) -> list[dict[str, Any]]:
        """Return the events of the training loop so far.

        Incomplete lines, and those that are no events, are left out. Where a resumed run went back
        to a checkpoint, earlier events after that step are left out: the later ones count.

        Args:
            kind: start, step, epoch or end; None for all.
        """
        try:
            lines = (self.path / "metrics.jsonl").read_bytes().split(b"\n")
        except OSError:
            return []
        events: list[dict[str, Any]] = []
        furthest = 0
        for line in lines:
            try:
                event = orjson.loads(line)
            except orjson.JSONDecodeError:
                continue
            if not isinstance(event, dict) or "kind" not in event:
                continue
            step = event.get("step", furthest)
            if not isinstance(step, int):
                continue
            if step < furthest:
                events = [earlier for earlier in events if earlier.get("step", 0) <= step]
            furthest = step
            events.append(event)
        return [event for event in events if kind in {None, event["kind"]}]

    def event(self, kind: str) -> dict[str, Any]:
        """Return the first event of a kind, such as start or end; empty while there is none."""
        return next(iter(self.metrics(kind)), {})

    def log_tail(self, n: int = 40) -> list[str]:
        """Return the last lines of the log.

        Args:
            n: largest number of lines.
        """
        return last_lines(self.log, n)

    def _require(self) -> None:
        if not (self.path / "config.json").is_file():
            raise LabError(
                f"{self.path}: is not a run directory; `atomref runs list` shows the runs."
            )

    def recorded(self) -> Status:
        """Return the status as it is written, whatever has become of the process.

        Raises:
            LabError: if there is no such run.
        """
        path = self.path / "status.json"
        try:
            return Status.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            self._require()
            raise LabError(
                f"{path}: cannot be read as a run's status; delete the run and start it again."
            ) from error


def job_state(status: Status) -> JobState:
    """Return what its launcher says of a run that is recorded as active.

    Args:
        status: the run's.
    """
    if status.handle is not None:
        return launcher_of(status.on).state(status.handle)
    starts = status.state == "queued" and time.time() - status.queued < START_GRACE
    return JobState(phase="waiting" if starts else "ended")
