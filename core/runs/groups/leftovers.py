"""Removing runs whose experiment or sweep was never completed, because its process was killed."""

import time

from core.runs.groups.experiment import Experiment
from core.runs.groups.sweep import Sweep
from core.runs.process import local
from core.runs.record.directory import Run
from core.runs.record.listing import list_runs, status_if_any
from core.sweeping import DAY


def remove_unlaunched(now: float | None = None) -> list[Run]:
    """Remove the runs that belong to no group and have had no process for a day, and return them.

    A group names its runs once all of them are there, and launches them next.

    Args:
        now: UTC epoch seconds; None for the clock's.

    Raises:
        LabError: if the runs directory cannot be read.
    """
    now = time.time() if now is None else now
    named = {run for kind in (Experiment, Sweep) for group in kind.load_all() for run in group.runs}
    removed = []
    for run in list_runs():
        status = status_if_any(run)
        if status is None or run.id in named or now - status.queued < DAY:
            continue
        if status.state == "failed" and status.handle is None and not run.metrics():
            local.delete(run)
            removed.append(run)
    return removed
