"""What a run tells of itself while it goes on."""

import time
from collections.abc import Callable
from typing import Any

from core.progress import Progress
from core.training.loop.stopping import Stopping

Emit = Callable[[dict[str, Any]], None]
"""Takes an event, a dictionary with "kind" and "time" that JSON can hold."""


class Teller:
    """Emits events, of one process of a run.

    Args:
        emit: takes them.
        leads: whether this is the process that does so.
    """

    def __init__(self, emit: Emit, *, leads: bool) -> None:
        self._emit = emit
        self._leads = leads
        self._told = time.monotonic()

    def __call__(self, kind: str, **content: Any) -> None:
        """Emit an event, now."""
        if self._leads:
            self._emit({"kind": kind, "time": time.time(), **content})

    def progress(self, what: str, total: int, stopping: Stopping) -> Progress:
        """Return a callback that emits at most one event per second, and stops when asked to.

        Args:
            what: what is being prepared.
            total: how many of it.
            stopping: asked at every call.
        """

        def emit(share: float, _: str) -> None:
            stopping.here()
            if time.monotonic() - self._told >= 1:
                self._told = time.monotonic()
                self("prepare", what=what, done=round(share * total), total=total)

        return emit
