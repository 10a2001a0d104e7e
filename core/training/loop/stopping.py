"""How a run stops on request: all of its processes, at the same place."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from core.training.step.parallel import Team

ShouldStop = Callable[[], bool]
Result = TypeVar("Result")


class StopError(Exception):
    """Raised where a run notices that it is to stop."""


class Stopping:
    """Asks whether to stop, and ensures that no process of a run waits for one that has stopped.

    Every method raises `StopError` if the run is to stop; all but `here` raise `TeamError` if
    another process has ended.

    Args:
        team: the processes of the run.
        should_stop: asks, in this process.
    """

    def __init__(self, team: Team, should_stop: ShouldStop) -> None:
        self._team = team
        self._should_stop = should_stop

    def here(self, *_: object) -> None:
        """Stop this process; only within `agreed` or `led`. Serves as a progress callback."""
        if self._should_stop():
            raise StopError

    def together(self) -> None:
        """Stop all processes if one is asked to; none continues before all have arrived."""
        if self._team.vote(wish=self._should_stop()):
            raise StopError

    def agreed(self, work: Callable[[], Result]) -> Result:
        """Return the result of this process's work, or stop all if one has left its own.

        Args:
            work: computes the result, without any exchange with other processes.
        """
        results: list[Result] = []
        with suppress(StopError):
            results.append(work())
        if self._team.vote(wish=not results):
            raise StopError
        return results[0]

    def led(self, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return the result of the first process, for which the others wait.

        Args:
            work: computes the result, which JSON can hold.
        """
        result = None
        with suppress(StopError):
            result = work() if self._team.leads else None
        shared: dict[str, Any] | None = self._team.share(result)
        if shared is None:
            raise StopError
        return shared
