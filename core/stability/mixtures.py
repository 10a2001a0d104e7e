"""Mixtures of phases of the lowest energy: many small linear programs solved together.

Each problem is: min e·λ over λ ≥ 0 with Σ λ_j x_j = x, for candidates of composition x_j and energy
e_j. There are as many equations as elements, and the pure elements are always candidates, so the
revised simplex method starts from them without a first phase, and one step of it is the same array
operation for thousands of problems. Its end is a certificate: amounts λ that are not negative, and
chemical potentials μ with μ·x_j ≤ e_j for all candidates. A problem that does not get there, which
takes a cycle of degenerate steps, goes to HiGHS.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog

from core.errors import LabError

TOLERANCE = 1e-10
"""eV/atom by which a candidate may lie below the plane of the mixture."""

_PIVOT = 1e-9
_MOST_STEPS = 200


@dataclass(kw_only=True, frozen=True, slots=True)
class Mixtures:
    """Mixtures of the lowest energy of b problems with k elements.

    Attributes:
        energies: (b,) eV/atom.
        members: candidates that are mixed, (b, k) places among those of the problem.
        amounts: their amounts as fractions of atoms, (b, k).
    """

    energies: np.ndarray
    members: np.ndarray
    amounts: np.ndarray


def lowest_mixtures(wanted: np.ndarray, x: np.ndarray, e: np.ndarray) -> Mixtures:
    """Return the mixture of lowest energy for every problem.

    Args:
        wanted: compositions of the mixtures, (b, k), none negative.
        x: compositions of the candidates, (b, m, k), of which the first k are the pure elements in
            order.
        e: their energies, (b, m) eV/atom, infinite for one that takes no part.
    """
    b, k = wanted.shape
    members = np.tile(np.arange(k), (b, 1))
    inverse = np.tile(np.eye(k), (b, 1, 1))
    active = np.arange(b)
    for _ in range(_MOST_STEPS):
        active, enters = _entering(x, e, members, inverse, active)
        if not len(active):
            break
        _exchange(wanted, x, members, inverse, active, enters)
    members.sort(axis=1)
    energies, amounts, unsolved = _finished(wanted, x, e, members)
    for i in np.union1d(np.flatnonzero(unsolved), active):
        members[i], amounts[i], energies[i] = _by_library(wanted[i], x[i], e[i])
    return Mixtures(energies=energies, members=members, amounts=amounts)


def _entering(
    x: np.ndarray, e: np.ndarray, members: np.ndarray, inverse: np.ndarray, active: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the problems that a candidate still improves, and that candidate."""
    basis = np.take_along_axis(e[active], members[active], axis=1)
    potentials = np.einsum("bk,bkj->bj", basis, inverse[active])
    reduced = e[active] - np.matmul(x[active], potentials[..., None])[..., 0]
    enters = reduced.argmin(axis=1)
    improves = reduced[np.arange(len(active)), enters] < -TOLERANCE
    return active[improves], enters[improves]


def _exchange(
    wanted: np.ndarray,
    x: np.ndarray,
    members: np.ndarray,
    inverse: np.ndarray,
    active: np.ndarray,
    enters: np.ndarray,
) -> None:
    """Let a candidate enter each active problem's basis; the member that reaches zero leaves."""
    rows = np.arange(len(active))
    inverses = inverse[active]
    amounts = np.einsum("bij,bj->bi", inverses, wanted[active])
    column = np.einsum("bij,bj->bi", inverses, x[active, enters])
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(column > _PIVOT, np.maximum(amounts, 0.0) / column, np.inf)
    # Of members that reach zero together, the one with the largest pivot leaves.
    least = ratio.min(axis=1, keepdims=True)
    leaves = np.where(ratio <= least + 1e-12, column, -np.inf).argmax(axis=1)
    pivots = column[rows, leaves]
    new_row = inverses[rows, leaves] / pivots[:, None]
    inverses = inverses - column[..., None] * new_row[:, None, :]
    inverses[rows, leaves] = new_row
    inverse[active] = inverses
    members[active, leaves] = enters


def _finished(
    wanted: np.ndarray, x: np.ndarray, e: np.ndarray, members: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return energies, amounts, and whether the certificate fails, from the members alone."""
    rows = np.arange(len(wanted))[:, None]
    matrix, basis = x[rows, members], e[rows, members]
    try:
        inverse = np.linalg.inv(matrix)
    except np.linalg.LinAlgError:
        inverse = np.stack([np.linalg.pinv(one) for one in matrix])
    amounts = np.einsum("bj,bji->bi", wanted, inverse)
    potentials = np.einsum("bij,bj->bi", inverse, basis)
    reduced = e - np.matmul(x, potentials[..., None])[..., 0]
    misses = np.abs(np.einsum("bi,bij->bj", amounts, matrix) - wanted).max(axis=1)
    unsolved = (
        (amounts.min(axis=1) < -TOLERANCE)
        | (reduced.min(axis=1) < -10 * TOLERANCE)
        | (misses > TOLERANCE)
    )
    amounts = np.maximum(amounts, 0.0)
    return (amounts * basis).sum(axis=1), amounts, unsolved


def _by_library(
    wanted: np.ndarray, x: np.ndarray, e: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Solve one problem with HiGHS."""
    usable = np.flatnonzero(np.isfinite(e))
    solution = linprog(
        e[usable],
        A_eq=x[usable].T,
        b_eq=wanted,
        bounds=(0, None),
        method="highs",
        options={
            "primal_feasibility_tolerance": TOLERANCE,
            "dual_feasibility_tolerance": TOLERANCE,
        },
    )
    if solution.status != 0:
        raise LabError(
            f"A mixture of phases cannot be found ({solution.message}); check the energies."
        )
    k = len(wanted)
    members = np.argsort(-solution.x, kind="stable")[:k]
    return usable[members], solution.x[members], float(solution.fun)
