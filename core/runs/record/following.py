"""Following a run that another process works on, from where its log stands."""

import time
from collections.abc import Callable

from core.runs.record.directory import Run
from core.runs.record.status import Status

_POLL_SECONDS = 0.5


def follow(run: Run, echo: Callable[[str], None]) -> Status:
    """Wait until a run neither waits nor works, and return its status; Ctrl-C leaves it alone.

    Args:
        run: a run that was launched.
        echo: receives each further line of its log.

    Raises:
        LabError: if the run is deleted meanwhile.
    """
    with run.log.open(encoding="utf-8", errors="replace") as log:
        begun = ""
        while True:
            status = run.status()
            *lines, begun = (begun + log.read()).split("\n")
            for line in lines:
                echo(line)
            if not status.is_active:
                return status
            time.sleep(_POLL_SECONDS)
