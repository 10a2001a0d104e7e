"""The launcher of this machine: detached processes, known by id and start time."""

import signal
from collections.abc import Sequence
from pathlib import Path

import psutil

from core.errors import LabError
from core.process import boot_id, identity, is_alive, start_detached
from core.runs.launchers.interface import Handle, JobState, Task


class LocalLauncher:
    """Starts each task at once, as a process in its own session."""

    def submit(self, tasks: Sequence[Task]) -> list[Handle]:
        """Start the processes.

        Raises:
            LabError: if a log cannot be written.
        """
        return [self._start(task) for task in tasks]

    def state(self, handle: Handle) -> JobState:
        """Return whether the process still runs."""
        alive = is_alive(int(handle.id), handle.since, handle.place)
        return JobState(phase="working" if alive else "ended")

    def cancel(self, handle: Handle) -> None:
        """Send SIGTERM to the process.

        Raises:
            LabError: if it belongs to another user.
        """
        try:
            psutil.Process(int(handle.id)).send_signal(signal.SIGTERM)
        except psutil.NoSuchProcess:
            return  # It has just ended, and its record says so.
        except psutil.AccessDenied as error:
            raise LabError(
                f"process {handle.id} belongs to another user, who has to cancel it."
            ) from error

    def logs(self, handle: Handle) -> list[Path]:  # noqa: ARG002
        """Return nothing: all that a process writes is in the task's own log."""
        return []

    def _start(self, task: Task) -> Handle:
        pid, started = identity(start_detached(task.command, task.log))
        return Handle(id=str(pid), since=started, place=boot_id())
