"""How the shifts of materials vary with other quantities, categories and elements."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from core.elements import SYMBOLS
from core.reference.fits.atomref import RARE

_WINDOWS = 40
_MIN_PER_WINDOW = 15
BAND = (0.25, 0.75)
"""Quantiles at the edges of the band around a running median: it holds half of the pairs."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Relation:
    """Correlation of y with x, over the pairs that have both.

    Attributes:
        n: number of these pairs.
        pearson: Pearson's r; NaN where it is not defined.
        spearman: Spearman's rank correlation; NaN where it is not defined.
    """

    n: int
    pearson: float
    spearman: float


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Exploration:
    """A quantity y of n pairs compared with another one, x.

    Attributes:
        x: the other quantity (n,).
        y: the quantity (n,).
        relation: their correlation.
        running: `running_median` of y along x.
    """

    x: np.ndarray
    y: np.ndarray
    relation: Relation
    running: pd.DataFrame


def explore(x: np.ndarray, y: np.ndarray) -> Exploration:
    """Compare a quantity y (n,) with another one, x (n,)."""
    return Exploration(x=x, y=y, relation=relation(x, y), running=running_median(x, y))


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
    # A spread in the last digits of large numbers is rounding.
    if any(np.abs(c).max() <= 1e-12 * np.abs(v).max() for c, v in ((a, x), (b, y))):
        return float("nan")
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def running_median(x: np.ndarray, y: np.ndarray) -> pd.DataFrame:
    """Compute the median and the quartiles of y (n,) along x (n,).

    Windows of x hold equally many pairs, except that pairs of equal x stay in one window, so a
    column of integers has one window per integer.

    Returns:
        One row per window, in order: x (median of x), median, low and high (quartiles of y), and n.
    """
    both = np.isfinite(x) & np.isfinite(y)
    x, y = x[both], y[both]
    k = max(1, min(_WINDOWS, len(x) // _MIN_PER_WINDOW))
    inner = np.unique(np.quantile(x, np.linspace(0, 1, k + 1)[1:-1])) if len(x) else x
    grouped = pd.DataFrame({"x": x, "y": y}).groupby(np.searchsorted(inner, x, side="left"))
    return pd.DataFrame(
        {
            "x": grouped["x"].median(),
            "median": grouped["y"].median(),
            "low": grouped["y"].quantile(BAND[0]),
            "high": grouped["y"].quantile(BAND[1]),
            "n": grouped.size(),
        }
    ).reset_index(drop=True)


def by_category(categories: np.ndarray, y: np.ndarray) -> pd.DataFrame:
    """Describe y (n,) within each category (n,) of strings; rows with an empty string are left out.

    Returns:
        One row per category, the most frequent first: category, n, mean, and the quantiles low
        (5 %), first (25 %), median, third (75 %) and high (95 %).
    """
    table = pd.DataFrame({"category": categories, "y": y})
    table = table[np.isfinite(table["y"]) & (table["category"] != "")]
    grouped = table.groupby("category", sort=True)["y"]
    described = pd.DataFrame({"n": grouped.size(), "mean": grouped.mean()})
    quantiles = {"low": 0.05, "first": 0.25, "median": 0.5, "third": 0.75, "high": 0.95}
    for name, share in quantiles.items():
        described[name] = grouped.quantile(share)
    return described.sort_values("n", ascending=False, kind="stable").reset_index()


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
    mean is Student's over the materials, because frames of one material are not independent.

    Args:
        fractions: composition fractions (n, 94).
        values: name to quantity (n,), such as the shift in eV/atom.
        groups: material id of each row (n,).
        rare: elements in fewer materials are flagged.
        level: confidence level of the interval.

    Returns:
        One row per element that occurs, by atomic number: symbol, n (materials), rare, and
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
    weights = present.astype(float)
    n = present.sum(axis=0)
    occurring = np.flatnonzero(n)
    table = pd.DataFrame(
        {"symbol": [SYMBOLS[i] for i in occurring], "n": n[occurring], "rare": n[occurring] < rare}
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        freedom = np.where(n[occurring] > 1, n[occurring] - 1.0, np.nan)
        reach = stats.t.ppf((1 + level) / 2, freedom) / np.sqrt(n[occurring])
    for name, per_row in values.items():
        mean = np.bincount(codes, per_row, minlength=len(materials)) / sizes
        # Squares are taken about the overall mean, where they lose no digits.
        away = mean - mean.mean()
        centre = (away @ weights)[occurring] / n[occurring]
        square = (away**2 @ weights)[occurring] - n[occurring] * centre**2
        spread = np.sqrt(np.maximum(square, 0) / freedom)
        table[name] = centre + mean.mean()
        table[f"{name}_low"] = table[name] - reach * spread
        table[f"{name}_high"] = table[name] + reach * spread
    return table
