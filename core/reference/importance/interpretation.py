"""Tables and comparisons that interpret feature importance."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.elements import INDEX, POSITION, SYMBOLS, chemistry
from core.reference.fits.atomref import RARE
from core.reference.importance.analysis import Importance
from core.reference.shifts.pairs import PairedEnergies

_FAMILIES = {15: "pnictogen", 16: "chalcogen", 17: "halogen"}


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class ElementEffect:
    """How one element acts in the explained rows.

    Attributes:
        symbol: the element.
        pairs: the k explained rows that contain it, largest |SHAP| first.
        shap: its SHAP values in them, (k,) eV/atom.
        differences: what is explained in them, (k,) eV/atom.
        rows: their rows among all pairs, (k,).
        mean_absent: its mean SHAP value in rows without it, eV/atom; NaN where there are none.
        partner: its `strongest_partner`; None where there is none.
    """

    symbol: str
    pairs: PairedEnergies
    shap: np.ndarray
    differences: np.ndarray
    rows: np.ndarray
    mean_absent: float
    partner: str | None

    @property
    def fractions(self) -> np.ndarray:
        """Fraction of the element in each row, (k,)."""
        return self.pairs.fractions[:, INDEX[self.symbol]]

    @property
    def chemistry(self) -> list[str]:
        """Chemistry of each row, k names."""
        return chemistry(self.pairs.fractions)

    def table(self, residual: np.ndarray) -> pd.DataFrame:
        """Return one line per row.

        Args:
            residual: difference of the scaled energies of all pairs, (n,) eV/atom.

        Returns:
            Columns row (in the data set), material_id, formula, fraction, shap, difference and
            residual (eV/atom).
        """
        return pd.DataFrame(
            {
                "row": self.pairs.index,
                "material_id": self.pairs.material_id,
                "formula": self.pairs.formula,
                "fraction": self.fractions,
                "shap": self.shap.astype(float),
                "difference": self.differences,
                "residual": residual[self.rows],
            }
        )


def element_effect(importance: Importance, pairs: PairedEnergies, symbol: str) -> ElementEffect:
    """Return how one element acts.

    Args:
        importance: importance of the elements.
        pairs: what it was computed for, all of them.
        symbol: the element.
    """
    element = INDEX[symbol]
    values = importance.shap[:, element]
    fractions = pairs.fractions[importance.shap_rows]
    is_present = fractions[:, element] > 0
    present = np.flatnonzero(is_present)
    partner = strongest_partner(values[present], fractions[present], element)
    present = present[np.argsort(-np.abs(values[present]), kind="stable")]
    rows = importance.shap_rows[present]
    return ElementEffect(
        symbol=symbol,
        pairs=pairs.select(rows),
        shap=values[present],
        differences=importance.differences[np.searchsorted(importance.rows, rows)],
        rows=rows,
        mean_absent=float("nan") if is_present.all() else float(values[~is_present].mean()),
        partner=None if partner is None else SYMBOLS[partner],
    )


def shap_table(
    importance: Importance, pairs: PairedEnergies, symbols: Sequence[str]
) -> pd.DataFrame:
    """Return material_id, formula and one column of SHAP values (eV/atom) per element.

    Args:
        importance: importance of the elements.
        pairs: what it was computed for, all of them.
        symbols: the elements.
    """
    explained = pairs.select(importance.shap_rows)
    columns = {symbol: importance.shap[:, INDEX[symbol]] for symbol in symbols}
    return pd.DataFrame(
        {"material_id": explained.material_id, "formula": explained.formula} | columns
    )


def held_out_table(importance: Importance, pairs: PairedEnergies) -> pd.DataFrame:
    """Return the pairs' own columns, difference, predicted, predicted_by_line and fold.

    Args:
        importance: importance of the elements.
        pairs: what it was computed for, all of them.
    """
    return (
        pairs.select(importance.rows)
        .table()
        .assign(
            difference=importance.differences,
            predicted=importance.held_out,
            predicted_by_line=importance.held_out_line,
            fold=importance.fold,
        )
    )


def fold_scores(importance: Importance) -> pd.DataFrame:
    """Return columns fold (from 1), r2, r2_linear, mae and mae_linear (eV/atom)."""
    return pd.DataFrame(
        {
            "fold": np.arange(1, len(importance.r2) + 1),
            "r2": importance.r2,
            "r2_linear": importance.r2_linear,
            "mae": importance.mae,
            "mae_linear": importance.mae_linear,
        }
    )


def rank_changes(first: Importance, second: Importance) -> pd.DataFrame:
    """Compare two analyses of the same elements, such as with and without corrections.

    Returns:
        One row per element of both, largest change of rank first: symbol, family ("pnictogen",
        "chalcogen", "halogen" or ""), first and second (mean |SHAP|, eV/atom), rank_first,
        rank_second, change (ranks gained from first to second), count (materials) and rare.
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
            "rare": joined["symbol"].isin(first.rare),
        }
    )
    order = np.lexsort((joined["rank_second"], -change.abs()))
    return table.iloc[order].reset_index(drop=True)


def family(symbol: str) -> str:
    """Return the name of an element's family if it is one that forms anions, else ""."""
    return _FAMILIES.get(POSITION[symbol][1], "") if POSITION[symbol][0] <= 7 else ""


def strongest_partner(shap: np.ndarray, fractions: np.ndarray, element: int) -> int | None:
    """Find the element whose fraction correlates most with an element's interactions.

    Among the rows that contain the element, its SHAP values less their running mean along its
    fraction are compared with the fraction of every other element that is in RARE of these rows or
    more; the largest explained sum of squares wins.

    Args:
        shap: SHAP values of the element (m,), eV/atom.
        fractions: composition fractions (m, 94).
        element: index of the element.

    Returns:
        The index of the other element; None where nothing is left to explain.
    """
    rows = np.flatnonzero(fractions[:, element] > 0)
    if not len(rows):
        return None
    fraction = fractions[rows, element]
    levels = np.searchsorted(np.unique(np.quantile(fraction, np.arange(0.1, 1, 0.1))), fraction)
    left = _less_mean(shap[rows, None].astype(float), levels)[:, 0]
    others = _less_mean(fractions[rows], levels)
    squares = (others**2).sum(axis=0)
    squares[element] = 0.0
    is_common = np.count_nonzero(fractions[rows], axis=0) >= RARE
    usable = (squares > 1e-9) & is_common
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
    return np.asarray(columns - (sums / sizes[:, None])[levels])
