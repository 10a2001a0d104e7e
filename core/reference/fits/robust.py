"""Huber's loss: quadratic near zero, linear beyond, so that a few outliers do not dominate a fit.

The loss turns linear at 1.345 robust standard deviations of the residuals, where the fit keeps 95 %
of least squares' efficiency for normal errors. Sources: Huber, Ann. Math. Stat. 35, 73 (1964),
doi:10.1214/aoms/1177703732; Holland and Welsch, Commun. Stat. A 6, 813 (1977),
doi:10.1080/03610927708827533, for the constant.
"""

import numpy as np

from core.errors import LabError
from core.reference.fits import solve
from core.reference.fits.design import Design, build_design, normal

TURN = 1.345
"""Where the loss turns linear, in robust standard deviations."""

_NORMAL_MAD = 0.6744897501960817
"""Median absolute deviation of the standard normal distribution."""

_EXACT = 1e-9
"""eV/atom; smaller residuals are of materials that the fit meets exactly, such as those with an
element of their own."""

_SCALES = 50
"""Largest number of estimates of the scale."""

_SETTLED = 1e-7
"""Relative change of the scale at which it has converged."""

_STEPS = 200
_HALVINGS = 50
_TOLERANCE = 1e-10
"""eV/atom; the minimum has converged when no reference moves by more."""

_OUTSIDE = 1e-4
"""Fraction of their weight in reweighted least squares that materials in the linear part get in the
second derivative, where they have none: so that an element of such materials still moves."""


def robust_scale(error: np.ndarray) -> float:
    """Estimate the standard deviation of residuals (n,) by their median size, eV/atom.

    Residuals of zero are left out: materials with an element of their own are always met exactly
    and say nothing about the others.
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
    return np.asarray(np.abs(error) <= TURN * scale, dtype=float)


def huber(
    fractions: np.ndarray, energies: np.ndarray, described: solve.Columns
) -> tuple[np.ndarray, float]:
    """Minimize Huber's loss, with the scale from the residuals, alternating until both converge.

    Each minimum is found by Newton's steps on the loss, which is convex and made of quadratic
    pieces, with step lengths that let it fall: a few steps where reweighting, the usual way, may
    need thousands for rare elements. Of several solutions the shortest is returned, as in least
    squares.

    Args:
        fractions: X, (n, 94).
        energies: y, (n,) eV/atom.
        described: ``solve.columns(fractions)``.

    Returns:
        The references (94,), eV/atom, and the scale whose loss they minimize.

    Raises:
        LabError: if the minimum is not found.
    """
    design = build_design(fractions, None)
    w = solve.least_squares(fractions, energies, described)
    references = w[design.elements]
    scale = robust_scale(energies - design.cells @ references)
    for _ in range(_SCALES):
        references = _minimized(design, energies, references, TURN * scale)
        updated = robust_scale(energies - design.cells @ references)
        if abs(updated - scale) <= _SETTLED * scale:
            break
        # Half of the way: a median can swing between two values.
        scale = (scale + updated) / 2
    else:
        references = _minimized(design, energies, references, TURN * scale)
    if described.rank < len(design.elements):
        return solve.least_squares(fractions, design.cells @ references, described), scale
    w[design.elements] = references
    return w, scale


def _minimized(design: Design, energies: np.ndarray, w: np.ndarray, turn: float) -> np.ndarray:
    """Return the references (p,) that minimize the loss with this turn, from a start (p,)."""
    error = energies - design.cells @ w
    for _ in range(_STEPS):
        bend = np.where(
            np.abs(error) <= turn, 1.0, _OUTSIDE * turn / np.maximum(np.abs(error), turn)
        )
        fall = design.cells.T @ np.clip(error, -turn, turn)
        step = normal(design, bend).inverse @ fall
        along = design.cells @ step
        length = _length(error, along, turn)
        w = w + length * step
        error = error - length * along
        if length * np.abs(step).max() < _TOLERANCE:
            return w
    raise LabError(
        f"the Huber fit of {len(energies)} frames does not converge; use ridge or more frames."
    )


def _length(error: np.ndarray, along: np.ndarray, turn: float) -> float:
    """Return the step length, at most 1, at which the loss, which is convex, stops falling."""

    def falls(length: float) -> bool:
        return float(np.clip(error - length * along, -turn, turn) @ along) > 0

    if falls(1.0):
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if falls(middle) else (low, middle)
    return high
