"""One side of a contest at work, in a process of its own.

Each arm lives in its own process, and they take turns: while one works the others wait for a word.
So neither pays for the other's memory or garbage, and the peak memory of each is its own.
"""

import gc
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Self

import torch

from core.frames.schema import Frame

_PATIENCE = 10.0
"""Seconds a worker is given to end by itself."""

Piece = Callable[[], Any]
"""A part of an arm's work that is timed on its own."""


@dataclass(kw_only=True, frozen=True)
class Work:
    """What every arm is given.

    Attributes:
        frames: the structures with labels.
        batch_size: structures per batch.
        device: where the models are.
        threads: CPU threads.
        folder: an empty directory for files.
        small: whether it is only to be seen that it works.
    """

    frames: Sequence[Frame]
    batch_size: int
    device: torch.device
    threads: int
    folder: Path
    small: bool = False


@dataclass(kw_only=True, frozen=True)
class Turn:
    """What came of one piece.

    Attributes:
        wall: seconds by the clock.
        cpu: seconds of processor time, which other programs on a busy machine hardly change.
        told: what the piece returned, in a form that JSON can hold.
    """

    wall: float
    cpu: float
    told: Any


class Worker:
    """An arm whose pieces are ready.

    Args:
        pieces: the pieces.
        device: where they work.
        tell: puts what a piece returns into a form that JSON can hold.
    """

    def __init__(
        self, pieces: Sequence[Piece], device: torch.device, tell: Callable[[Any], Any]
    ) -> None:
        self._pieces, self._device, self._tell = pieces, device, tell

    def n_pieces(self) -> int:
        """Return the number of pieces."""
        return len(self._pieces)

    def turn(self, place: int) -> Turn:
        """Do one piece against the clock."""
        # no piece pays for what another has left lying about
        gc.collect()
        _wait_for(self._device)
        wall, cpu = time.perf_counter(), time.process_time()
        result = self._pieces[place]()
        _wait_for(self._device)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        return Turn(wall=wall, cpu=cpu, told=self._tell(result))

    def peak_memory_mb(self) -> float:
        """Return the peak memory of this process, on an accelerator that of the device."""
        return round(_peak_memory(self._device) / 1e6, 1)

    def serve(self, source: IO[str], sink: IO[str]) -> None:
        """Answer each line, the place of a piece or "peak", with a line of JSON."""
        sink.write(f"{self.n_pieces()}\n")
        sink.flush()
        for line in source:
            word = line.strip()
            answer = self.peak_memory_mb() if word == "peak" else asdict(self.turn(int(word)))
            sink.write(json.dumps(answer) + "\n")
            sink.flush()


class RemoteWorker:
    """A worker in a process of its own; to be used in a ``with``.

    Args:
        script: the benchmark.
        words: its command line, which makes it serve.
        environment: variables of its own.
    """

    def __init__(
        self, script: str, words: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> None:
        self._process = subprocess.Popen(
            [sys.executable, script, *words],
            env={
                **os.environ,
                # numpy and scipy have threads of their own
                "OPENBLAS_NUM_THREADS": str(torch.get_num_threads()),
                **(environment or {}),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._n_pieces = int(self._answer())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            # without more to do it ends by itself, and takes its folder away
            self._process.communicate(timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    def n_pieces(self) -> int:
        """Return the number of pieces."""
        return self._n_pieces

    def turn(self, place: int) -> Turn:
        """Let it do one piece."""
        return Turn(**json.loads(self._ask(str(place))))

    def peak_memory_mb(self) -> float:
        """Return its peak memory so far."""
        return float(self._ask("peak"))

    def _ask(self, word: str) -> str:
        sink = self._process.stdin
        if sink is not None:
            sink.write(word + "\n")
            sink.flush()
        return self._answer()

    def _answer(self) -> str:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise SystemExit(f"{' '.join(self._process.args)}: ended early, for the reason above.")
        return line


def chunks(n: int, size: int) -> list[slice]:
    """Return the slices that cut n things into chunks of a size; the last may be smaller."""
    return [slice(begin, begin + size) for begin in range(0, n, size)]


def _wait_for(device: torch.device) -> None:
    """Let queued work finish; on the CPU nothing is queued."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def _peak_memory(device: torch.device) -> int:
    """Return the peak memory in bytes."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    status = Path("/proc/self/status")
    if status.exists():
        # Not getrusage: a child inherits its parent's maximum there.
        lines = status.read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
