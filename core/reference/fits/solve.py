"""Least squares over composition fractions, as accurate as numpy's and some times faster.

A data set has many frames and at most 94 columns, so the normal equations cost one pass of matrix
arithmetic and everything after it is small. They square the condition number. Two things give the
digits back: columns are scaled to unit length, so a rare element is not lost beside oxygen, and
one step of iterative refinement works on the residual of the full data (Björck, Numerical Methods
for Least Squares Problems, 1996, doi:10.1137/1.9781611971484, sections 2.9 and 6.6). Where
elements occur nearly always in one ratio that is not enough, and the data themselves are factored.
"""

from dataclasses import dataclass

import numpy as np

_WELL_CONDITIONED = 1e-8
"""Least eigenvalue of unit-diagonal normal equations above which they lose no digit that counts."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Columns:
    """Composition fractions as columns, one per element that occurs.

    Attributes:
        counts: frames that contain each element, (94,) integers.
        elements: indices of the elements that occur, (p,).
        gram: X.T @ X of their columns, (p, p).
        rank: numerical rank, cut where numpy's ``lstsq`` cuts.
        condition: ratio of the largest to the smallest singular value; infinite where the rank is
            below p.
    """

    counts: np.ndarray
    elements: np.ndarray
    gram: np.ndarray
    rank: int
    condition: float


def columns(fractions: np.ndarray) -> Columns:
    """Describe composition fractions (n, 94)."""
    counts = np.count_nonzero(fractions, axis=0)
    elements = np.flatnonzero(counts)
    gram = (fractions.T @ fractions)[np.ix_(elements, elements)]
    if _is_well_conditioned(gram):
        # The triangular factor has the singular values of the data, each to full accuracy.
        length = np.sqrt(np.diag(gram))
        factor = np.linalg.cholesky(gram / np.outer(length, length)).T * length
        singular = np.linalg.svd(factor, compute_uv=False)
    else:
        singular = np.linalg.svd(fractions[:, elements], compute_uv=False)
    cut = singular[0] * max(len(fractions), len(elements)) * np.finfo(float).eps
    rank = int(np.count_nonzero(singular > cut))
    return Columns(
        counts=counts,
        elements=elements,
        gram=gram,
        rank=rank,
        condition=float(singular[0] / singular[-1]) if rank == len(elements) else float("inf"),
    )


def least_squares(
    fractions: np.ndarray,
    energies: np.ndarray,
    described: Columns,
    *,
    strength: float = 0.0,
    free: np.ndarray | None = None,
) -> np.ndarray:
    """Return w (94,) that minimizes |y − X w|² + strength |w|².

    Of several such w it is the shortest; elements that do not occur get 0.

    Args:
        fractions: X, (n, 94).
        energies: y, (n,).
        described: ``columns(fractions)``.
        strength: weight of the penalty, 0 for none.
        free: elements that the penalty leaves out, (94,) booleans; None for none.
    """
    elements = described.elements
    w = np.zeros(fractions.shape[1])
    penalty = np.full(len(elements), strength)
    if free is not None:
        penalty[free[elements]] = 0.0
    normal = described.gram + np.diag(penalty)
    if not _is_well_conditioned(normal):
        rows = fractions[:, elements]
        if penalty.any():
            rows = np.concatenate([rows, np.diag(np.sqrt(penalty))])
            energies = np.concatenate([energies, np.zeros(len(elements))])
        w[elements] = np.linalg.lstsq(rows, energies)[0]
        return w
    length = np.sqrt(np.diag(normal))
    scaled = normal / np.outer(length, length)
    for _ in range(2):
        gradient = (fractions.T @ (energies - fractions @ w))[elements] - penalty * w[elements]
        w[elements] += np.linalg.solve(scaled, gradient / length) / length
    return w


def _is_well_conditioned(normal: np.ndarray) -> bool:
    length = np.sqrt(np.diag(normal))
    eigenvalues = np.linalg.eigvalsh(normal / np.outer(length, length))
    return bool(eigenvalues[0] > _WELL_CONDITIONED)
