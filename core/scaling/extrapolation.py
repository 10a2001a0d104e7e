"""The honest test of a scaling law: does it foretell four times the frames?"""

import numpy as np
import pandas as pd

from core.errors import LabError
from core.scaling.law import Form, fit_law
from core.scaling.points import ScalingPoints

FACTOR = 4
"""A size is foretold from sizes smaller by this factor or more."""

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
    """Foretell each size from those up to a quarter of it.

    Args:
        points: n points.
        form: of the law.
        min_frames: leave smaller sizes out.

    Returns:
        One row a size whose smaller sizes are enough to fit: `n_frames`, `n_fitted_sizes`, the
        geometric mean over seeds that was `seen`, the error `predicted` with the 95 % interval of
        the curve (`low`, `high`), and `relative_error`, predicted / seen − 1.
    """
    rows = []
    for size in points.between(min_frames).sizes:
        try:
            law = fit_law(points.between(0, size / FACTOR), form=form, min_frames=min_frames)
        except LabError:
            continue
        seen = float(np.exp(np.log(points.between(size, size).error).mean()))
        predicted = float(law.predict(np.array([size]))[0])
        low, high = law.band(np.array([size]))
        row = (size, law.n_sizes, seen, predicted, low[0], high[0], predicted / seen - 1)
        rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS).astype({"n_fitted_sizes": int})
