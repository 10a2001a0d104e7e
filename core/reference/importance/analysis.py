"""Which elements make two functionals disagree: trees over composition, explained by SHAP.

The features are the elements of the periodic table, their values the composition fractions; the
difference of the two functionals is explained. Source: Huang et al. 2025, Figures 1c
and 1d, doi:10.1038/s41524-025-01796-y; that their values are SHAP values of XGBoost is our choice.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd

from core.elements import N_ELEMENTS, SYMBOLS
from core.errors import LabError
from core.frames.splits import seeded_rank
from core.progress import Progress, part, silent
from core.reference.fits.atomref import RARE
from core.reference.fits.folds import folds
from core.reference.fits.linear import fitted_line
from core.reference.formation.energies import (
    formation_energies,
    missing,
    paired_references,
)
from core.reference.shifts.pairs import PairedEnergies
from core.reference.shifts.shift import summarize

Explained = Literal["formation", "total", "scaled"]

EXPLAINED: dict[Explained, str] = {
    "formation": "difference of the formation energies",
    "total": "difference of the total energies",
    "scaled": "difference of the scaled energies",
}
"""Quantities that can be explained, in words; target minus source, eV/atom."""

N_FOLDS = 5
MOST_EXPLAINED = 8_000
"""Rows whose SHAP values are computed; a random sample of larger data sets."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Importance:
    """Importance of each element for the trees' predictions, and how well the trees predict.

    Attributes:
        explained: the explained quantity, a key of EXPLAINED.
        references: where the elements' energies come from; empty where none are needed.
        missing: elements without a reference.
        n: number of rows that the trees are fitted to.
        n_left_out: number of rows left out because an element's reference is missing.
        n_explained: number of rows with SHAP values, m of n.
        counts: number of materials that contain each element, (94,).
        rows: rows among the pairs, (n,).
        differences: explained quantity, (n,) eV/atom.
        fold: fold of each row, (n,), from 0.
        held_out: predictions of trees fitted without the material, (n,) eV/atom.
        held_out_line: predictions of a linear fit without the material, (n,) eV/atom.
        r2: R² of the held-out predictions of the trees, by fold (5,).
        mae: MAE of the same, eV/atom.
        r2_linear: R² of the held-out predictions of the linear fit, by fold (5,).
        mae_linear: MAE of the same, eV/atom.
        importance: mean |SHAP| over the explained rows, (94,) eV/atom; NaN where the element does
            not occur.
        error: its sampling standard error, (94,) eV/atom; 0 where all rows are explained.
        signed: mean SHAP over the explained rows that contain the element, (94,) eV/atom.
        shap: SHAP values of the explained rows, (m, 94) eV/atom in single precision.
        shap_rows: the explained rows among the pairs, (m,).
        base: base value, eV/atom; with a row's SHAP values it adds up to the prediction.
    """

    explained: Explained
    references: str
    missing: list[str]
    n: int
    n_left_out: int
    n_explained: int
    counts: np.ndarray
    rows: np.ndarray
    differences: np.ndarray
    fold: np.ndarray
    held_out: np.ndarray
    held_out_line: np.ndarray
    r2: np.ndarray
    mae: np.ndarray
    r2_linear: np.ndarray
    mae_linear: np.ndarray
    importance: np.ndarray
    error: np.ndarray
    signed: np.ndarray
    shap: np.ndarray
    shap_rows: np.ndarray
    base: float

    @property
    def r2_cv(self) -> float:
        """Mean over the folds of the trees' R²."""
        return _mean(self.r2)

    @property
    def r2_cv_linear(self) -> float:
        """Mean over the folds of the linear fit's R²."""
        return _mean(self.r2_linear)

    @property
    def rare(self) -> list[str]:
        """Elements in fewer than RARE materials."""
        is_rare = (self.counts > 0) & (self.counts < RARE)
        return [SYMBOLS[i] for i in np.flatnonzero(is_rare)]

    def table(self) -> pd.DataFrame:
        """Return the elements that occur, most important first.

        Columns: symbol, importance, error, signed (eV/atom), count (materials), rank (from 1).
        """
        occurring = np.flatnonzero(self.counts)
        table = pd.DataFrame(
            {
                "symbol": [SYMBOLS[i] for i in occurring],
                "importance": self.importance[occurring],
                "error": self.error[occurring],
                "signed": self.signed[occurring],
                "count": self.counts[occurring],
            }
        ).sort_values("importance", ascending=False, ignore_index=True, kind="stable")
        return table.assign(rank=np.arange(1, len(table) + 1))


def importance(
    pairs: PairedEnergies,
    *,
    explained: Explained = "formation",
    references: str = "mp",
    most: int = MOST_EXPLAINED,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress = silent,
) -> Importance:
    """Explain the difference of two functionals by the elements.

    Args:
        pairs: energies in the two functionals.
        explained: quantity to explain.
        references: for formation energies: "mp", "own" or the path of a table, as
            `core.reference.formation.energies.paired_references` takes it.
        most: maximum number of rows whose SHAP values are computed; whole materials are drawn.
        seed: seed of the folds and of that draw.
        threads: number of XGBoost's threads; None uses all cores.
        progress: receives the share that is done, often; it may raise to stop the computation.

    Raises:
        LabError: if there are fewer than five materials, no row has all references, or there are
            no such references.
    """
    progress(0.0, "Preparing")
    values, origin, without_reference = _differences(pairs, explained, references)
    rows = np.flatnonzero(np.isfinite(values))
    if not len(rows):
        raise LabError(
            "no material has references of all its elements (missing: "
            f"{', '.join(without_reference)}); choose other references."
        )
    # A fixed order, so that sums over rows do not depend on the order of the table.
    groups = pairs.material_id[rows].astype(object)
    order = _ordered(groups, values[rows], pairs.fractions[rows], seed)
    rows, groups = rows[order], groups[order]
    fractions, values = pairs.fractions[rows], values[rows]
    fold = folds(groups, k=N_FOLDS, seed=seed)
    present = (fractions > 0).any(axis=0)
    features = np.ascontiguousarray(fractions[:, present], dtype=np.float32)
    # Pages that read saved results do not wait for XGBoost and SHAP.
    from core.reference.importance.trees import fitted_trees  # noqa: PLC0415

    held_out, line = np.empty(len(rows)), np.empty(len(rows))
    parts = N_FOLDS + 2
    for number in range(N_FOLDS):
        test, train = fold == number, fold != number
        trees = fitted_trees(
            features[train],
            values[train],
            threads=threads,
            seed=seed,
            progress=part(progress, number / parts, (number + 1) / parts),
            what=f"Fit {number + 1} of {N_FOLDS} for the score",
        )
        held_out[test] = trees.predict(features[test])
        line[test] = fractions[test] @ fitted_line(fractions[train], values[train])
    trees = fitted_trees(
        features,
        values,
        threads=threads,
        seed=seed,
        progress=part(progress, N_FOLDS / parts, (N_FOLDS + 1) / parts),
        what="Fit to all materials",
    )
    drawn = _drawn(groups, most, seed)
    contributions, base = trees.contributions(
        features[drawn], progress=part(progress, (N_FOLDS + 1) / parts, 1.0)
    )
    shap = np.zeros((len(drawn), N_ELEMENTS), dtype=np.float32)
    shap[:, present] = contributions
    mean, error, signed = _summary(shap, fractions[drawn], groups[drawn], len(pd.unique(groups)))
    r2, mae = _scores(values, held_out, fold)
    r2_linear, mae_linear = _scores(values, line, fold)
    first_rows = np.unique(pd.factorize(groups)[0], return_index=True)[1]
    table_order = np.argsort(rows)
    return Importance(
        explained=explained,
        references=origin,
        missing=without_reference,
        n=len(rows),
        n_left_out=len(pairs) - len(rows),
        n_explained=len(drawn),
        counts=np.count_nonzero(fractions[first_rows], axis=0),
        rows=rows[table_order],
        differences=values[table_order],
        fold=fold[table_order],
        held_out=held_out[table_order],
        held_out_line=line[table_order],
        r2=r2,
        mae=mae,
        r2_linear=r2_linear,
        mae_linear=mae_linear,
        importance=np.where(present, mean, np.nan),
        error=np.where(present, error, np.nan),
        signed=signed,
        shap=shap,
        shap_rows=rows[drawn],
        base=base,
    )


def _differences(
    pairs: PairedEnergies, explained: Explained, references: str
) -> tuple[np.ndarray, str, list[str]]:
    """Return the explained quantity (n,), the references in words, and elements without one."""
    if explained not in get_args(Explained):
        raise LabError(f"{explained!r} cannot be explained; choose formation, total or scaled.")
    if explained == "total":
        return pairs.shift, "", []
    if explained == "scaled":
        summary = summarize(pairs)
        return summary.scaled_target - summary.scaled_source, "", []
    source, target = paired_references(pairs, references)
    values = formation_energies(pairs.fractions, pairs.target, target) - formation_energies(
        pairs.fractions, pairs.source, source
    )
    origin = "; ".join(dict.fromkeys([source.origin, target.origin]))
    return values, origin, missing(pairs.fractions, source, target)


def _ordered(
    groups: np.ndarray, values: np.ndarray, fractions: np.ndarray, seed: int
) -> np.ndarray:
    """Order rows by material and content, independently of their order in the table."""
    codes, materials = pd.factorize(groups)
    rank = seeded_rank(materials, f"importance {seed}")[codes]
    return np.lexsort((fractions @ np.arange(1.0, N_ELEMENTS + 1), values, rank))


def _drawn(groups: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Return the rows of randomly drawn whole materials, at most `most` rows."""
    if len(groups) <= most:
        return np.arange(len(groups))
    codes, materials = pd.factorize(groups)
    rank = seeded_rank(materials, f"explained {seed}")
    sizes = np.bincount(codes)
    order = np.argsort(rank)
    fits = np.cumsum(sizes[order]) <= most
    fits[0] = True
    return np.flatnonzero(np.isin(codes, order[fits]))


def _summary(
    shap: np.ndarray, fractions: np.ndarray, groups: np.ndarray, n_materials: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mean |SHAP|, its sampling standard error, and mean SHAP where present, (94,) each.

    The error is that of a mean over a cluster sample of materials with several rows each, with the
    finite population correction (Cochran, Sampling Techniques, 3rd ed. 1977, chapter 9A).
    """
    size = np.abs(shap).astype(float)
    m = len(size)
    mean = size.mean(axis=0)
    codes = pd.factorize(groups)[0]
    k = int(codes.max()) + 1
    totals = np.zeros((k, N_ELEMENTS))
    np.add.at(totals, codes, size - mean)
    spread = (totals**2).sum(axis=0) * k / max(k - 1, 1)
    error = np.sqrt(spread * (1 - k / n_materials)) / m
    present = fractions > 0
    count = present.sum(axis=0)
    sums = np.where(present, shap, 0.0).sum(axis=0)
    signed = np.where(count > 0, sums / np.maximum(count, 1), np.nan)
    return mean, error, signed


def _scores(
    values: np.ndarray, predicted: np.ndarray, fold: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return R² and MAE of held-out predictions, (5,) each; R² of constant values is NaN."""
    r2, mae = np.full(N_FOLDS, np.nan), np.empty(N_FOLDS)
    for number in range(N_FOLDS):
        y, residual = values[fold == number], (predicted - values)[fold == number]
        spread = ((y - y.mean()) ** 2).sum()
        mae[number] = np.abs(residual).mean()
        if spread > 0:
            r2[number] = 1 - (residual**2).sum() / spread
    return r2, mae


def _mean(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else float("nan")
