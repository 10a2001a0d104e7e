"""The pieces in which a batch is computed, and what is read off their predictions."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from core.potential.batch import PackedBatch
from core.potential.examples import Example
from core.training.settings.metrics import MetricSums
from core.training.step.source_frames import origin, per_value


@dataclass(kw_only=True, frozen=True, slots=True)
class Piece:
    """Some frames of a batch that are computed at a time.

    Attributes:
        examples: the frames.
        batch: their structures.
        targets: targets for `combined_loss`, with the scales of the whole batch.
        labelled: the labels in double precision, as `make_targets` returns them.
    """

    examples: tuple[Example, ...]
    batch: PackedBatch
    targets: dict[str, Tensor]
    labelled: dict[str, NDArray[np.float64]]


@dataclass(kw_only=True, frozen=True, slots=True)
class Prepared:
    """A batch, or this process's share of it, as `Stepper.step` takes it.

    Attributes:
        names: the frames of the whole batch.
        labels: kinds of label that it is trained on.
        scales: of the terms of the loss, from the whole batch, see `term_scales`.
        pieces: the share in parts, whose losses and gradients add up to those of the share.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    scales: dict[tuple[str, str], float]
    pieces: tuple[Piece, ...]


def add_errors(
    sums: MetricSums, of_origin: str, piece: Piece, predicted: Mapping[str, NDArray[np.floating]]
) -> None:
    """Add the errors of those labels of a piece that have one origin."""
    examples = piece.examples
    has = {
        kind: [
            origin(example, kind) == of_origin and example.label(kind) is not None
            for example in examples
        ]
        for kind in piece.labelled
    }
    sums.n_frames += int(np.any(list(has.values()), axis=0).sum())
    with np.errstate(invalid="ignore"):
        for kind, labelled in piece.labelled.items():
            counts = per_value(examples, kind, has[kind]) > 0
            sums.add(kind, predicted[kind], np.where(counts, labelled, np.nan))


def not_finite(piece: Piece, predicted: Mapping[str, NDArray[np.floating]]) -> list[str]:
    """Name the frames whose prediction or label is not finite."""
    sizes = [example.n_atoms for example in piece.examples]
    frame_of_atom = np.repeat(np.arange(len(sizes)), sizes)
    bad = np.zeros(len(sizes), dtype=bool)
    for kind, values in predicted.items():
        wrong = ~np.isfinite(values) | np.isinf(piece.labelled[kind])
        rows = wrong.reshape(len(wrong), -1).any(axis=1)
        bad[frame_of_atom[rows] if kind in {"force", "magmom"} else np.flatnonzero(rows)] = True
    return [example.frame_id for example, is_bad in zip(piece.examples, bad, strict=True) if is_bad]
