"""What the shift of a material goes with: other quantities, categories, elements."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from core.elements import SYMBOLS
from core.reference.fits.atomref import RARE

_WINDOWS = 40
_FEWEST_IN_WINDOW = 15
BAND = (0.25, 0.75)
"""Quantiles between which the band around a running median lies: half of the materials."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Relation:
    """How strongly y goes with x, over the pairs that have both.

    Attributes:
        n: Such pairs.
        pearson: Pearson's r; NaN where it is not defined.
        spearman: Spearman's r, that of the ranks; NaN where it is not defined.
    """

    n: int
    pearson: float
    spearman: float


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Running:
    """The median of y in windows of x that hold equally many pairs, but for ties.

    Attributes:
        x: Median of x in each window (k,), rising.
        median: Of y (k,).
        low: Lower quartile of y (k,).
        high: Upper quartile of y (k,).
        n: Pairs in each window (k,).
    """

    x: np.ndarray
    median: np.ndarray
    low: np.ndarray
    high: np.ndarray
    n: np.ndarray


def relation(x: np.ndarray, y: np.ndarray) -> Relation:
    """Correlate two quantities (n,); pairs that lack either are left out."""
    both = np.isfinite(x) & np.isfinite(y)
    x, y = x[both], y[both]
    ranks = (pd.Series(x).rank().to_numpy(), pd.Series(y).rank().to_numpy())
    return Relation(n=len(x), pearson=_correlation(x, y), spearman=_correlation(*ranks))


def _correlation(x: np.ndarray, y: np.ndarray) -> float:
    if len(x) < 2:
        return float("nan")
    a, b = x - x.mean(), y - y.mean()
    # Spread in the last digits of large numbers is arithmetic.
    if any(np.abs(c).max() <= 1e-12 * np.abs(v).max() for c, v in ((a, x), (b, y))):
        return float("nan")
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def running_median(x: np.ndarray, y: np.ndarray) -> Running:
    """Follow the median and the quartiles of y (n,) along x (n,).

    Pairs of equal x are never parted, so a column of whole numbers has a window a number.
    """
    both = np.isfinite(x) & np.isfinite(y)
    x, y = x[both], y[both]
    k = max(1, min(_WINDOWS, len(x) // _FEWEST_IN_WINDOW))
    inner = np.unique(np.quantile(x, np.linspace(0, 1, k + 1)[1:-1])) if len(x) else x
    grouped = pd.DataFrame({"x": x, "y": y}).groupby(np.searchsorted(inner, x, side="left"))
    return Running(
        x=grouped["x"].median().to_numpy(),
        median=grouped["y"].median().to_numpy(),
        low=grouped["y"].quantile(BAND[0]).to_numpy(),
        high=grouped["y"].quantile(BAND[1]).to_numpy(),
        n=grouped.size().to_numpy(),
    )


def by_category(categories: np.ndarray, y: np.ndarray) -> pd.DataFrame:
    """Describe y (n,) within each category (n,) of strings; an empty one is no category.

    Returns:
        One row a category, the commonest first: category, n, mean, and the quantiles low (5 %),
        first (25 %), median, third (75 %) and high (95 %).
    """
    table = pd.DataFrame({"category": categories, "y": y})
    table = table[np.isfinite(table["y"]) & (table["category"] != "")]
    grouped = table.groupby("category", sort=True)["y"]
    found = pd.DataFrame({"n": grouped.size(), "mean": grouped.mean()})
    for name, share in (
        ("low", 0.05),
        ("first", 0.25),
        ("median", 0.5),
        ("third", 0.75),
        ("high", 0.95),
    ):
        found[name] = grouped.quantile(share)
    return found.sort_values("n", ascending=False, kind="stable").reset_index()


def by_element(
    fractions: np.ndarray,
    values: dict[str, np.ndarray],
    groups: np.ndarray,
    *,
    rare: int = RARE,
    level: float = 0.95,
) -> pd.DataFrame:
    """Average quantities over the materials that contain an element.

    A material with several frames counts once, with the mean of its frames, and the interval of a
    mean is Student's over the materials: frames of one material are no independent witnesses.

    Args:
        fractions: Composition fractions (n, 94).
        values: Name to quantity (n,), such as the shift in eV/atom.
        groups: Material id of each row (n,).
        rare: Elements in fewer materials are flagged.
        level: Of the interval.

    Returns:
        One row an element that occurs, in the order of the table: symbol, n (materials), rare, and
        for each quantity NAME, NAME_low and NAME_high; the interval of a single material is NaN.
    """
    codes, materials = pd.factorize(np.asarray(groups, dtype=object))
    sizes = np.bincount(codes, minlength=len(materials))
    if len(materials) == len(codes):
        present = fractions > 0
    else:
        present = np.zeros((len(materials), fractions.shape[1]), dtype=bool)
        rows, columns = np.nonzero(fractions)
        present[codes[rows], columns] = True
    held = present.astype(float)
    n = present.sum(axis=0)
    seen = np.flatnonzero(n)
    table = pd.DataFrame(
        {"symbol": [SYMBOLS[i] for i in seen], "n": n[seen], "rare": n[seen] < rare}
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        freedom = np.where(n[seen] > 1, n[seen] - 1.0, np.nan)
        reach = stats.t.ppf((1 + level) / 2, freedom) / np.sqrt(n[seen])
    for name, per_row in values.items():
        mean = np.bincount(codes, per_row, minlength=len(materials)) / sizes
        # Squares are taken about the common mean, where they lose no digits.
        away = mean - mean.mean()
        centre = (away @ held)[seen] / n[seen]
        square = (away**2 @ held)[seen] - n[seen] * centre**2
        spread = np.sqrt(np.maximum(square, 0) / freedom)
        table[name] = centre + mean.mean()
        table[f"{name}_low"] = table[name] - reach * spread
        table[f"{name}_high"] = table[name] + reach * spread
    return table
