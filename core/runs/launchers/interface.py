"""What a launcher of processes is: four functions, whose answers any later process can ask for.

To add one, such as for another batch system: a class with these four, and its line in
`core.runs.launchers.choice`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

Phase = Literal["waiting", "working", "ended", "unknown"]


@dataclass(kw_only=True, frozen=True, slots=True)
class Task:
    """A process to launch.

    Attributes:
        name: what it is called where people see it.
        command: the command, which ends with 75 (EX_TEMPFAIL) to be started again later.
        log: file to which its output is appended.
        follow: command that the other machines of a task on several ones execute.
    """

    name: str
    command: Sequence[str]
    log: Path
    follow: Sequence[str] = ()


@dataclass(kw_only=True, frozen=True, slots=True)
class Handle:
    """What is to be kept of a launched task, so that any process finds it again.

    An id alone is not enough: systems use them again.

    Attributes:
        id: of the process or job.
        since: when it was launched; on this machine in seconds since its boot, else UTC epoch
            seconds.
        place: the boot of this machine, or the name of the submission; None if unknown.
    """

    id: str
    since: float
    place: str | None = None


@dataclass(kw_only=True, frozen=True, slots=True)
class JobState:
    """What has become of a launched task.

    Attributes:
        phase: "unknown" where the system does not answer, which says nothing about the task.
        position: place in the system's queue, 1 for the next one; None where unknown.
        reason: the system's own word, such as "Priority" or "OUT_OF_MEMORY"; may be empty.
    """

    phase: Phase
    position: int | None = None
    reason: str = ""


class Launcher(Protocol):
    """A system that starts processes."""

    def submit(self, tasks: Sequence[Task]) -> list[Handle]:
        """Launch tasks, all of them or none, and return a handle for each.

        Raises:
            LabError: if the system refuses.
        """

    def state(self, handle: Handle) -> JobState:
        """Return what has become of a task."""

    def cancel(self, handle: Handle) -> None:
        """Ask a task to stop: SIGTERM where it works, out of the queue where it waits.

        Raises:
            LabError: if the system refuses; nothing happens to what has ended.
        """

    def logs(self, handle: Handle) -> list[Path]:
        """Return the files with what the system wrote about a task, beside the task's own log."""
