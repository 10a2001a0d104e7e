"""What a prior is worth: held-out error of ridge fits to few materials, prior by prior."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.sparse as sp

from core.errors import LabError
from core.frames.splits import seeded_rank
from core.progress import Progress, silent
from core.reference.fits.design import design
from core.reference.fits.strength import best_strengths, departures

SIZES = (10, 25, 50, 100, 250, 500, 1000)
"""Numbers of fitting materials."""

HELD_OUT = 0.2
"""Part of the materials on which the fits are judged."""

FOLDS = 5
"""Of the fitting materials, where each fit takes its own best strength."""

QUANTILES = (0.1, 0.9)
"""Of the errors of all repetitions: the band around their mean."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class PriorComparison:
    """Mean |error| on held-out materials against the number of fitting materials.

    Attributes:
        priors: Names of the p priors.
        sizes: Numbers of fitting materials (s,), rising.
        mae: Mean over the repetitions, (p, s) eV/atom.
        low: Lower end of the band over the repetitions, (p, s) eV/atom.
        high: Upper end of the same, (p, s) eV/atom.
        strength: Ridge strength of all fits; None where each fit took its own best one, by
            cross-validation over its fitting materials.
        repeats: How often materials were chosen.
        seed: Of the choices.
        n_held_out: Materials that judge, in each repetition others.
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
        """Return columns prior, materials, mae, low and high (eV/atom), one row a point."""
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
        """Return the mean |error|, eV/atom: one row per prior, one column per size."""
        return pd.DataFrame(
            self.mae,
            index=pd.Index(self.priors, name="prior"),
            columns=[str(size) for size in self.sizes],
        )

    def same_errors(self) -> list[list[str]]:
        """Return groups of priors that give the same errors, such as for want of other shifts."""
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
    """Fit ridge to ever more materials, with each prior, and judge on others.

    In each repetition a fifth of the materials is held out and the rest stand in a drawn order, of
    which every size takes the first; all priors see the same materials. Elements that the fitting
    materials lack keep their prior, as in ``fit_ridge``.

    Args:
        fractions: Composition fractions (n, 94).
        energies: What is fitted, (n,) eV/atom: for `residual`, less the interaction energies.
        groups: Material id of each row, (n,).
        priors: Name to (94,) eV/atom.
        strength: Ridge strength of all fits; None gives each fit its own best one, by
            cross-validation over its fitting materials.
        sizes: Numbers of fitting materials; those beyond what is not held out are left away.
        repeats: How often to choose.
        seed: Of the choices.
        progress: Told how many repetitions are done.

    Raises:
        LabError: Not even the smallest size is there.
    """
    codes, materials = pd.factorize(np.asarray(groups))
    m = len(materials)
    n_held_out = round(HELD_OUT * m)
    kept = np.array(sorted(size for size in sizes if 1 <= size <= m - n_held_out))
    if not len(kept) or not n_held_out:
        raise LabError(
            f"{m} materials are too few to compare priors with; choose a larger data set."
        )
    made = design(fractions, None)
    start = np.stack([np.asarray(one, dtype=float)[made.seen] for one in priors.values()], axis=1)
    left = np.asarray(energies, dtype=float)[:, None] - made.cells @ start
    # Materials are hashed once, so that the choice does not depend on the order of rows.
    rank = seeded_rank(materials, "priors")
    errors = np.empty((repeats, len(priors), len(kept)))
    for repeat in range(repeats):
        progress(repeat / repeats, f"repetitions: {repeat} of {repeats}")
        place = np.random.default_rng([seed, repeat]).permutation(m)[rank][codes]
        judges = place >= m - n_held_out
        rows, expected = made.cells[judges], left[judges]
        for column, size in enumerate(kept):
            chosen = place < size
            departure = _fitted(made.cells[chosen], left[chosen], place[chosen], strength)
            errors[repeat, :, column] = np.abs(expected - rows @ departure).mean(axis=0)
    low, high = np.quantile(errors, QUANTILES, axis=0)
    progress(1.0, f"repetitions: {repeats} of {repeats}")
    return PriorComparison(
        priors=list(priors),
        sizes=kept,
        mae=errors.mean(axis=0),
        low=low,
        high=high,
        strength=strength,
        repeats=repeats,
        seed=seed,
        n_held_out=n_held_out,
    )


def _fitted(
    rows: sp.csr_array, left: np.ndarray, place: np.ndarray, strength: float | None
) -> np.ndarray:
    """Return ridge fits less their priors, (p, priors) eV/atom; ``place`` deals the folds."""
    if strength is not None:
        return departures(rows, left, np.array([strength]))[:, 0]
    best = best_strengths(rows, left, place % min(FOLDS, int(place.max()) + 1))
    fits = [departures(rows, one[:, None], best[[i]])[:, 0, 0] for i, one in enumerate(left.T)]
    return np.stack(fits, axis=1)
