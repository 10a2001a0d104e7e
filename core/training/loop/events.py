"""The events that a run reports while it trains."""

import time
from collections.abc import Callable
from typing import Any

from core.progress import Progress
from core.training.loop.stopping import Stopping

Emit = Callable[[dict[str, Any]], None]
"""Takes an event, a dictionary with "kind" and "time" that JSON can hold."""

_PREPARE_SECONDS = 1.0


class Reporter:
    """Emits the events of a run, in the process that leads it.

    Args:
        emit: takes the events.
        leads: whether this process leads the run.
    """

    def __init__(self, emit: Emit, *, leads: bool) -> None:
        self._emit = emit
        self._leads = leads
        self._last_prepare = time.monotonic()

    def __call__(self, kind: str, **content: Any) -> None:
        """Emit an event."""
        if self._leads:
            self._emit({"kind": kind, "time": time.time(), **content})

    def progress(self, what: str, total: int, stopping: Stopping) -> Progress:
        """Return a callback that emits at most one event per second, and stops on request.

        Args:
            what: what is being prepared.
            total: number of things to prepare.
            stopping: checked at every call.
        """

        def report(share: float, _: str) -> None:
            stopping.here()
            if time.monotonic() - self._last_prepare >= _PREPARE_SECONDS:
                self._last_prepare = time.monotonic()
                self("prepare", what=what, done=round(share * total), total=total)

        return report
