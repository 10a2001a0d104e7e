"""The loss: Huber terms of the labels that exist.

Energies enter the network's float32 world only as differences. The target is the label minus the
contribution of the AtomRef that the run starts with, worked out in double precision; the
prediction is the interaction energy, plus, where the AtomRef itself is trained, the contribution
of its change since the start. Both sides are a few eV/atom, not tens, and with a frozen AtomRef
the change is exactly zero and the subtraction exact.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from core.transfer.config import LossRatios
from core.transfer.data import LABELS, Example


def trained_labels(examples: Sequence[Example], ratios: LossRatios) -> list[str]:
    """Return the kinds of label that exist among these frames and have a loss ratio above zero."""
    return [
        kind
        for kind in LABELS
        if getattr(ratios, kind) > 0 and any(one.label(kind) is not None for one in examples)
    ]


def make_targets(
    examples: Sequence[Example], labels: Sequence[str], *, atomref: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """Return the labels of one batch as flat arrays, NaN where a frame has none.

    Args:
        examples: B frames with N atoms in all.
        labels: kinds to return.
        atomref: AtomRef that is subtracted from the energies, (94,) eV/atom.

    Returns:
        energy (B,) eV/atom less AtomRef, force (N, 3) eV/Å, stress (B, 3, 3) GPa, magmom (N,) |μB|;
        only those of `labels`.
    """

    def energy(one: Example) -> NDArray[np.floating]:
        return np.array([one.energy - one.contribution(atomref)])

    def label(one: Example, kind: str, shape: tuple[int, ...]) -> NDArray[np.floating]:
        known = one.label(kind)
        return np.full(shape, np.nan) if known is None else known.reshape(shape)

    targets: dict[str, NDArray[np.float64]] = {}
    for kind in labels:
        if kind == "energy":
            rows = [energy(one) for one in examples]
        elif kind == "force":
            rows = [label(one, kind, (one.n_atoms, 3)) for one in examples]
        elif kind == "stress":
            rows = [label(one, kind, (1, 3, 3)) for one in examples]
        else:
            rows = [label(one, kind, (one.n_atoms,)) for one in examples]
        targets[kind] = np.concatenate(rows).astype(np.float64)
    return targets


def combined_loss(
    predicted: Mapping[str, Tensor], targets: Mapping[str, Tensor], ratios: LossRatios
) -> Tensor:
    """Return the weighted sum of the Huber terms.

    Each term is the mean over the values whose label exists, which for complete labels is
    chgnet's `CombinedLoss(criterion="Huber")`.

    Args:
        predicted: predictions by kind of label, in the shapes of `make_targets`.
        targets: labels by kind, NaN where missing; a kind that is absent does not count.
        ratios: weights.

    Returns:
        The loss, a scalar tensor.
    """
    terms = []
    for kind, target in targets.items():
        known = ~torch.isnan(target)
        # A constant zero where the label is missing: no error and no gradient from there.
        error = torch.where(known, predicted[kind] - target, torch.zeros_like(target))
        total = functional.huber_loss(
            error, torch.zeros_like(error), reduction="sum", delta=ratios.huber_delta
        )
        terms.append(getattr(ratios, kind) * total / known.sum())
    return torch.stack(terms).sum()
