"""What a run tells of itself while it goes on."""

import time
from collections.abc import Callable
from typing import Any

from core.progress import Count
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

    def progress(self, what: str, stopping: Stopping) -> Count:
        """Return a progress callback that tells at most once a second, and stops when asked to.

        Args:
            what: what is being prepared.
            stopping: asked at every call.
        """

        def tell(done: int, total: int) -> None:
            stopping.here()
            if time.monotonic() - self._told >= 1:
                self._told = time.monotonic()
                self("prepare", what=what, done=done, total=total)

        return tell
