"""Restarting runs whose process was lost.

A running dashboard does it, so does a waiting `experiment run` or `sweep run`, and
`atomref runs revive` does it by hand.
"""

import threading
from collections.abc import Callable
from contextlib import suppress

from core.errors import LabError
from core.runs.process.local import restart
from core.runs.record.directory import Run
from core.runs.record.listing import list_runs

SECONDS = 10.0
"""Time between two checks of a watch."""


def restart_lost() -> list[Run]:
    """Restart all lost runs and return them; those that cannot be started are skipped."""
    started = []
    for run in list_runs():
        try:
            if run.is_lost() and restart(run):
                started.append(run)
        except LabError:
            continue
    return started


def watch(
    *, seconds: float = SECONDS, check: Callable[[], object] = restart_lost
) -> threading.Event:
    """Restart lost runs in the background until the returned event is set.

    Args:
        seconds: time between two checks.
        check: the check.
    """
    stopped = threading.Event()

    def work() -> None:
        while not stopped.is_set():
            # A disk that cannot be read now is tried again.
            with suppress(LabError, OSError):
                check()
            stopped.wait(seconds)

    threading.Thread(target=work, daemon=True, name="restart").start()
    return stopped
