"""Huber's loss: quadratic near zero, linear beyond, so that few outliers do not decide a fit.

The loss turns linear at 1.345 robust standard deviations of the residuals, where the fit keeps 95 %
of least squares' efficiency for normal errors. Sources: Huber, Ann. Math. Stat. 35, 73 (1964),
doi:10.1214/aoms/1177703732; Holland and Welsch, Commun. Stat. A 6, 813 (1977),
doi:10.1080/03610927708827533, for the constant and iterative reweighting.
"""

import numpy as np

from core.errors import LabError
from core.reference import solve
from core.reference.design import design, normal

TURN = 1.345
"""Where the loss turns linear, in robust standard deviations."""

_NORMAL_MAD = 0.6744897501960817
"""Median absolute deviation of the standard normal distribution."""

_EXACT = 1e-9
"""eV/atom; a residual below this is a material that the fit passes through, as one alone does."""

_STEPS = 1000
_TOLERANCE = 1e-8
"""eV/atom; the fit is found when no reference moves by more."""


def robust_scale(error: np.ndarray) -> float:
    """Estimate the standard deviation of residuals (n,) by their median size, eV/atom.

    Residuals of zero are left out: materials with an element of their own are always met exactly
    and say nothing of the others.
    """
    size = np.abs(error)
    size = size[size > _EXACT]
    return float(np.median(size)) / _NORMAL_MAD if len(size) else _EXACT


def score(error: np.ndarray, scale: float | None) -> np.ndarray:
    """Return the derivative of the loss at residuals (n,), eV/atom; the residuals if no scale."""
    return error if scale is None else np.clip(error, -TURN * scale, TURN * scale)


def curvature(error: np.ndarray, scale: float | None) -> np.ndarray:
    """Return the second derivative of the loss at residuals (n,): 1, or 0 where it is linear."""
    if scale is None:
        return np.ones(len(error))
    return (np.abs(error) <= TURN * scale).astype(float)


def huber(
    fractions: np.ndarray, energies: np.ndarray, described: solve.Columns
) -> tuple[np.ndarray, float]:
    """Minimize Huber's loss by iterative reweighting, with the scale found along the way.

    Of several solutions the shortest, as in least squares.

    Args:
        fractions: X, (n, 94).
        energies: y, (n,) eV/atom.
        described: ``solve.columns(fractions)``.

    Returns:
        The references (94,), eV/atom, and the scale of the residuals at them.

    Raises:
        LabError: The iteration does not end.
    """
    made = design(fractions, None)
    w = solve.least_squares(fractions, energies, described)
    for _ in range(_STEPS):
        error = energies - made.cells @ w[made.seen]
        turn = TURN * robust_scale(error)
        weights = turn / np.maximum(np.abs(error), turn)
        step = normal(made, weights, 0.0).inverse @ (made.cells.T @ (weights * error))
        w[made.seen] += step
        if np.abs(step).max() < _TOLERANCE:
            break
    else:
        raise LabError(
            f"the Huber fit of {len(energies)} frames does not settle; take ridge or more frames."
        )
    contribution = made.cells @ w[made.seen]
    if described.rank < len(made.seen):
        w = solve.least_squares(fractions, contribution, described)
    return w, robust_scale(energies - contribution)
