"""An arm that is several processes at work at the same time."""

import os
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Self, TypeVar

from core.process import on_this_machine
from core.training.step.parallel import Team
from harness.worker import RemoteWorker, Turn

Result = TypeVar("Result")


def here() -> Team:
    """Return which of an arm's processes this is; the only one by default."""
    rank, size = (os.environ.get(name) for name in ("RANK", "WORLD_SIZE"))
    return Team(rank=int(rank or 0), size=int(size or 1))


class RemoteTeam:
    """Workers that do a piece together, each its own part; to be used in a ``with``.

    They find each other as torchrun's processes do. Their turn takes as long as the slowest worker,
    or, if they have nothing to do with one another, as long as it would at the sum of their speeds:
    none has to wait for another before it goes on.

    Args:
        script: the benchmark.
        words: its command line, which makes a worker serve.
        size: number of workers.
        joint: whether they work on one thing.
    """

    def __init__(self, script: str, words: Sequence[str], size: int, *, joint: bool) -> None:
        self._joint = joint
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        common = {
            **on_this_machine(),
            "WORLD_SIZE": str(size),
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port),
        }
        self._threads = ThreadPoolExecutor(size)
        # at once, since they wait for one another before they serve
        self._workers = list(
            self._threads.map(
                lambda rank: RemoteWorker(script, words, {**common, "RANK": str(rank)}), range(size)
            )
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with ExitStack() as all_of_them:
            for worker in self._workers:
                all_of_them.push(worker)
        self._threads.shutdown()

    def n_pieces(self) -> int:
        """Return the number of pieces."""
        return self._workers[0].n_pieces()

    def turn(self, place: int) -> Turn:
        """Let them do one piece."""
        turns = self._each(lambda worker: worker.turn(place))
        walls = [turn.wall for turn in turns]
        alone = len(walls) / sum(1 / wall for wall in walls)
        return Turn(
            wall=max(walls) if self._joint else alone,
            cpu=sum(turn.cpu for turn in turns),
            told=[turn.told for turn in turns],
        )

    def peak_memory_mb(self) -> float:
        """Return the peak memory of all of them so far, added up."""
        return round(sum(self._each(RemoteWorker.peak_memory_mb)), 1)

    def _each(self, ask: Callable[[RemoteWorker], Result]) -> list[Result]:
        return list(self._threads.map(ask, self._workers))
