"""Changes of state that the launcher and the worker share."""

import time

from core.errors import LabError
from core.process import boot_id, identity
from core.runs.record.directory import Run
from core.runs.record.status import Status


def queued_again(status: Status, *, place: float | None = None) -> Status:
    """Return the status with which a run joins the queue again.

    Args:
        status: of a run without a process.
        place: when it joined the queue, to keep its place; None for now.
    """
    return status.model_copy(
        update={
            "state": "queued",
            "queued": time.time() if place is None else place,
            "started": None,
            "ended": None,
            "pid": None,
            "pid_started": None,
            "boot": None,
            "cancel_requested": False,
            "pausing": False,
            "device": None,
            "message": "",
        }
    )


def with_process(status: Status, pid: int | None = None) -> Status:
    """Return the status with the run's process.

    Args:
        status: the run's.
        pid: the process; None for this one.
    """
    pid, started = identity(pid)
    return status.model_copy(update={"pid": pid, "pid_started": started, "boot": boot_id()})


def claim(run: Run) -> Status:
    """Record this process as the run's own, and return the status.

    A run that was cancelled or paused, or that failed, joins the queue again.

    Raises:
        LabError: if the run is finished, or another process has it.
    """
    with run.locked():
        status = run.status()
        mine = with_process(status)
        if status.state == "finished":
            raise LabError(f"{run.id}: is finished; start a new run.")
        if status.is_active and status.pid not in {None, mine.pid}:
            raise LabError(f"{run.id}: is already {status.state} in process {status.pid}.")
        if not status.is_active:
            mine = with_process(queued_again(status))
        run.write(mine)
    return mine
