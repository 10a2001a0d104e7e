"""How long a sweep takes, by what some of its runs would."""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import nnls

from core.runs.groups.sweep import Sweep
from core.training.settings.config import RunConfig


def seconds_of(wanted: Sweep, known: Sequence[tuple[RunConfig, float]]) -> float:
    """Return the seconds of all runs, from those of some.

    A run takes a time for each training frame in each epoch, and one for each look at the frames
    held out: one an epoch and, validation and test being of one size, two at the end.

    Args:
        wanted: the sweep.
        known: runs and their seconds.
    """
    parts = np.array([_parts(one.frames or 0, one.epochs) for one, _ in known], dtype=float)
    rates, _ = nnls(parts, np.array([seconds for _, seconds in known]))
    runs = np.array([_parts(size, wanted.epochs(size)) for size in wanted.sizes], dtype=float)
    return float((runs @ rates).sum() * len(wanted.methods) * len(wanted.seeds))


def _parts(frames: int, epochs: int) -> tuple[int, int]:
    return frames * epochs, epochs + 2
