"""Comparison of priors: held-out error of ridge fits to small numbers of materials."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.sparse as sp

from core.errors import LabError
from core.frames.splits import seeded_rank
from core.progress import Progress, silent
from core.reference.fits.design import build_design
from core.reference.fits.scale import limits
from core.reference.fits.strength import best_strengths, departures

SIZES = (10, 25, 50, 100, 250, 500, 1000)
"""Numbers of fitting materials."""

HELD_OUT = 0.2
"""Fraction of the materials on which the fits are tested."""

FOLDS = 5
"""Number of folds of the fitting materials, where each fit uses its own best strength."""

QUANTILES = (0.1, 0.9)
"""Quantiles of the errors of all repetitions: the band around their median."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class PriorComparison:
    """Mean |error| on held-out materials against the number of fitting materials.

    Attributes:
        priors: names of the p priors.
        sizes: numbers of fitting materials (s,), rising.
        mae: median over the repetitions, (p, s) eV/atom: a mean follows the rare choice of
            materials whose cross-validated strength is far off.
        low: lower end of the band over the repetitions, (p, s) eV/atom.
        high: upper end of the band, (p, s) eV/atom.
        strength: ridge strength of all fits; None if each fit used its own best one, by
            cross-validation over its fitting materials.
        repeats: number of random choices of materials.
        seed: seed of the choices.
        n_held_out: number of test materials, chosen anew in each repetition.
    """

    priors: list[str]
    sizes: np.ndarray
    mae: np.ndarray
    low: np.ndarray
    high: np.ndarray
    strength: float | None
    repeats: int
    seed: int
    n_held_out: int

    def table(self) -> pd.DataFrame:
        """Return columns prior, materials, mae, low and high (eV/atom), one row per point."""
        p, s = self.mae.shape
        return pd.DataFrame(
            {
                "prior": np.repeat(np.array(self.priors, dtype=object), s),
                "materials": np.tile(self.sizes, p),
                "mae": self.mae.ravel(),
                "low": self.low.ravel(),
                "high": self.high.ravel(),
            }
        )

    def by_size(self) -> pd.DataFrame:
        """Return the median of the MAE, eV/atom: one row per prior, one column per size."""
        return pd.DataFrame(
            self.mae,
            index=pd.Index(self.priors, name="prior"),
            columns=[str(size) for size in self.sizes],
        )

    def same_errors(self) -> list[list[str]]:
        """Return groups of priors that give the same errors."""
        groups: list[list[int]] = []
        for i, errors in enumerate(self.mae):
            group = next((g for g in groups if np.allclose(self.mae[g[0]], errors)), None)
            if group is None:
                groups.append([i])
            else:
                group.append(i)
        return [[self.priors[i] for i in group] for group in groups if len(group) > 1]


def compare_priors(
    fractions: np.ndarray,
    energies: np.ndarray,
    groups: np.ndarray,
    priors: Mapping[str, np.ndarray],
    *,
    strength: float | None = None,
    sizes: Sequence[int] = SIZES,
    repeats: int = 20,
    seed: int = 0,
    progress: Progress = silent,
) -> PriorComparison:
    """Fit ridge to more and more materials, with each prior, and test on others.

    In each repetition a fifth of the materials is held out and the rest are shuffled; every size
    takes the first of them, the same for all priors. Elements that the fitting materials lack keep
    their prior, as in ``fit_ridge``.

    Args:
        fractions: composition fractions (n, 94).
        energies: fitted energies, (n,) eV/atom: for `residual`, minus the interaction energies.
        groups: material id of each row, (n,).
        priors: energies (94,) by name, eV/atom.
        strength: ridge strength of all fits; None uses the best one for each fit, by
            cross-validation over its fitting materials.
        sizes: numbers of fitting materials; those that exceed the materials not held
            out are skipped.
        repeats: number of random choices.
        seed: seed of the choices.
        progress: reports the repetitions done.

    Raises:
        LabError: if there are fewer materials than the smallest size needs.
    """
    codes, materials = pd.factorize(np.asarray(groups))
    m = len(materials)
    n_held_out = round(HELD_OUT * m)
    used = np.array(sorted(size for size in sizes if 1 <= size <= m - n_held_out))
    if not len(used) or not n_held_out:
        raise LabError(
            f"{m} materials are too few to compare priors with; choose a larger data set."
        )
    design = build_design(fractions, None)
    start = np.stack(
        [np.asarray(prior, float)[design.elements] for prior in priors.values()], axis=1
    )
    left = np.asarray(energies, dtype=float)[:, None] - design.cells @ start
    limit = limits()[design.elements]
    # Materials are ranked by a hash, so that the choice does not depend on the order of rows.
    rank = seeded_rank(materials, "priors")
    errors = np.empty((repeats, len(priors), len(used)))
    for repeat in range(repeats):
        progress(repeat / repeats, f"repetitions: {repeat} of {repeats}")
        place = np.random.default_rng([seed, repeat]).permutation(m)[rank][codes]
        is_held_out = place >= m - n_held_out
        rows, expected = design.cells[is_held_out], left[is_held_out]
        for column, size in enumerate(used):
            chosen = place < size
            departure = _fitted(design.cells[chosen], left[chosen], place[chosen], strength, limit)
            errors[repeat, :, column] = np.abs(expected - rows @ departure).mean(axis=0)
    low, high = np.quantile(errors, QUANTILES, axis=0)
    progress(1.0, f"repetitions: {repeats} of {repeats}")
    return PriorComparison(
        priors=list(priors),
        sizes=used,
        mae=np.median(errors, axis=0),
        low=low,
        high=high,
        strength=strength,
        repeats=repeats,
        seed=seed,
        n_held_out=n_held_out,
    )


def _fitted(
    rows: sp.csr_array,
    left: np.ndarray,
    place: np.ndarray,
    strength: float | None,
    limit: np.ndarray,
) -> np.ndarray:
    """Return ridge fits minus their priors, (p, priors) eV/atom; ``place`` assigns the folds."""
    if strength is not None:
        return departures(rows, left, np.array([strength]), limit)[:, 0]
    best = best_strengths(rows, left, place % min(FOLDS, int(place.max()) + 1), limit)
    fits = [departures(rows, y[:, None], best[[i]], limit)[:, 0, 0] for i, y in enumerate(left.T)]
    return np.stack(fits, axis=1)
