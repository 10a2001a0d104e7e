"""Which frames a run trains, validates and tests on, and which of their labels count."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.errors import LabError
from core.frames.functionals import same_functional
from core.frames.registry import open_frame_set
from core.frames.schema import LABELS
from core.frames.splits import Split, training_subset
from core.frames.store import FrameSet
from core.training.settings.config import LossRatios, RunConfig
from core.training.settings.methods import default_method


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


def usual_method(name: str, ratios: Mapping[str, float] | None = None) -> str:
    """Return the default method of a run on a data set of frames.

    Args:
        name: the data set.
        ratios: loss ratios of the run by kind of label, where they are not the default ones.

    Raises:
        LabError: if there is no such data set of frames.
    """
    counted = [
        kind
        for kind, has in label_flags(open_frame_set(name)).items()
        if has.any() and (ratios or {}).get(kind, 1.0) > 0
    ]
    return default_method(counted)


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


def further_sets(config: RunConfig, frame_set: FrameSet) -> list[tuple[FrameSet, Split]]:
    """Return a run's data sets in further functionals, each with its split.

    A material that an earlier data set holds is in the same part of all of them, so that no
    functional tells the network of a material that another one is tested on. Where no material id
    of a data set occurs in the earlier ones, materials of one reduced formula count as the same.

    Args:
        config: the run's settings.
        frame_set: its first data set.

    Raises:
        LabError: if a data set is missing, or two are in one functional.
    """
    known = [(frame_set, frame_set.split())]
    for name in config.functionals.datasets:
        data = open_frame_set(name)
        for earlier, _ in known:
            _check_functionals(earlier, data)
        known.append((data, _joined(data, known)))
    return known[1:]


def _check_functionals(first: FrameSet, second: FrameSet) -> None:
    names = [data.card.functional or "unknown" for data in (first, second)]
    if same_functional(*names):
        raise LabError(
            f"{first.card.name} and {second.card.name} are both in the functional {names[0]}, and "
            "each functional takes one data set; import them as one, or name their functionals."
        )


def _joined(data: FrameSet, known: list[tuple[FrameSet, Split]]) -> Split:
    """Return the split of a data set in which materials stay where earlier sets have them."""
    by_id = _places([(one.material_ids(), split) for one, split in known])
    keys = data.material_ids()
    found = by_id.reindex(keys).to_numpy()
    if np.isnan(found).all():
        by_formula = _places([(one.formulas(), split) for one, split in known])
        found = by_formula.reindex(data.formulas()).to_numpy()
    own = _codes(data.split(), len(data))
    codes = np.where(np.isnan(found), own, found)
    train, validation, test = (np.flatnonzero(codes == code) for code in range(3))
    return Split(train=train, validation=validation, test=test)


def _places(known: list[tuple[NDArray[np.object_], Split]]) -> pd.Series:
    """Return the part of each key, by key: 0 training, 1 validation, 2 test; the last one wins."""
    keys = np.concatenate([keys for keys, _ in known])
    codes = np.concatenate([_codes(split, len(keys)) for keys, split in known])
    return pd.Series(codes.astype(float), index=keys).groupby(level=0).max()


def _codes(split: Split, n: int) -> NDArray[np.int64]:
    codes = np.zeros(n, dtype=np.int64)
    codes[split.validation], codes[split.test] = 1, 2
    return codes
