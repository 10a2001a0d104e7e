"""The readout of magnetic moments, solved in closed form beside a network that has moved.

The moment of an atom is |w·h + b|, h its features before the last convolution. A transfer that
moves the features spoils the moments of a readout that stays; as energies do not depend on w and b,
these are solved for by themselves, linear with the signs that they have:

    min Σ (s (w·h + b) − m)² / σ² + |w − w₀|² / (0.3 rms(w₀))²
"""

from collections.abc import Sequence

import numpy as np
import torch
from chgnet.model import CHGNet
from numpy.typing import NDArray
from torch import Tensor

from core.potential.batch import collate
from core.potential.forward import run_network
from core.potential.graph import PackedGraph
from core.potential.weights import Weights
from core.transfer.posterior import Change

NOISE = 0.05
"""μB; what moments miss."""

PART = 0.3
"""The part of its root mean square by which the readout may move."""

_LEVELS = 3
"""Convolutions before the readout."""


def magmom_change(
    moved: CHGNet, graphs: Sequence[PackedGraph], moments: Sequence[NDArray[np.floating]]
) -> Change:
    """Return by how much the readout of moments is to change.

    Args:
        moved: the network as it will be, with the pretrained readout of moments.
        graphs: the structures.
        moments: moments of their atoms, (N,) |μB| each: labels, or those of the pretrained network
            where there are none, which stay.

    Returns:
        Changes of "site_wise.weight" and "site_wise.bias".
    """
    weight, bias = (moved.get_parameter(f"site_wise.{part}") for part in ("weight", "bias"))
    start = torch.cat([weight.detach().flatten(), bias.detach()]).cpu().double().numpy()
    size = len(start)
    gram, product = np.zeros((size, size)), np.zeros(size)
    for graph, known in zip(graphs, moments, strict=True):
        features = atom_features(moved, graph)
        signed = np.sign(features @ start) * known
        gram += features.T @ features
        product += features.T @ (signed - features @ start)
    pull = (NOISE / (PART * float(np.sqrt(np.square(start[:-1]).mean())))) ** 2
    change = np.linalg.solve(gram + pull * np.eye(size), product)
    return {"site_wise.weight": change[:-1], "site_wise.bias": change[-1:]}


def atom_features(model: CHGNet, graph: PackedGraph) -> NDArray[np.float64]:
    """Return what the readout of moments sees of each atom, and a column of ones, (N, d + 1)."""
    weights = Weights.of(model, differentiable=False)
    batch = collate([graph], dtype=weights.elements.dtype, device=weights.elements.device)
    results: list[Tensor] = []
    with torch.no_grad():
        run_network(
            weights,
            batch,
            batch.bond_lengths,
            batch.angles,
            magmoms=False,
            tap=lambda _name, _given, result: results.append(result),
        )
    # The embedding, and what the first convolutions add to it.
    features = torch.stack(results[: 1 + _LEVELS]).sum(dim=0).cpu().double().numpy()
    return np.column_stack([features, np.ones(len(features))])
