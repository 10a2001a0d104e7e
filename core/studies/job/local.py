"""Computing a study: in this process, or in a detached one."""

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from core import access
from core.boxed import report_progress
from core.errors import LabError
from core.process import identity, start_detached
from core.progress import Progress
from core.studies.job.directory import Job, JobStatus
from core.studies.study import OneTimeStudy, Study

_PAUSE = 0.25
_PATIENCE = 5.0


def compute_here(job: Job, progress: Progress) -> Any:
    """Return a study's result, computed in this process unless it exists already.

    Another process that asks for the same study waits, and then reads the result.

    Args:
        job: the study.
        progress: receives the share that is done; it may raise to end the work.

    Raises:
        LabError: if settings and data do not fit together.
    """
    with job.locked():
        if not job.is_done:
            if isinstance(job.study, OneTimeStudy):
                access.require("launch", f"make {job.study.name}")
            job.make()
            job.save(job.study.compute(progress))
        return job.result()


def compute_for_another(study: Study) -> Any:
    """Return a study's result to the process that asked this one; see `core.boxed.ask`."""
    return compute_here(Job.of(study), report_progress)


def start(job: Job) -> None:
    """Start a process for a study unless it is done or running.

    Raises:
        LabError: if the process cannot be started, or a command computes the study in its own.
    """
    with job.locked(_PATIENCE):
        if job.status().state in {"done", "running"}:
            return
        person = access.require("launch", f"start {job.path.name}")
        access.check_free()
        job.make()
        job.log.unlink(missing_ok=True)
        pid, started = identity(start_detached(_command(job.path), job.log))
        job.write(
            JobStatus(
                state="running",
                what="Starting",
                started=time.time(),
                started_by=person.name,
                pid=pid,
                pid_started=started,
            )
        )


def cancel(job: Job) -> None:
    """End the process of a study; no partial result is left.

    Raises:
        LabError: if the process belongs to another user.
    """
    status = job.status()
    if status.state != "running" or status.pid is None:
        return
    access.require("launch", f"cancel {job.path.name}", owner=status.started_by or access.UNKNOWN)
    try:
        process = psutil.Process(status.pid)
        os.killpg(status.pid, signal.SIGTERM)
    except (ProcessLookupError, psutil.NoSuchProcess):
        return  # It has just ended.
    except PermissionError:
        raise LabError(
            f"process {status.pid} belongs to another user, who has to cancel it."
        ) from None
    # As long as it lives it may overwrite this status.
    psutil.wait_procs([process], timeout=_PATIENCE)
    job.write(job.status().model_copy(update={"cancel_requested": True, "state": "running"}))


def status_reporter(job: Job) -> Progress:
    """Return the callback that writes progress to the status of a job."""
    last = 0.0

    def report(share: float, what: str) -> None:
        nonlocal last
        if time.monotonic() - last < _PAUSE:
            return
        last = time.monotonic()
        job.write(job.status().model_copy(update={"share": min(share, 1.0), "what": what}))

    return report


def seconds_left(status: JobStatus, now: float) -> float | None:
    """Estimate the remaining seconds from the share that is done; None near its start and end.

    Args:
        status: status of a job.
        now: UTC epoch seconds.
    """
    if status.started is None or not 0.02 < status.share < 1:
        return None
    return (now - status.started) / status.share * (1 - status.share)


def _command(path: Path) -> list[str]:
    return [sys.executable, "-m", "core.studies.job.worker", str(path)]
