"""Doing a study: in place, or in a process of its own session that outlives whoever began it."""

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from core.errors import LabError
from core.process import identity, start_detached
from core.progress import Progress
from core.studies.job.directory import Job, JobStatus

_PAUSE = 0.25
_PATIENCE = 5.0
_NICE = 5


def do_here(job: Job, progress: Progress) -> Any:
    """Return a study's result, computed in this process unless it is there already.

    Whoever else asks for the same in place waits, and then finds the result.

    Args:
        job: the study.
        progress: told how far it is; it may raise to end the work.

    Raises:
        LabError: settings and data do not fit together.
    """
    with job.locked():
        if not job.is_done:
            job.make()
            job.save(job.study.compute(progress))
        return job.result()


def begin(job: Job) -> None:
    """Start a process for a study unless it is done or being done.

    Raises:
        LabError: the process cannot be started.
    """
    with job.locked():
        if job.status().state in {"done", "running"}:
            return
        job.make()
        job.log.unlink(missing_ok=True)
        pid, started = identity(start_detached(_command(job.path), job.log))
        job.write(
            JobStatus(
                state="running",
                what="Starting",
                started=time.time(),
                pid=pid,
                pid_started=started,
            )
        )


def cancel(job: Job) -> None:
    """End the process of a study; nothing is left half done, for a result appears whole.

    Raises:
        LabError: the process belongs to another user.
    """
    status = job.status()
    if status.state != "running" or status.pid is None:
        return
    try:
        process = psutil.Process(status.pid)
        os.killpg(status.pid, signal.SIGTERM)
    except (ProcessLookupError, psutil.NoSuchProcess):
        return  # It has just ended.
    except PermissionError:
        raise LabError(
            f"process {status.pid} belongs to another user, who has to cancel it."
        ) from None
    # As long as it lives it may write a status of its own over this one.
    psutil.wait_procs([process], timeout=_PATIENCE)
    job.write(job.status().model_copy(update={"cancel_requested": True, "state": "running"}))


def teller(job: Job) -> Progress:
    """Return the callback by which a process tells its job's status how far it is."""
    last = 0.0

    def tell(share: float, what: str) -> None:
        nonlocal last
        if time.monotonic() - last < _PAUSE:
            return
        last = time.monotonic()
        job.write(job.status().model_copy(update={"share": min(share, 1.0), "what": what}))

    return tell


def time_left(status: JobStatus, now: float) -> float | None:
    """Return the seconds that are left by what has been done so far; None where that says little.

    Args:
        status: of a job.
        now: UTC epoch seconds.
    """
    if status.started is None or not 0.02 < status.share < 1:
        return None
    return (now - status.started) / status.share * (1 - status.share)


def lower_priority() -> None:
    """Let the dashboard and running trainings go first."""
    psutil.Process().nice(_NICE)


def _command(path: Path) -> list[str]:
    return [sys.executable, "-m", "core.studies.job.worker", str(path)]
