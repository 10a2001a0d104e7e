"""Several runs in one quantity: smoothed, and against one of them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.runs.record.directory import Run
from core.runs.results.comparison import label_of
from core.runs.results.quantities import Quantity, history

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ["run", "label", "method", "x", "raw", "value"]


def smoothed(values: NDArray[np.float64], strength: float) -> NDArray[np.float64]:
    """Return the exponential moving average of a series, free of bias toward its beginning.

    Without the correction the average would start at zero: the weights of the values so far are
    made to add up to one (Kingma and Ba 2015, section 3, arXiv:1412.6980).

    Args:
        values: (n,) finite numbers in their order.
        strength: weight of the past, from 0 (none: the values as they are) to below 1.

    Returns:
        (n,) averages.
    """
    average, weight = 0.0, 0.0
    found = np.empty(len(values))
    for place, value in enumerate(values):
        average = strength * average + (1 - strength) * value
        weight = strength * weight + (1 - strength)
        found[place] = average / weight
    return found


def above_baseline(
    x: NDArray[np.float64],
    values: NDArray[np.float64],
    base_x: NDArray[np.float64],
    base_values: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return values minus a baseline's at the same place, linear between its points.

    Args:
        x: (n,) places.
        values: (n,) values there.
        base_x: (m,) places of the baseline, in any order; of two equal ones the later counts.
        base_values: (m,) its values.

    Returns:
        (n,) differences; NaN where the baseline does not reach.
    """
    if not len(base_x):
        return np.full(len(x), np.nan)
    places, last = np.unique(base_x[::-1], return_index=True)
    known = base_values[::-1][last]
    return values - np.interp(x, places, known, left=np.nan, right=np.nan)


def overlay(
    runs: Sequence[Run],
    quantity: Quantity,
    *,
    x: str,
    strength: float = 0.0,
    baseline: Run | None = None,
) -> "pd.DataFrame":
    """Return one quantity of several runs.

    Args:
        runs: the runs.
        quantity: what.
        x: key of `core.runs.results.quantities.AXES`.
        strength: of the smoothing, as in `smoothed`.
        baseline: run that is subtracted; None for none. Both are smoothed before.

    Returns:
        COLUMNS: `run` (the id), `label`, `method`, `x`, `raw` as recorded and `value` smoothed.
        Rows that have no place on the axis, or where the baseline does not reach, are left out.
    """
    import pandas as pd  # noqa: PLC0415 - see core.runs.results.curves

    base = None if baseline is None else _smooth(baseline, quantity, x, strength)
    parts = []
    for run in runs:
        own = _smooth(run, quantity, x, strength)
        if base is not None:
            places, at = own["x"].to_numpy(), base["x"].to_numpy()
            own = own.assign(
                **{
                    name: above_baseline(places, own[name].to_numpy(), at, base[name].to_numpy())
                    for name in ("raw", "value")
                }
            ).dropna()
        parts.append(own.assign(run=run.id, label=label_of(run), method=run.config.method))
    told = [part for part in parts if len(part)]
    return pd.concat(told, ignore_index=True)[COLUMNS] if told else pd.DataFrame(columns=COLUMNS)


def _smooth(run: Run, quantity: Quantity, x: str, strength: float) -> "pd.DataFrame":
    import pandas as pd  # noqa: PLC0415 - see core.runs.results.curves

    known = history(run, quantity).dropna(subset=[x, "value"])
    raw = known["value"].to_numpy()
    return pd.DataFrame({"x": known[x].to_numpy(), "raw": raw, "value": smoothed(raw, strength)})
