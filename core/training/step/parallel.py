"""Several processes that train one model together.

Each process, a rank, holds the whole model and works on its share of every batch. The loss of a
share carries the scales of the whole batch, so losses and gradients add up; after the addition all
ranks hold the same numbers, and their optimisers stay alike without further communication.

Everything that ranks exchange is a sum, taken in a fixed order, so that a run is reproducible with
the same number of processes.
"""

import heapq
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, distributed, nn

_PATIENCE = timedelta(days=100)
"""A rank may wait for hours until the first one has prepared the run; one that fails ends all."""


class TeamError(Exception):
    """Raised where the other processes cannot be reached: one of them has ended."""


@dataclass(kw_only=True, frozen=True, slots=True)
class Team:
    """The processes of a run, seen from one of them. A team of one needs no process group.

    Every exchange between ranks raises `TeamError` if another process has ended.

    Attributes:
        rank: this process, from 0; the first one leads: it prepares, reports and writes.
        size: number of processes.
        local_rank: this process among those of its machine, from 0.
        local_size: number of processes on its machine.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this is the first process."""
        return self.rank == 0

    def place(self, device: torch.device) -> torch.device:
        """Return this rank's device for a run on `device`: a GPU per rank, or the CPU for all."""
        if self.size == 1 or device.type != "cuda":
            return device
        return torch.device(device.type, self.local_rank)

    def add(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sum over all ranks.

        Args:
            values: any shape, the same on all ranks.
        """
        if self.size == 1:
            return values
        total = torch.from_numpy(values.copy())
        _add(total)
        return total.numpy()

    def add_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Replace each gradient by its sum over all ranks, in one exchange.

        A gradient that no rank has stays None; where only some have one, the others count as zero.

        Args:
            parameters: the same on all ranks.
        """
        if self.size == 1:
            return
        has_gradient = [parameter.grad is not None for parameter in parameters]
        parts = [(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in parameters]
        flat = torch.cat([*parts, parts[0].new_tensor(has_gradient)])
        _add(flat)
        *sums, counts = flat.split([*(len(part) for part in parts), len(parts)])
        for parameter, total, count in zip(parameters, sums, counts.tolist(), strict=True):
            parameter.grad = total.view_as(parameter) if count else None

    def vote(self, *, wish: bool) -> bool:
        """Return whether any rank wishes it; no rank continues before all have voted."""
        return bool(self.add(np.array([float(wish)]))[0])

    def gather(self, content: Any) -> list[Any]:
        """Return the content of every rank, by rank.

        Args:
            content: anything that JSON can hold.
        """
        if self.size == 1:
            return [content]
        data = np.frombuffer(json.dumps(content).encode(), np.uint8)
        lengths = np.zeros(self.size)
        lengths[self.rank] = len(data)
        sizes = self.add(lengths).astype(int).tolist()
        rows = torch.zeros((self.size, max(sizes)), dtype=torch.uint8)
        rows[self.rank, : len(data)] = torch.from_numpy(data.copy())
        _add(rows)
        return [json.loads(row[:n].numpy().tobytes()) for row, n in zip(rows, sizes, strict=True)]

    def share(self, content: Any = None) -> Any:
        """Return the first rank's content, which JSON can hold; that of the others is ignored."""
        return self.gather(content if self.leads else None)[0]


SINGLE_PROCESS = Team()
"""The team of a process that trains by itself."""


@contextmanager
def joined(device: torch.device) -> Iterator[Team]:
    """Join the processes that torchrun has started, as described by environment variables.

    Numbers in main memory go by gloo, gradients on GPUs by nccl.

    Args:
        device: the run's.

    Yields:
        The team.
    """
    team = Team(
        rank=int(os.environ["RANK"]),
        size=int(os.environ["WORLD_SIZE"]),
        local_rank=int(os.environ["LOCAL_RANK"]),
        local_size=int(os.environ["LOCAL_WORLD_SIZE"]),
    )
    on_gpu = device.type == "cuda"
    if on_gpu:
        torch.cuda.set_device(team.place(device))
    backend = "cpu:gloo,cuda:nccl" if on_gpu else "gloo"
    distributed.init_process_group(backend, timeout=_PATIENCE)
    try:
        yield team
    finally:
        distributed.destroy_process_group()


def shares(costs: Sequence[int], size: int) -> list[list[int]]:
    """Split frames into shares of about the same cost.

    The costliest frame comes first, and each goes to the smallest share so far; the largest and the
    smallest share differ by no more than one frame's cost. The result depends only on the costs and
    their order.

    Args:
        costs: of each frame, as `PackedGraph.cost`.
        size: number of shares.

    Returns:
        Positions of the frames, ascending, by share; empty where there are not enough frames.
    """
    parts: list[list[int]] = [[] for _ in range(size)]
    loads = [(0, rank) for rank in range(size)]
    for place in sorted(range(len(costs)), key=lambda place: -costs[place]):
        load, rank = loads[0]
        parts[rank].append(place)
        heapq.heapreplace(loads, (load + costs[place], rank))
    return [sorted(part) for part in parts]


def _add(tensor: Tensor) -> None:
    try:
        distributed.all_reduce(tensor)
    except RuntimeError as error:
        raise TeamError("Another process of the run has ended.") from error
