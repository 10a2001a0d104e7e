"""Extrapolation test of a scaling law: does it predict four times the frames?"""

import numpy as np
import pandas as pd

from core.errors import LabError
from core.scaling.law import Form, fit_law
from core.scaling.points import ScalingPoints

FACTOR = 4
"""A size is predicted from sizes smaller by at least this factor."""

COLUMNS = [
    "n_frames",
    "n_fitted_sizes",
    "seen",
    "predicted",
    "low",
    "high",
    "relative_error",
]


def extrapolation(
    points: ScalingPoints, *, form: Form = "power", min_frames: int = 0
) -> pd.DataFrame:
    """Predict each size from the sizes up to a quarter of it.

    Args:
        points: points of one method.
        form: form of the law.
        min_frames: leave smaller sizes out.

    Returns:
        One row per size whose smaller sizes are enough to fit: `n_frames`, `n_fitted_sizes`, the
        actual error (`seen`, the geometric mean over seeds), the `predicted` error with the 95 %
        interval of the curve (`low`, `high`), and `relative_error`, predicted / actual − 1.
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
        row = (size, law.n_sizes, actual, predicted, low[0], high[0], predicted / actual - 1)
        rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS).astype({"n_fitted_sizes": int})
