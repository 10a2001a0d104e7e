"""Which frames a run trains, validates and tests on, and which of their labels count."""

import numpy as np
from numpy.typing import NDArray

from core.errors import LabError
from core.frames.schema import LABELS
from core.frames.splits import Split, training_subset
from core.frames.store import FrameSet
from core.training.settings.config import LossRatios, RunConfig


def label_flags(frame_set: FrameSet) -> dict[str, NDArray[np.bool_]]:
    """Return which frames have each kind of label, (n,) by kind, without reading any."""
    table = frame_set.table()
    return {
        "energy": np.isfinite(frame_set.energies()),
        "force": table["has_forces"].to_numpy(),
        "stress": table["has_stress"].to_numpy(),
        "magmom": table["has_magmoms"].to_numpy(),
    }


def labels_among(frame_set: FrameSet, rows: NDArray[np.integer]) -> list[str]:
    """Return the kinds of label that any of these frames has."""
    return [kind for kind, flags in label_flags(frame_set).items() if flags[rows].any()]


def trained_flags(frame_set: FrameSet, ratios: LossRatios) -> dict[str, NDArray[np.bool_]]:
    """Return `label_flags` of the kinds whose loss ratio is above zero."""
    flags = label_flags(frame_set)
    return {kind: flags[kind] for kind in LABELS if getattr(ratios, kind) > 0}


def partition(config: RunConfig, frame_set: FrameSet) -> Split:
    """Return the rows that a run trains, validates and tests on.

    Validation and test are those of the data set for any number of training frames; a smaller
    training set is a subset of a larger one with the same seed.

    Raises:
        LabError: if there are fewer training frames than requested, or none.
    """
    split = frame_set.split()
    if len(split.train) == 0:
        raise LabError(
            f"Data set {frame_set.card.name} has too few materials to train on; import more."
        )
    if config.frames is None:
        return split
    train = training_subset(frame_set.material_ids(), split.train, config.frames, seed=config.seed)
    return Split(train=train, validation=split.validation, test=split.test)
