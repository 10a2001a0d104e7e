"""Extrapolation test of a scaling law: does it predict four times the frames?"""

import numpy as np
import pandas as pd

from core.errors import LabError
from core.scaling.law import Form, Law, fit_law, whole_frames
from core.scaling.points import ScalingPoints

FACTOR = 4
"""A size is predicted from sizes smaller by at least this factor."""

ERRORS = ["n_frames", "n_fitted_sizes", "seen", "predicted", "low", "high", "relative_error"]
FRAMES = ["frames", "frames_low", "frames_high", "held"]


# Sizes themselves count, whatever rounding does to them.
_ROUNDING = 1 + 1e-9


def holds(law: Law, n_frames: float, factor: float = FACTOR) -> bool:
    """Return whether a law may be read at a size: from its smallest to `factor` × its largest."""
    return law.smallest <= n_frames * _ROUNDING and n_frames <= factor * law.largest * _ROUNDING


def extrapolation(
    points: ScalingPoints, *, form: Form = "power", min_frames: int = 0
) -> pd.DataFrame:
    """Predict each size from the sizes up to a quarter of it.

    A law fitted to those is used both ways: for the error at the size, and for the number of frames
    that reaches the actual error at the size.

    Args:
        points: points of one method.
        form: form of the law.
        min_frames: leave smaller sizes out.

    Returns:
        One row per size whose smaller sizes are enough to fit. ERRORS: `n_frames`,
        `n_fitted_sizes`, the actual error (`seen`, the geometric mean over seeds), the `predicted`
        error with the 95 % interval of the curve (`low`, `high`), and `relative_error`, predicted /
        actual − 1. FRAMES: `frames`, `frames_low` and `frames_high` (95 % interval; infinite for
        never), and whether the interval contains the size (`held`).
    """
    rows = []
    for size in points.between(min_frames).sizes:
        try:
            law = fit_law(points.between(0, size / FACTOR), form=form, min_frames=min_frames)
        except LabError:
            continue
        actual = float(np.exp(np.log(points.between(size, size).error).mean()))
        predicted = float(law.predict(np.array([size]))[0])
        low, high = law.band(np.array([size]))
        fewest, most = law.frames_interval(actual)
        frames = map(whole_frames, (law.frames_for(actual), fewest, most))
        errors = (size, law.n_sizes, actual, predicted, low[0], high[0], predicted / actual - 1)
        rows.append((*errors, *frames, fewest <= size <= most))
    return pd.DataFrame(rows, columns=[*ERRORS, *FRAMES]).astype({"n_fitted_sizes": int})
