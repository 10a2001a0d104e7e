"""Differences between two functionals: correlation, mean shift, outliers."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from core.errors import LabError
from core.reference.fits.atomref import AtomRef, fit_lstsq
from core.reference.shifts.pairs import PairedEnergies

PAIRS_PER_ELEMENT = 2
"""With fewer pairs per element, a fit of one energy per element follows single materials."""

ROUNDING = 1e-9
"""eV/atom; a smaller spread is due to rounding."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class ShiftSummary:
    """Source against target energies of n pairs, before and after each functional's AtomRef.

    Attributes:
        n: number of pairs.
        pearson_raw: Pearson r of total energies; NaN where it is not defined.
        pearson_scaled: Pearson r of scaled energies; NaN where it is not defined.
        mean_shift: mean of target − source, eV/atom.
        mae: mean of |target − source|, eV/atom.
        source_atomref: least-squares AtomRef of the source energies.
        target_atomref: least-squares AtomRef of the target energies.
        scaled_source: source energies minus their AtomRef's contribution (n,), eV/atom.
        scaled_target: target energies minus their AtomRef's contribution (n,), eV/atom.
        n_fitted: number of pairs that both AtomRefs were fitted to.
    """

    n: int
    pearson_raw: float
    pearson_scaled: float
    mean_shift: float
    mae: float
    source_atomref: AtomRef
    target_atomref: AtomRef
    scaled_source: np.ndarray
    scaled_target: np.ndarray
    n_fitted: int

    @property
    def warning(self) -> str:
        """A sentence where AtomRef has too few pairs for its elements; empty otherwise."""
        n_elements = int(np.count_nonzero(self.target_atomref.counts))
        if self.n_fitted >= PAIRS_PER_ELEMENT * n_elements:
            return ""
        return (
            f"AtomRef is fitted to {self.n_fitted:,} pairs with {n_elements} elements, fewer than "
            f"{PAIRS_PER_ELEMENT} pairs per element: it follows single materials, so scaled "
            "energies agree better than they would for other materials."
        )

    @property
    def residual(self) -> np.ndarray:
        """Scaled target minus scaled source energy (n,), eV/atom."""
        return np.asarray(self.scaled_target - self.scaled_source)


def summarize(pairs: PairedEnergies, *, whole: ShiftSummary | None = None) -> ShiftSummary:
    """Compare two functionals over all pairs.

    Args:
        pairs: the pairs.
        whole: a comparison of more pairs, whose AtomRefs are used; None fits them to these pairs.

    Raises:
        LabError: if there are no pairs.
    """
    if len(pairs) == 0:
        raise LabError("there are no pairs to compare; choose other elements or columns.")
    if whole is None:
        source, target, n_fitted = *_fits(pairs), len(pairs)
    else:
        source, target, n_fitted = whole.source_atomref, whole.target_atomref, whole.n_fitted
    scaled_source, scaled_target = scaled_energies(pairs, source, target)
    return ShiftSummary(
        n=len(pairs),
        pearson_raw=pearson(pairs.source, pairs.target),
        pearson_scaled=pearson(scaled_source, scaled_target),
        mean_shift=float(pairs.shift.mean()),
        mae=float(np.abs(pairs.shift).mean()),
        source_atomref=source,
        target_atomref=target,
        scaled_source=scaled_source,
        scaled_target=scaled_target,
        n_fitted=n_fitted,
    )


def _fits(pairs: PairedEnergies) -> tuple[AtomRef, AtomRef]:
    """Return the least-squares AtomRefs of the source and the target energies."""
    X = pairs.fractions
    source = replace(
        fit_lstsq(X, pairs.source, functional=pairs.source_functional),
        labels=pairs.source_labels,
        corrections=pairs.source_corrections,
    )
    target = replace(
        fit_lstsq(X, pairs.target, functional=pairs.target_functional),
        labels=pairs.target_labels,
        corrections=pairs.target_corrections,
    )
    return source, target


def quantities(pairs: PairedEnergies, summary: ShiftSummary) -> dict[str, np.ndarray]:
    """Return the shift, and the residual after both AtomRefs, of each pair, (n,) eV/atom."""
    return {"shift": pairs.shift, "residual": summary.residual}


def scaled_energies(
    pairs: PairedEnergies, source: AtomRef, target: AtomRef
) -> tuple[np.ndarray, np.ndarray]:
    """Return source and target energies minus their AtomRef's contribution, each (n,), eV/atom."""
    return (
        pairs.source - source.contribution(pairs.fractions),
        pairs.target - target.contribution(pairs.fractions),
    )


def outliers(pairs: PairedEnergies, k: int, *, summary: ShiftSummary | None = None) -> pd.DataFrame:
    """List the pairs whose scaled energies disagree most.

    Args:
        pairs: all pairs.
        k: largest number of rows to list.
        summary: ``summarize(pairs)`` if the caller has it.

    Returns:
        Columns as of `residual_table`; the largest |residual| first.
    """
    summary = summary or summarize(pairs)
    order = np.argsort(-np.abs(summary.residual), kind="stable")
    return residual_table(pairs, summary, order[:k])


def residual_table(
    pairs: PairedEnergies, summary: ShiftSummary, positions: np.ndarray
) -> pd.DataFrame:
    """Return the energies of some pairs as a table.

    Args:
        pairs: all pairs.
        summary: ``summarize(pairs)``.
        positions: positions of the pairs to list, or a mask (n,).

    Returns:
        Columns row (in the data set), material_id, formula, source, target, shift and residual
        (scaled target − scaled source), energies in eV/atom.
    """
    chosen = pairs.select(positions)
    table = chosen.table().assign(residual=summary.residual[positions])
    table.insert(0, "row", chosen.index)
    return table


def pearson(x: np.ndarray, y: np.ndarray) -> float:
    """Return Pearson's r of energies (n,), eV/atom.

    NaN for fewer than two values, and where the spread of either is below ROUNDING: scaled energies
    of as many materials as elements are zero except for rounding.
    """
    if len(x) < 2 or min(x.std(), y.std()) < ROUNDING:
        return float("nan")
    a = x - x.mean()
    b = y - y.mean()
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))
