"""Least squares over composition fractions, as accurate as numpy's and some times faster.

A data set has many frames and at most 94 columns, so the normal equations cost one pass of matrix
arithmetic and everything after it is small. They square the condition number. Two things give the
digits back: columns are scaled to unit length, so a rare element is not lost beside oxygen, and
one step of iterative refinement works on the residual of the full data (Björck, Numerical Methods
for Least Squares Problems, 1996, doi:10.1137/1.9781611971484, sections 2.9 and 6.6). Where
elements occur nearly always in one ratio that is not enough, and the data themselves are factored.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from core.elements import N_ELEMENTS
from core.errors import LabError

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
    penalty: np.ndarray | None = None,
) -> np.ndarray:
    """Return w (94,) that minimizes |y − X w|² + wᵀ P w.

    Of several such w it is the shortest; elements that do not occur get 0.

    Args:
        fractions: X, (n, 94).
        energies: y, (n,).
        described: ``columns(fractions)``.
        penalty: P, (94, 94), symmetric and not negative; None for none.
    """
    elements = described.elements
    w = np.zeros(fractions.shape[1])
    pull = np.zeros_like(described.gram)
    if penalty is not None:
        pull = penalty[np.ix_(elements, elements)]
    normal = described.gram + pull
    if not _is_well_conditioned(normal):
        rows = fractions[:, elements]
        if pull.any():
            rows = np.concatenate([rows, square_root(pull)])
            energies = np.concatenate([energies, np.zeros(len(elements))])
        w[elements] = np.linalg.lstsq(rows, energies)[0]
        return w
    length = np.sqrt(np.diag(normal))
    scaled = normal / np.outer(length, length)
    for _ in range(2):
        gradient = (fractions.T @ (energies - fractions @ w))[elements] - pull @ w[elements]
        w[elements] += np.linalg.solve(scaled, gradient / length) / length
    return w


def ridge(strength: float, free: np.ndarray | None = None) -> np.ndarray:
    """Return the penalty strength · |w|², (94, 94), without the elements that are free, (94,)."""
    return np.diag(
        np.where(np.zeros(N_ELEMENTS, dtype=bool) if free is None else free, 0.0, strength)
    )


def square_root(penalty: np.ndarray) -> np.ndarray:
    """Return rows R (p, p) with RᵀR = P, a symmetric matrix (p, p) that is not negative."""
    if not np.count_nonzero(penalty - np.diag(np.diag(penalty))):
        return np.diag(np.sqrt(np.diag(penalty)))
    values, vectors = np.linalg.eigh(penalty)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0.0))).T)


def checked_prior(prior: np.ndarray) -> np.ndarray:
    """Return a prior (94,) as an array.

    Raises:
        LabError: if it does not hold a finite energy per element.
    """
    if np.shape(prior) != (N_ELEMENTS,) or not np.isfinite(prior).all():
        raise LabError(f"the prior must hold {N_ELEMENTS} finite energies; give one per element.")
    return np.asarray(prior, dtype=float)


def checked(fractions: np.ndarray, energies: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return fractions (n, 94) and energies (n,) as arrays.

    Raises:
        LabError: if there are no frames, or energies that are not finite.
    """
    X = np.asarray(fractions, dtype=float)
    y = np.asarray(energies, dtype=float)
    if len(y) == 0:
        raise LabError("there are no frames to fit AtomRef to; choose a data set with energies.")
    if (missing := np.flatnonzero(~np.isfinite(y))).size:
        raise LabError(
            f"{len(missing)} of {len(y)} frames have no finite energy (the first is row "
            f"{missing[0] + 1}); leave them out of the fit."
        )
    return X, y


def description(y: np.ndarray, described: Columns) -> dict[str, Any]:
    """Return the fields of an AtomRef that describe the fitted rows."""
    return {
        "counts": described.counts,
        "n": len(y),
        "rank": described.rank,
        "condition": described.condition,
    }


def _is_well_conditioned(normal: np.ndarray) -> bool:
    length = np.sqrt(np.diag(normal))
    eigenvalues = np.linalg.eigvalsh(normal / np.outer(length, length))
    return bool(eigenvalues[0] > _WELL_CONDITIONED)
