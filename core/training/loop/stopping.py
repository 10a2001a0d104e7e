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
    """Asks whether to stop, and sees to it that no process of a run waits for one that has.

    Args:
        team: the processes of the run.
        should_stop: asks, in this process.
    """

    def __init__(self, team: Team, should_stop: ShouldStop) -> None:
        self._team = team
        self._should_stop = should_stop

    def here(self, *_: object) -> None:
        """Stop this process; only within `agreed` or `led`. Serves as a progress callback.

        Raises:
            StopError: if the run is to stop.
        """
        if self._should_stop():
            raise StopError

    def together(self) -> None:
        """Stop all processes if one is asked to; none continues before all have arrived.

        Raises:
            StopError: if the run is to stop.
            TeamError: if another process has ended.
        """
        if self._team.vote(wish=self._should_stop()):
            raise StopError

    def agreed(self, work: Callable[[], Result]) -> Result:
        """Return the result of this process, or stop all if one has left its work.

        Args:
            work: what to do; no exchange with other processes is in it.

        Raises:
            StopError: if the run is to stop.
            TeamError: if another process has ended.
        """
        done: list[Result] = []
        with suppress(StopError):
            done.append(work())
        if self._team.vote(wish=not done):
            raise StopError
        return done[0]

    def led(self, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return what the first process does, while the others wait for it.

        Args:
            work: what to do; JSON can hold what comes of it.

        Raises:
            StopError: if the run is to stop.
            TeamError: if another process has ended.
        """
        done = None
        with suppress(StopError):
            done = work() if self._team.leads else None
        shared: dict[str, Any] | None = self._team.share(done)
        if shared is None:
            raise StopError
        return shared
