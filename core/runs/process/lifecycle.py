"""Changes of state that the launcher and the worker share."""

import os
import socket
import time

from core.errors import LabError
from core.process import boot_id, identity, own_command
from core.runs.launchers.slurm import ATTEMPT, SUBMISSION
from core.runs.record.directory import Lease, LeaseLostError, Run
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
            "host": None,
            "job": None,
            "submitted": None,
            "submission": None,
            "attempt": None,
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
    own = {"pid": pid, "pid_started": started, "boot": boot_id(), "host": socket.gethostname()}
    return status.model_copy(update=own)


def lease_here() -> Lease | None:
    """Return the lease that the job of a cluster gave this process; None outside of jobs."""
    submission = os.environ.get(SUBMISSION)
    return Lease(submission, int(os.environ.get(ATTEMPT, "0"))) if submission else None


def claim(run: Run) -> Status:
    """Record this process as the run's own, and return the status.

    A run that was cancelled or paused, or that failed, joins the queue again, unless that happened
    while this process waited as another program; the status then says so. On a cluster only the
    job that was submitted last for the run may have it, and of the times that Slurm has started
    this job the last one.

    Raises:
        LabError: if the run is finished, or another process has it.
    """
    if run.lease is not None:
        return _claim_with(run, run.lease)
    with run.locked():
        status = run.status()
        if status.is_active and status.on is not None:
            raise LabError(f"{run.id}: is already {status.state} on {status.on}, job {status.job}.")
        mine = with_process(status)
        if status.state == "finished":
            raise LabError(f"{run.id}: is finished; start a new run.")
        if status.is_active and status.pid not in {None, mine.pid}:
            raise LabError(f"{run.id}: is already {status.state} in process {status.pid}.")
        if not status.is_active and own_command() and _same_process(status, mine):
            return status
        if not status.is_active:
            mine = with_process(queued_again(status)).model_copy(update={"on": None})
        run.write(mine)
    return mine


def _same_process(status: Status, mine: Status) -> bool:
    return (status.pid, status.boot) == (mine.pid, mine.boot)


def _claim_with(run: Run, lease: Lease) -> Status:
    with run.locked():
        status = run.recorded()
        if status.state == "finished":
            raise LabError(f"{run.id}: is finished; start a new run.")
        if status.submission != lease.submission:
            raise LeaseLostError(f"{run.id}: does not wait for job {lease.submission} any more.")
        later = status.attempt is None or lease.attempt > status.attempt
        if not later and status.attempt != lease.attempt:
            raise LeaseLostError(
                f"{run.id}: this job was started again and has the run; this process ends."
            )
        mine = with_process(status)
        if not later and not _same_process(status, mine) and status.is_active:
            raise LeaseLostError(f"{run.id}: another process of this job has the run.")
        mine = mine.model_copy(update={"attempt": lease.attempt, "started": None, "ended": None})
        if not status.cancel_requested:
            # As after a preemption: Slurm stopped the job, and has now started it again.
            mine = mine.model_copy(update={"state": "queued", "message": ""})
        run.write(mine)
    return mine
