"""Energies, forces and stresses of many structures within a budget of memory."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from chgnet.model import CHGNet
from numpy.typing import NDArray

from core.potential.batch import collate
from core.potential.compiled_prediction import forward
from core.potential.forward import Wanted
from core.potential.graph import PackedGraph
from core.potential.prediction import split
from core.potential.relaxation.cell import Matrices

WANTED = Wanted(forces=True, stress=True, magmoms=False)


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Evaluation:
    """What a model says of B structures of N atoms in all; NaN where it is not asked.

    Attributes:
        energies: eV/atom, (B,).
        forces: eV/Å, (N, 3).
        stresses: GPa with chgnet's sign, (B, 3, 3).
        problems: why a structure has no graph, else empty, B of them.
        too_large: whether the device's memory does not suffice for a structure, (B,).
    """

    energies: NDArray[np.float64]
    forces: NDArray[np.float64]
    stresses: Matrices
    problems: list[str]
    too_large: NDArray[np.bool_]


class Evaluator:
    """A model that is asked about several structures at a time.

    Attributes:
        budget: directed bonds plus angles in one batch; halved for good when the memory of the
            device does not suffice.

    Args:
        model: a CHGNet of the released architecture, on the device and in the type to be used.
        budget: as above, to begin with.
    """

    def __init__(self, model: CHGNet, budget: int) -> None:
        self._model, self.budget = model, budget

    def evaluate(self, graphs: Sequence[PackedGraph | str], sizes: NDArray[np.int64]) -> Evaluation:
        """Evaluate structures, in parts where all together exceed the budget.

        Args:
            graphs: their graphs, or why there is none, B of them.
            sizes: their numbers of atoms, (B,).
        """
        found = Evaluation(
            energies=np.full(len(sizes), np.nan),
            forces=np.full((int(sizes.sum()), 3), np.nan),
            stresses=np.full((len(sizes), 3, 3), np.nan),
            problems=[graph if isinstance(graph, str) else "" for graph in graphs],
            too_large=np.zeros(len(sizes), dtype=bool),
        )
        ends = np.cumsum(sizes)
        waiting = deque(
            (place, graph) for place, graph in enumerate(graphs) if not isinstance(graph, str)
        )
        while waiting:
            part, cost = [waiting.popleft()], 0
            cost = part[0][1].cost
            while waiting and cost + waiting[0][1].cost <= self.budget:
                cost += waiting[0][1].cost
                part.append(waiting.popleft())
            try:
                self._predict(part, ends, found)
            except torch.OutOfMemoryError:
                torch.cuda.empty_cache()
                if len(part) == 1:
                    found.too_large[part[0][0]] = True
                else:
                    self.budget = max(cost // 2, 1)
                    waiting.extendleft(reversed(part))
        return found

    def _predict(
        self, part: list[tuple[int, PackedGraph]], ends: NDArray[np.int64], found: Evaluation
    ) -> None:
        parameter = self._model.site_wise.weight
        graphs = [graph for _, graph in part]
        batch = collate(graphs, dtype=parameter.dtype, device=parameter.device)
        predictions = split(
            forward(self._model, batch, WANTED), [graph.n_atoms for graph in graphs]
        )
        for (place, graph), prediction in zip(part, predictions, strict=True):
            found.energies[place] = prediction.energy
            found.forces[ends[place] - graph.n_atoms : ends[place]] = prediction.forces
            found.stresses[place] = prediction.stress
