"""Starting runs again whose process was lost, on behalf of whoever looks after the lab.

Nobody has to: a dashboard does it while it runs, a waiting `experiment run` or `sweep run` does,
and `atomref runs revive` does it by hand.
"""

import threading
from collections.abc import Callable
from contextlib import suppress

from core.errors import LabError
from core.runs.process.local import restart
from core.runs.record.directory import Run
from core.runs.record.listing import list_runs

SECONDS = 10.0
"""Time between two looks of a watch."""


def restart_lost() -> list[Run]:
    """Start all lost runs again and return them; one that cannot be started is passed over."""
    started = []
    for run in list_runs():
        try:
            if run.is_lost() and restart(run):
                started.append(run)
        except LabError:
            continue
    return started


def watch(
    *, seconds: float = SECONDS, look: Callable[[], object] = restart_lost
) -> threading.Event:
    """Look after the lab in the background until the event that is returned is set.

    Args:
        seconds: between two looks.
        look: what to do.
    """
    enough = threading.Event()

    def work() -> None:
        while not enough.is_set():
            # A disk that cannot be read now is looked at again.
            with suppress(LabError, OSError):
                look()
            enough.wait(seconds)

    threading.Thread(target=work, daemon=True, name="restart").start()
    return enough
