"""Least squares of scaling laws in log space, for many data sets at once.

Data sets share their sizes; each has k log errors, one per size, weighted by size. Curves are rows
(log a, b, c) of E = a·N^−b + c.
"""

import numpy as np

_STEPS = 200
_TOLERANCE = 1e-9
_DAMPING = 1e-3
_LARGEST_EXPONENT = 10.0
_BELOW = 1 - 1e-6
"""A floor stays below the smallest error by this factor; at the error, the exponent diverges."""

_STARTS = (0.0, 0.5, 0.9)
"""Initial floors, as shares of the smallest error."""


def curve(curves: np.ndarray, n_frames: np.ndarray) -> np.ndarray:
    """Evaluate curves.

    Args:
        curves: rows of log a, b, c (B, 3).
        n_frames: numbers of frames (m,).

    Returns:
        Errors (B, m).
    """
    amplitude, exponent, floor = curves.T[:, :, None]
    with np.errstate(over="ignore"):
        return np.asarray(np.exp(amplitude - exponent * np.log(n_frames)) + floor)


def frames_at(curves: np.ndarray, error: float) -> np.ndarray:
    """Return the numbers of frames at which curves (B, 3) reach an error: (B,), may be infinite."""
    amplitude, exponent, floor = curves.T
    above = error - floor
    reached = (above > 0) & (exponent > 0)
    frames = np.full(len(curves), np.inf)
    with np.errstate(over="ignore"):
        frames[reached] = np.exp((amplitude[reached] - np.log(above[reached])) / exponent[reached])
    return frames


def fit_power(log_frames: np.ndarray, log_errors: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Fit straight lines: log E = log a − b·log N.

    Args:
        log_frames: logarithms of the sizes (k,).
        log_errors: logarithms of the errors (B, k).
        weights: weights of the sizes (k,).

    Returns:
        Rows of log a, b, 0 (B, 3).
    """
    share = weights / weights.sum()
    middle = share @ log_frames
    x = log_frames - middle
    slope = log_errors @ (share * x) / (share @ x**2)
    return np.column_stack([log_errors @ share - slope * middle, -slope, np.zeros(len(slope))])


def fit_offset(
    log_frames: np.ndarray,
    log_errors: np.ndarray,
    weights: np.ndarray,
    start: np.ndarray | None = None,
) -> np.ndarray:
    """Fit curves with a floor: log E = log(a·N^−b + c), 0 ≤ c < the smallest error.

    Levenberg–Marquardt steps, with the floor fixed where it would leave its bounds.

    Args:
        log_frames: logarithms of the sizes (k,).
        log_errors: logarithms of the errors (B, k).
        weights: weights of the sizes (k,).
        start: a curve (3,) to start from besides the power law; None starts from several floors.

    Returns:
        Rows of log a, b, c (B, 3).
    """
    unit = float(log_errors.mean())
    middle = float(log_frames.mean())
    x, y = log_frames - middle, log_errors - unit
    share = weights / weights.sum()
    most = np.exp(y.min(axis=1)) * _BELOW
    starts = []
    if start is None:
        for part in _STARTS:
            line = fit_power(x, np.log(np.exp(y) - part * most[:, None]), weights)
            starts.append(np.column_stack([line[:, :2], part * most]))
    else:
        moved = np.array([start[0] - start[1] * middle - unit, start[1], start[2] / np.exp(unit)])
        near = np.tile(moved, (len(y), 1))
        near[:, 2] = np.minimum(near[:, 2], most)
        starts = [fit_power(x, y, weights), near]
    best, lowest = np.empty((len(y), 3)), np.full(len(y), np.inf)
    for initial in starts:
        curves, cost = _descend(initial, x, y, share, most)
        better = cost < lowest
        best[better], lowest[better] = curves[better], cost[better]
    best[:, 0] += best[:, 1] * middle + unit
    best[:, 2] *= np.exp(unit)
    return best


def _descend(
    curves: np.ndarray, x: np.ndarray, y: np.ndarray, share: np.ndarray, most: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Take steps while they lower the squares; return curves (B, 3) and mean squares (B,)."""
    curves = curves.copy()
    cost = _squares(curves, x, y, share)
    damping = np.full(len(curves), _DAMPING)
    active = np.arange(len(curves))
    for _ in range(_STEPS):
        step = _step(curves[active], damping[active], x, y[active], share, most[active])
        trial = curves[active] + step
        trial[:, 1] = np.clip(trial[:, 1], -_LARGEST_EXPONENT, _LARGEST_EXPONENT)
        trial[:, 2] = np.clip(trial[:, 2], 0, most[active])
        reached = _squares(trial, x, y[active], share)
        gain = cost[active] - reached
        better = gain > 0
        moved = active[better]
        curves[moved], cost[moved] = trial[better], reached[better]
        damping[active] *= np.where(better, 0.2, 5.0)
        small = gain <= _TOLERANCE * cost[active]
        done = (better & small) | (damping[active] > 1e8)
        active = active[~done]
        if not len(active):
            break
    return curves, cost


def _squares(curves: np.ndarray, x: np.ndarray, y: np.ndarray, share: np.ndarray) -> np.ndarray:
    return np.asarray((y - np.log(curve(curves, np.exp(x)))) ** 2 @ share)


def _step(
    curves: np.ndarray,
    damping: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    share: np.ndarray,
    most: np.ndarray,
) -> np.ndarray:
    """Return the damped Gauss–Newton steps (B, 3)."""
    power = np.exp(curves[:, :1] - curves[:, 1:2] * x)
    total = power + curves[:, 2:]
    rest = y - np.log(total)
    slopes = np.stack([power / total, -x * power / total, 1 / total], axis=2)
    weighted = slopes * share[:, None]
    gradient = np.einsum("bkp,bk->bp", weighted, rest)
    matrix = weighted.transpose(0, 2, 1) @ slopes
    floor = curves[:, 2]
    fixed = ((floor <= 0) & (gradient[:, 2] < 0)) | ((floor >= most) & (gradient[:, 2] > 0))
    matrix[fixed, 2, :] = matrix[fixed, :, 2] = 0.0
    matrix[fixed, 2, 2] = 1.0
    gradient[fixed, 2] = 0.0
    diagonal = np.arange(3)
    matrix[:, diagonal, diagonal] *= 1 + damping[:, None]
    matrix[:, diagonal, diagonal] += 1e-15
    return np.asarray(np.linalg.solve(matrix, gradient[:, :, None])[:, :, 0])
