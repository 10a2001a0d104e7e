"""The uncertainty of each elemental reference.

The residuals of a fit are not noise but chemistry: they differ in size between kinds of materials,
and frames of one material share them. Both estimates here therefore count materials, not frames,
and assume nothing about the residuals but that materials are independent.

Standard errors are those of the jackknife over materials, the cluster-robust estimate that holds
even for elements in few of them (MacKinnon and White, J. Econom. 29, 305 (1985),
doi:10.1016/0304-4076(85)90158-7, for single rows; Bell and McCaffrey, Surv. Methodol. 28, 169
(2002), and MacKinnon, Nielsen and Webb, arXiv:2205.03288, for clusters).

Intervals are the Bayesian bootstrap's (Rubin, Ann. Stat. 9, 130 (1981),
doi:10.1214/aos/1176345338): each material gets a weight from the exponential distribution, so none
ever drops out and no reference becomes undetermined, as it does where materials are drawn. Two
corrections make it hold for elements in few materials: residuals are leave-one-out residuals, and
deviations are stretched from the normal to Student's t distribution with one degree of freedom less
than materials with the element (Hesterberg, Am. Stat. 69, 371 (2015),
doi:10.1080/00031305.2015.1089789).

Neither includes the bias of a prior: where the prior dominates, both are small and the reference is
only as good as the prior.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from core.elements import N_ELEMENTS
from core.progress import Progress, silent
from core.reference.fits.atomref import AtomRef
from core.reference.fits.design import build_design, squares_by_material
from core.reference.fits.leave_one_out import Deleted, deleted

LEVEL = 0.95
"""Fraction of all data sets for which an interval should contain the true reference."""

RESAMPLINGS = 1000
"""Default number of resamplings of a bootstrap."""

_BATCH_NUMBERS = 8_000_000
"""Number of weights drawn at once: 64 MB."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Bootstrap:
    """Intervals of the references.

    Attributes:
        low: lower ends (94,) eV/atom; NaN for elements that do not occur, or that the data
            do not determine, or would not without one material.
        high: upper ends (94,) eV/atom.
        level: nominal coverage.
        n: number of resamplings.
        seed: seed of the weights.
    """

    low: np.ndarray
    high: np.ndarray
    level: float
    n: int
    seed: int


def material_counts(fractions: np.ndarray, groups: np.ndarray | None) -> np.ndarray:
    """Count the materials that contain each element: (94,) integers."""
    design = build_design(fractions, groups)
    counts = np.zeros(N_ELEMENTS, dtype=int)
    counts[design.elements] = design.material_counts
    return counts


def standard_errors(
    fit: AtomRef, fractions: np.ndarray, energies: np.ndarray, groups: np.ndarray | None = None
) -> np.ndarray:
    """Return the standard error of each reference over materials.

    Args:
        fit: the fit.
        fractions: composition fractions (n, 94) that were fitted.
        energies: fitted energies, (n,) eV/atom: for `residual`, minus the interaction energies.
        groups: material id of each row (n,); None makes each row a material.

    Returns:
        (94,) eV/atom; NaN for elements that do not occur, or that the data do not determine, or
        would not without one material, which then alone decides.
    """
    parts = deleted(fractions, energies, groups, fit)
    design, inverse = parts.design, parts.normal.inverse
    scores = design.by_material(parts.score)
    spread = inverse @ (scores.T @ scores).toarray() @ inverse
    m = len(design.materials)
    determined = _determined(parts)
    errors = np.full(fractions.shape[1], np.nan)
    errors[design.elements[determined]] = np.sqrt((m - 1) / m * np.diag(spread)[determined])
    return errors


def margins(errors: np.ndarray, counts: np.ndarray, *, level: float = LEVEL) -> np.ndarray:
    """Return half the width of the interval that follows from standard errors.

    Args:
        errors: standard errors (94,), eV/atom.
        counts: materials with each element, (94,).
        level: nominal coverage.

    Returns:
        (94,) eV/atom, by Student's t distribution with one degree of freedom less than materials.
    """
    freedom = np.maximum(counts - 1, 1)
    return np.asarray(errors * stats.t.ppf((1 + level) / 2, freedom))


def bootstrap(
    fractions: np.ndarray,
    energies: np.ndarray,
    groups: np.ndarray | None,
    *,
    fit: AtomRef,
    n: int = RESAMPLINGS,
    seed: int = 0,
    level: float = LEVEL,
    progress: Progress = silent,
) -> Bootstrap:
    """Fit repeatedly with random weights of the materials.

    A Huber fit takes one Newton step from its solution in each resampling.

    Args:
        fractions: composition fractions (n, 94) that were fitted.
        energies: fitted energies, (n,) eV/atom: for `residual`, minus the interaction energies.
        groups: material id of each row (n,); None makes each row a material.
        fit: the fit.
        n: number of resamplings.
        seed: seed of the weights.
        level: nominal coverage.
        progress: reports the resamplings done.
    """
    parts = deleted(fractions, energies, groups, fit)
    design, solved = parts.design, parts.normal
    squares, place = squares_by_material(design, parts.curvature)
    squares, scores = squares.T.tocsr(), design.by_material(parts.score).T.tocsr()
    m, p = len(design.materials), len(design.elements)
    rng = np.random.default_rng(seed)
    deviation = np.empty((n, p))
    batch = max(1, min(64, _BATCH_NUMBERS // m))
    for begin in range(0, n, batch):
        size = min(batch, n - begin)
        progress(begin / n, f"resamplings: {begin:,} of {n:,}")
        weights = rng.standard_exponential((size, m)).T
        weights /= weights.mean(axis=0)
        entries = np.zeros((size, p * p))
        entries[:, place] = (squares @ weights).T
        equations = entries.reshape(size, p, p)
        equations += np.triu(equations, 1).transpose(0, 2, 1)
        equations += solved.penalty
        right = (scores @ (weights - 1)).T
        deviation[begin : begin + size] = _solved(equations, right, solved.basis, solved.length)
    determined = _determined(parts)
    counts = design.material_counts[determined]
    stretch = margins(np.ones(len(counts)), counts, level=level) / stats.norm.ppf((1 + level) / 2)
    tails = [(1 - level) / 2, (1 + level) / 2]
    ends = np.quantile(deviation[:, determined], tails, axis=0) * stretch
    low, high = np.full((2, N_ELEMENTS), np.nan)
    elements = design.elements[determined]
    low[elements], high[elements] = fit.energies[elements] + ends
    progress(1.0, f"resamplings: {n:,} of {n:,}")
    return Bootstrap(low=low, high=high, level=level, n=n, seed=seed)


def _solved(
    equations: np.ndarray, right: np.ndarray, basis: np.ndarray | None, length: np.ndarray
) -> np.ndarray:
    """Solve k symmetric systems (k, p, p) for (k, p) in the directions that the data fix."""
    equations = equations / np.outer(length, length)
    right = right / length
    if basis is None:
        return np.asarray(np.linalg.solve(equations, right[:, :, None])[:, :, 0] / length)
    reduced = basis.T @ equations @ basis
    solved = np.linalg.solve(reduced, (right @ basis)[:, :, None])[:, :, 0] @ basis.T
    return np.asarray(solved / length)


def _determined(parts: Deleted) -> np.ndarray:
    """Return which of the p elements stay determined whichever material is left out, (p,)."""
    open_without_one = np.zeros(len(parts.design.elements), dtype=bool)
    for elements in parts.open.values():
        open_without_one |= elements
    seldom = parts.design.material_counts < 2
    return np.asarray(parts.normal.determined & ~open_without_one & ~seldom)
