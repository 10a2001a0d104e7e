"""The directory of one study: its settings, its progress, its result.

study.json    kind and settings; never changes
status.json   progress; replaced as a whole
result.npz    result; it exists exactly when the study is done
log.txt       output of its process

The name of the directory depends on the study and the contents of its data sets, so that the same
study of the same data has one result. All of it may be deleted: it can be computed again.
data/results holds results of the embedded data under the same names.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import LabError
from core.files import disk_errors, write_whole
from core.home import CHECKOUT, cache_dir
from core.process import is_alive
from core.studies.results import load_result, save_result
from core.studies.study import Study

EMBEDDED_RESULTS = CHECKOUT / "data" / "results"
"""Results that come with the embedded data; data/recipes/results.py makes them."""

State = Literal["new", "running", "done", "failed", "cancelled"]


class JobStatus(BaseModel):
    """Progress of a study. Times are UTC epoch seconds.

    Attributes:
        state: "new" before it has been started.
        share: share that is done, from 0 to 1.
        what: what is being done.
        started: when its process started.
        started_by: who started it.
        pid: the process that computes it, or did last.
        pid_started: start of that process, as `core.process.identity` returns it.
        cancel_requested: whether it was asked to end.
        message: why it ended without a result.
    """

    model_config = ConfigDict(frozen=True)

    state: State = "new"
    share: float = 0.0
    what: str = ""
    started: float | None = None
    started_by: str | None = None
    pid: int | None = Field(default=None, ge=1, lt=1 << 31)
    pid_started: float | None = None
    cancel_requested: bool = False
    message: str = ""


@dataclass(frozen=True)
class Job:
    """A study and its directory.

    Attributes:
        study: the study.
        path: the directory.
    """

    study: Study
    path: Path

    @classmethod
    def of(cls, study: Study) -> "Job":
        """Return the job of a study with its data sets as they are now.

        Raises:
            LabError: if a data set does not exist.
        """
        return cls(study, cache_dir() / "studies" / f"{study.kind}-{study.key()}")

    @property
    def log(self) -> Path:
        """Output of its process."""
        return self.path / "log.txt"

    @property
    def file(self) -> Path:
        """Where the result is, or will be."""
        embedded = EMBEDDED_RESULTS / f"{self.path.name}.npz"
        return embedded if embedded.is_file() else self.path / "result.npz"

    @property
    def is_done(self) -> bool:
        """Whether the result exists."""
        return self.file.is_file()

    def result(self) -> Any:
        """Return the result.

        Raises:
            LabError: if it is damaged; it is then removed, so that it can be computed again.
        """
        file = self.file
        try:
            return load_result(file, self.study.result)
        except LabError:
            file.unlink(missing_ok=True)
            raise

    def save(self, result: Any) -> None:
        """Save the result, completely or not at all.

        Raises:
            LabError: if the data of the study have changed since it started, or the disk is full.
        """
        if Job.of(self.study).path.name != self.path.name:
            raise LabError("The data have changed since the computation started; compute it again.")
        with disk_errors(self.path):
            save_result(self.path / "result.npz", result)

    def status(self) -> JobStatus:
        """Return its status; a process that is gone without a result has failed."""
        status = self._read()
        if status.state == "running" and not _is_alive(status):
            # It may have ended properly between the two checks.
            status = self._read()
        if self.is_done:
            return status.model_copy(update={"state": "done", "share": 1.0})
        if status.state != "running" or _is_alive(status):
            return status
        if status.cancel_requested:
            return status.model_copy(update={"state": "cancelled", "message": "Cancelled."})
        message = "Its process ended unexpectedly; try again."
        return status.model_copy(update={"state": "failed", "message": message})

    def write(self, status: JobStatus) -> None:
        """Replace the status."""
        with disk_errors(self.path):
            write_whole(self.path / "status.json", status.model_dump_json().encode())

    def make(self) -> None:
        """Create the directory with study.json in it, if it does not exist yet."""
        with disk_errors(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            question = Question(kind=self.study.kind, settings=self.study.model_dump(mode="json"))
            write_whole(self.path / "study.json", question.model_dump_json(indent=1).encode())

    @contextmanager
    def locked(self, patience: float = -1) -> Iterator[None]:
        """Keep other processes from starting this study meanwhile.

        Args:
            patience: seconds to wait for one that computes it; negative for as long as it takes.

        Raises:
            LabError: if that was not enough.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.path.with_suffix(".lock"), timeout=patience)
        try:
            acquired = lock.acquire()
        except Timeout:
            raise LabError(
                "A command or another page computes this already; its result is here, too, once "
                "it has ended: look again later."
            ) from None
        with acquired:
            yield

    def _read(self) -> JobStatus:
        try:
            return JobStatus.model_validate_json((self.path / "status.json").read_bytes())
        except (OSError, ValidationError):
            # Without a readable status the study counts as not started.
            return JobStatus()


class Question(BaseModel):
    """study.json: the kind of a study and its settings."""

    model_config = ConfigDict(extra="forbid")

    kind: str
    settings: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> "Question":
        """Read study.json of a job's directory.

        Raises:
            LabError: if it is missing or damaged.
        """
        try:
            return cls.model_validate_json((path / "study.json").read_bytes())
        except (OSError, ValidationError):
            raise LabError(
                f"{path}: is not the directory of a study; compute the study again."
            ) from None


def _is_alive(status: JobStatus) -> bool:
    if status.pid is None or status.pid_started is None:
        return False
    return is_alive(status.pid, status.pid_started)
