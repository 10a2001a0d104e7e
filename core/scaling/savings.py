"""Comparison of two methods: frames saved at equal error, and crossings of their laws."""

import numpy as np
import pandas as pd

from core.intervals import bounds
from core.scaling.extrapolation import FACTOR, holds
from core.scaling.law import LEVEL, Law, ends
from core.scaling.least_squares import curve

PAIRS = (("refit", "scratch"), ("residual", "scratch"), ("residual", "refit"))
"""Methods to compare: the one that should need fewer frames first."""

_GRID = 600

_CROSSING = ["n_frames", "low", "high", "error", "a_better_beyond", "inside"]
_COLUMNS = [
    "error",
    "n_better",
    "n_worse",
    "ratio",
    "ratio_low",
    "ratio_high",
    "at_least",
    "inside",
]


def frames_saved(better: Law, worse: Law, errors: np.ndarray, level: float = LEVEL) -> pd.DataFrame:
    """Return how many times fewer frames a method needs for the same error.

    A law is not extrapolated below the smallest size fitted: where the better method reaches the
    error at that size, its number of frames is that size and the ratio a lower bound; where the
    other one does, nothing is known. Nor is a law extrapolated beyond FACTOR times its largest
    size. Intervals
    take the seeds of the two methods as independent, and their evaluation frames as the same where
    both laws were fitted to errors on the same frames.

    Args:
        better: the law of the method that should need fewer.
        worse: the law of the other method.
        errors: errors (m,) in the laws' unit.
        level: nominal coverage of the intervals.

    Returns:
        One row per error: `error`, `n_better` and `n_worse` frames, `ratio` n_worse / n_better with
        `ratio_low` and `ratio_high`, `at_least` where the ratio is a lower bound, and `inside`
        where both numbers lie within the sizes fitted, so that nothing is extrapolated. NaN for
        what the laws do not determine.
    """
    rows = []
    for error in np.asarray(errors, float).tolist():
        fewest, most = better.frames_for(error), worse.frames_for(error)
        n_better = _near(better, max(fewest, better.smallest))
        n_worse = _near(worse, most)
        drawn_better = better.frames_for_replicates(error)
        if fewest < n_better:
            drawn_better = np.maximum(drawn_better, n_better)
        drawn = _ratio(worse.frames_for_replicates(error), drawn_better)
        drawn = drawn[~np.isnan(drawn)]
        ratio = float(_ratio(np.array([n_worse]), np.array([n_better]))[0])
        defined = len(drawn) > 0 and not np.isnan(ratio)
        low, high = ends(drawn, level).tolist() if defined else (np.nan, np.nan)
        inside = holds(better, fewest, factor=1) and holds(worse, n_worse, factor=1)
        rows.append((error, n_better, n_worse, ratio, low, high, fewest < n_better, inside))
    return pd.DataFrame(rows, columns=_COLUMNS)


def is_determined(table: pd.DataFrame) -> pd.Series:
    """Return for each row of `frames_saved` whether its interval tells something (m,).

    That is where both ends do, or where the lower one says that fewer frames are needed.
    """
    ends = zip(table["ratio_low"], table["ratio_high"], strict=True)
    return pd.Series([bounds(low, high) for low, high in ends], index=table.index)


def crossing(a: Law, b: Law, level: float = LEVEL) -> pd.DataFrame:
    """Find the sizes at which two curves cross, where both laws hold.

    That is from the larger of the smallest sizes fitted to FACTOR times the smaller of the largest.

    Args:
        a: a law.
        b: another.
        level: nominal coverage of the intervals.

    Returns:
        One row per crossing: `n_frames` with the interval `low`, `high` (0 or infinity where the
        replicates allow a crossing outside that range), the `error` there,
        `a_better_beyond`, and `inside` where it lies within the fitted sizes of both.
    """
    first, last = max(a.smallest, b.smallest), FACTOR * min(a.largest, b.largest)
    if last <= first:
        return pd.DataFrame(columns=_CROSSING)
    sizes = np.geomspace(first, last, _GRID)
    apart = np.log(a.predict(sizes)) - np.log(b.predict(sizes))
    drawn = np.log(curve(a.replicates, sizes)) - np.log(curve(b.replicates, sizes))
    rows = []
    for place, at in _changes(sizes, apart):
        falling = bool(apart[place] > 0)
        drawn_at = np.array(
            [_nearest(sizes, curve_apart, at, falling=falling) for curve_apart in drawn]
        )
        drawn_at = drawn_at[~np.isnan(drawn_at)]
        low, high = ends(drawn_at, level).tolist() if len(drawn_at) else (0.0, np.inf)
        error = float(a.predict(np.array([at]))[0])
        inside = holds(a, at, factor=1) and holds(b, at, factor=1)
        rows.append((at, low, high, error, falling, inside))
    return pd.DataFrame(rows, columns=_CROSSING)


def _ratio(worse: np.ndarray, better: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        return np.asarray(worse / better)


def _near(law: Law, n_frames: float) -> float:
    """Return a number of frames; NaN where the law is not determined."""
    return n_frames if holds(law, n_frames) else np.nan


def _changes(sizes: np.ndarray, apart: np.ndarray) -> list[tuple[int, float]]:
    """Return the sizes at which a sign changes, each with the grid place before it."""
    signs = np.sign(apart)
    places = np.flatnonzero(signs[:-1] * signs[1:] < 0)
    logs = np.log(sizes)
    shares = apart[places] / (apart[places] - apart[places + 1])
    at = np.exp(logs[places] + shares * (logs[places + 1] - logs[places]))
    return list(zip(places.tolist(), at.tolist(), strict=True))


def _nearest(sizes: np.ndarray, apart: np.ndarray, at: float, *, falling: bool) -> float:
    """Return a replicate's crossing in the same direction that is nearest to a size.

    Without one: 0 if the curves lie everywhere as they do beyond the crossing, infinity if as
    before it, NaN if they cross in the other direction only.
    """
    crossings = [size for place, size in _changes(sizes, apart) if (apart[place] > 0) == falling]
    if crossings:
        return min(crossings, key=lambda size: abs(np.log(size / at)))
    if np.all(apart > 0):
        return np.inf if falling else 0.0
    if np.all(apart < 0):
        return 0.0 if falling else np.inf
    return np.nan
