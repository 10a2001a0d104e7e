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

from core.frames.schema import LABELS
from core.potential.examples import Example
from core.training.settings.config import LossRatios


def trained_labels(examples: Sequence[Example], ratios: LossRatios) -> list[str]:
    """Return the kinds of label that exist among these frames and have a loss ratio above zero."""
    return [
        kind
        for kind in LABELS
        if getattr(ratios, kind) > 0
        and any(example.label(kind) is not None for example in examples)
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
    targets: dict[str, NDArray[np.float64]] = {}
    for kind in labels:
        rows = []
        for example in examples:
            n = example.n_atoms
            shape = {"energy": (1,), "force": (n, 3), "stress": (1, 3, 3), "magmom": (n,)}[kind]
            label = example.label(kind)
            values = np.full(shape, np.nan) if label is None else np.reshape(label, shape)
            rows.append(values - example.contribution(atomref) if kind == "energy" else values)
        targets[kind] = np.concatenate(rows).astype(np.float64)
    return targets


def scale_of(kind: str) -> str:
    """Return the name under which `combined_loss` finds the scale of a kind of label."""
    return f"{kind} scale"


def make_scales(
    targets: Mapping[str, NDArray[np.float64]], ratios: LossRatios
) -> dict[str, NDArray[np.float64]]:
    """Return the scale of each kind's term: its loss ratio over the number of known values.

    Args:
        targets: what `make_targets` returned for a whole batch.
        ratios: weights of the loss.

    Returns:
        Scalars by `scale_of` each kind.
    """
    return {
        scale_of(kind): np.array(getattr(ratios, kind) / np.count_nonzero(~np.isnan(target)))
        for kind, target in targets.items()
    }


def combined_loss(
    predicted: Mapping[str, Tensor], targets: Mapping[str, Tensor], *, huber_delta: float
) -> Tensor:
    """Return the weighted sum of the Huber terms.

    A term is the sum over the values whose label exists, times its scale: with `make_scales` a
    weighted mean, and for complete labels the whole is chgnet's `CombinedLoss(criterion="Huber")`.
    Of a batch that is shared out, every share takes the scales of the whole; the losses and
    gradients of the shares then add up to those of the batch.

    Args:
        predicted: predictions by kind of label, in the shapes of `make_targets`.
        targets: labels by kind, NaN where missing, and a scalar under `scale_of` each kind; a kind
            that is absent does not count.
        huber_delta: error at which a term turns from quadratic to linear.

    Returns:
        The loss, a scalar tensor.
    """
    terms = []
    for kind in LABELS:
        if kind in targets:
            target = targets[kind]
            # A constant zero where the label is missing: no error and no gradient from there.
            error = torch.where(
                torch.isnan(target), torch.zeros_like(target), predicted[kind] - target
            )
            total = functional.huber_loss(
                error, torch.zeros_like(error), reduction="sum", delta=huber_delta
            )
            terms.append(targets[scale_of(kind)] * total)
    return torch.stack(terms).sum()
