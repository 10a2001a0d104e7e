"""Crystal features: what CHGNet makes of a structure before it reads out an energy.

Structures that the network finds similar have similar features, which measure how far a new
structure is from those that a model was trained on. Stock chgnet returns them as `crystal_fea`.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from chgnet.model import CHGNet
from numpy.typing import NDArray

from core.potential.batch import collate
from core.potential.forward import run_network
from core.potential.graph import PackedGraph
from core.potential.prediction import BUDGET
from core.potential.weights import Weights
from core.progress import Progress, report, silent


def crystal_features(
    model: CHGNet, graphs: Sequence[PackedGraph], *, progress: Progress = silent
) -> NDArray[np.float32]:
    """Return the mean features of each structure's atoms.

    Stock's `crystal_fea` is their sum, in which twice the same cell is another crystal; here it is
    the same one.

    Args:
        model: a CHGNet of the released architecture.
        graphs: the structures.
        progress: reports the structures done, after every batch.

    Returns:
        (n, 64), in the order of `graphs`.
    """
    weights = Weights.of(model, differentiable=False)
    width = weights.elements.shape[1]
    # The readout is a layer norm, then linear layers; with one that changes nothing in their
    # place, what comes out is what would have gone in.
    unchanged = (torch.eye(width).to(weights.elements), weights.elements.new_zeros(width))
    weights = replace(weights, readout=(unchanged,))
    features = np.empty((len(graphs), width), dtype=np.float32)
    done = 0
    with torch.no_grad():
        for rows in _batches(np.array([graph.cost for graph in graphs], dtype=np.int64)):
            batch = collate(
                [graphs[row] for row in rows],
                dtype=weights.elements.dtype,
                device=weights.elements.device,
            )
            atoms, _ = run_network(weights, batch, batch.bond_lengths, batch.angles, magmoms=False)
            sums = atoms.new_zeros(len(rows), width).index_add(0, batch.atom_frame, atoms)
            features[rows] = (sums / batch.atoms_per_frame[:, None]).cpu().numpy()
            done += len(rows)
            report(progress, done, len(graphs), "Crystal features")
    return features


def _batches(costs: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Cut graphs, sorted by cost, into batches of about `BUDGET`."""
    order = np.argsort(costs, kind="stable")
    part = np.cumsum(costs[order]) // BUDGET
    return [rows for rows in np.split(order, np.flatnonzero(np.diff(part)) + 1) if len(rows)]
