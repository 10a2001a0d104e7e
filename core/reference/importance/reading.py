"""What to read from feature importance: which elements change rank, and which act together."""

import numpy as np
import pandas as pd

from core.elements import POSITION
from core.reference.fits.atomref import RARE
from core.reference.importance.analysis import Importance

_FAMILIES = {15: "pnictogen", 16: "chalcogen", 17: "halogen"}


def rank_changes(first: Importance, second: Importance) -> pd.DataFrame:
    """Compare two analyses of the same elements, such as with and without corrections.

    Returns:
        One row an element of both, largest change of rank first: symbol, family ("pnictogen",
        "chalcogen", "halogen" or ""), first and second (mean |SHAP|, eV/atom), rank_first,
        rank_second, change (ranks gained from first to second), count (materials).
    """
    joined = first.table().merge(second.table(), on="symbol", suffixes=("_first", "_second"))
    change = joined["rank_first"] - joined["rank_second"]
    table = pd.DataFrame(
        {
            "symbol": joined["symbol"],
            "family": [family(symbol) for symbol in joined["symbol"]],
            "first": joined["importance_first"],
            "second": joined["importance_second"],
            "rank_first": joined["rank_first"],
            "rank_second": joined["rank_second"],
            "change": change,
            "count": joined["count_first"],
        }
    )
    order = np.lexsort((joined["rank_second"], -change.abs()))
    return table.iloc[order].reset_index(drop=True)


def family(symbol: str) -> str:
    """Name an element's family if it is one that forms anions, else ""."""
    return _FAMILIES.get(POSITION[symbol][1], "") if POSITION[symbol][0] <= 7 else ""


def strongest_partner(shap: np.ndarray, fractions: np.ndarray, element: int) -> int | None:
    """Find the element whose fraction goes most with what an element's own does not explain.

    Among the rows that contain the element, its SHAP values less their running mean along its
    fraction are compared with the fraction of every other element that is in RARE of these rows or
    more; the largest explained sum of squares wins.

    Args:
        shap: SHAP values of the element (m,), eV/atom.
        fractions: Composition fractions (m, 94).
        element: Index of the element.

    Returns:
        The index of the other element; None where nothing is left to explain.
    """
    rows = np.flatnonzero(fractions[:, element] > 0)
    if not len(rows):
        return None
    own = fractions[rows, element]
    levels = np.searchsorted(np.unique(np.quantile(own, np.arange(0.1, 1, 0.1))), own)
    left = _less_mean(shap[rows, None].astype(float), levels)[:, 0]
    others = _less_mean(fractions[rows], levels)
    squares = (others**2).sum(axis=0)
    squares[element] = 0.0
    often = np.count_nonzero(fractions[rows], axis=0) >= RARE
    usable = (squares > 1e-9) & often
    if not usable.any():
        return None
    explained = np.where(usable, (left @ others) ** 2, 0.0) / np.where(usable, squares, 1.0)
    best = int(np.argmax(explained))
    return best if explained[best] > 0 else None


def _less_mean(columns: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Subtract from each column (m, p) its mean over the rows of the same level (m,)."""
    sums = np.zeros((levels.max(initial=0) + 1, columns.shape[1]))
    np.add.at(sums, levels, columns)
    sizes = np.maximum(np.bincount(levels, minlength=len(sums)), 1)
    return columns - (sums / sizes[:, None])[levels]
