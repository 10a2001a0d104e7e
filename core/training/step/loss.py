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
from core.training.step.source_frames import ONLY_TARGET, TARGET, origin, per_value


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


def term_scales(
    examples: Sequence[Example],
    labels: Sequence[str],
    ratios: LossRatios,
    weights: Mapping[str, float] = ONLY_TARGET,
) -> dict[tuple[str, str], float]:
    """Return the scale of every term of the loss of a whole batch.

    A term is the mean over the labels of one kind and one origin, weighted by frame, so the loss is
    the sum over origins of their weight times the loss of their labels alone.

    Args:
        examples: the batch.
        labels: kinds of label that are trained on.
        ratios: weights of the kinds.
        weights: weights of the origins.

    Returns:
        Weight times loss ratio over the number of known values, each times the weight of its frame,
        by kind and origin.
    """
    counts: dict[tuple[str, str], float] = {}
    for example in examples:
        for kind in labels:
            label = example.label(kind)
            if label is not None:
                term = kind, origin(example, kind)
                known = int((~np.isnan(label)).sum())
                counts[term] = counts.get(term, 0.0) + example.weight * known
    return {
        (kind, source): weights[source] * getattr(ratios, kind) / count
        for (kind, source), count in counts.items()
    }


def spread_scales(
    scales: Mapping[tuple[str, str], float],
    examples: Sequence[Example],
    labels: Sequence[str],
    *,
    alike: bool,
) -> dict[str, NDArray[np.float64]]:
    """Return the scales as `combined_loss` takes them, for some frames of the batch.

    Args:
        scales: as `term_scales` returns them.
        examples: the frames.
        labels: kinds to return.
        alike: whether all labels are the target's, and all frames weigh the same; the scale of a
            kind is then one number.

    Returns:
        Scalars, or arrays that multiply the targets of the kind, by `scale_of` each kind.
    """
    if alike:
        return {scale_of(kind): np.array(scales[kind, TARGET]) for kind in labels}
    return {
        scale_of(kind): per_value(
            examples,
            kind,
            [
                example.weight * scales.get((kind, origin(example, kind)), 0.0)
                for example in examples
            ],
        )
        for kind in labels
    }


def combined_loss(
    predicted: Mapping[str, Tensor], targets: Mapping[str, Tensor], *, huber_delta: float
) -> Tensor:
    """Return the weighted sum of the Huber terms.

    A term is the sum over the values whose label exists, times its scale: with `term_scales` a
    weighted mean, and for complete labels the whole is chgnet's `CombinedLoss(criterion="Huber")`.
    Of a batch that is shared out, every share takes the scales of the whole; the losses and
    gradients of the shares then add up to those of the batch.

    Args:
        predicted: predictions by kind of label, in the shapes of `make_targets`.
        targets: labels by kind, NaN where missing, and the scales of `spread_scales`; a kind that
            is absent does not count.
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
            scale = targets[scale_of(kind)]
            sizes = functional.huber_loss(
                error,
                torch.zeros_like(error),
                reduction="none" if scale.ndim else "sum",
                delta=huber_delta,
            )
            terms.append((scale * sizes).sum() if scale.ndim else scale * sizes)
    return torch.stack(terms).sum()
