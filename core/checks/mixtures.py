"""Two settings in one data set: energies that lie on two branches."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.checks.energy_sample import (
    COMPOSITIONS,
    FEWEST,
    GAP,
    PULL,
    Array,
    EnergySample,
    solved,
)
from core.elements import SYMBOLS
from core.frames.findings import Finding
from core.reference.shifts.hubbard import U_ELEMENTS

_KINDS = 3
"""Compositions on the smaller branch, at least."""

_BRANCH = 0.08
"""eV/atom between two branches, at least."""

_SHRINKS = 0.35
"""What two branches leave of the scatter, at most; halves of one normal distribution leave 0.6."""

_SMALLEST = 0.08
"""Share of the frames in the smaller branch, at least."""

_SEPARATED = 0.15
"""Share of the distance between the branches that they scatter by, at most."""

_CONCERNED = 0.02
"""Share of an element, or eV/atom of a correction, from which two settings differ for a frame."""

_ROUNDS = 15

_ANIONS = {"H", "N", "O", "F", "S", "Cl", "Se", "Br", "Te", "I"}
"""Elements that MP2020 corrects."""


def mixture_finding(sample: EnergySample) -> Finding | None:
    """Report energies that lie on two branches: two settings in one data set."""
    y = sample.left
    # A prior that is far off, as of a functional of which nothing is known, would leave branches.
    y = y - sample.fractions @ solved(sample.fractions, y)[0]
    X = sample.fractions[:, (sample.fractions > 0).any(axis=0)]
    _, kinds = np.unique(X, axis=0, return_inverse=True)
    named: dict[str, Branches] = {}
    for name, column in _directions(sample):
        # Those of the schemes explain what single elements would repeat.
        if name not in {"corrections", "U"} and {"corrections", "U"} & named.keys():
            break
        if (found := _branches(X, y, column, kinds)) is not None:
            named[name] = found
    if not named:
        return None
    name = min(named, key=lambda one: named[one].left)
    gap, share = named[name].distance, named[name].share
    cost = 1000 * gap * 2 * share * (1 - share)
    is_anion = sample.mp2020 is not None and name in _ANIONS
    if name == "corrections" or is_anion:
        kind, what = "corrections_mixture", "with and without MP2020 corrections"
        remedy = "Import them again, all corrected or all uncorrected."
    elif name == "U" or name in U_ELEMENTS:
        kind = "hubbard_mixture"
        what = "with and without U" + ("" if name == "U" else f" on {name}")
        remedy = "Import each as a data set of its own, or leave one of them out."
    else:
        kind, what = "energy_mixture", f"of two settings or pseudopotentials for {name}"
        remedy = "Import each as a data set of its own."
    return Finding(
        kind=kind,
        severity="warning",
        message=f"The energies lie on two branches, {gap:.2f} eV/atom apart, {share:.0%} of the "
        f"frames concerned on the smaller one: energies {what} are probably mixed.",
        remedy=remedy,
        cost=cost,
    )


def _directions(sample: EnergySample) -> Iterator[tuple[str, Array]]:
    """Yield names and the columns along which two settings would differ, (n,) eV/atom or shares."""
    if sample.mp2020 is not None:
        yield "corrections", sample.mp2020
    if sample.hubbard is not None:
        yield "U", sample.hubbard
    counts = (sample.fractions > _CONCERNED).sum(axis=0)
    for index in np.flatnonzero(counts >= FEWEST):
        yield SYMBOLS[index], sample.fractions[:, index]


@dataclass(frozen=True, slots=True)
class Branches:
    """Two branches of energies.

    Attributes:
        left: what they leave of the energies, eV/atom.
        distance: between them, eV/atom.
        share: of the frames concerned on the smaller one.
    """

    left: float
    distance: float
    share: float


def _branches(X: Array, y: Array, column: Array, kinds: NDArray[np.integer]) -> Branches | None:
    """Return the two branches of energies along a column; None if there is one.

    References and the distance are fitted together; each frame is on the branch that it is nearer
    to (Spaeth, Computing 22, 367 (1979), doi:10.1007/BF02265317).

    Args:
        X: composition fractions, (n, 94).
        y: energies, (n,) eV/atom.
        column: what the second branch adds some multiple of, (n,).
        kinds: number of each frame's composition, (n,); frames of one composition say the same.
    """
    concerned = np.abs(column) > _CONCERNED
    if len(np.unique(kinds[concerned])) < COMPOSITIONS:
        return None
    off, _ = solved(X, y)
    left = y - X @ off
    before = float(np.median(np.abs(left[concerned])))
    if before < _BRANCH / 4:
        return None
    # From what the prior leaves and from what fitted references leave: each has local minima.
    # Of the schemes' terms, which are eV/atom, energies without them lie one term from the prior.
    tries = [
        _alternated(X, y, column, concerned, start)
        for start in (
            _middle(y, column, concerned),
            _middle(left, column, concerned),
            y + column / 2,
        )
    ]
    gap, second, after = min(tries, key=lambda one: float(np.abs(one[2]).sum()))
    scatter = float(np.median(np.abs(after[concerned])))
    distance = float(np.median(np.abs(gap * column[concerned])))
    smaller = second if second[concerned].mean() <= 0.5 else concerned & ~second
    share = float(smaller[concerned].mean())
    is_clear = scatter < _SHRINKS * before and scatter < _SEPARATED * distance
    n_kinds = len(np.unique(kinds[smaller]))
    if not is_clear or abs(gap) < GAP or distance < _BRANCH:
        return None
    if n_kinds < _KINDS or share < _SMALLEST:
        return None
    return Branches(float(np.abs(after).mean()), distance, share)


def _alternated(
    X: Array, y: Array, column: Array, concerned: NDArray[np.bool_], start: Array
) -> tuple[float, NDArray[np.bool_], Array]:
    """Fit references and the distance of two branches, and divide frames among them, in turn.

    Args:
        X: composition fractions, (n, 94).
        y: energies, (n,) eV/atom.
        column: what the second branch adds some multiple of, (n,).
        concerned: frames that may be on it, (n,).
        start: energies whose sign, times that of the column, divides them first, (n,).

    Returns:
        The multiple, the frames on the second branch, and what is left of the energies.
    """
    second = concerned & (start * column > 0)
    pull = np.diag(np.append(np.full(X.shape[1], PULL), 1e-9))
    gap, left = 0.0, y
    for _ in range(_ROUNDS):
        A = np.column_stack([X, second * column])
        found = np.linalg.solve(A.T @ A + pull, A.T @ y)
        gap = float(found[-1])
        left = y - X @ found[:-1]
        nearer = concerned & (np.abs(left - gap * column) < np.abs(left))
        if (nearer == second).all():
            break
        second = nearer
    return gap, second, left - gap * second * column


def _middle(values: Array, column: Array, concerned: NDArray[np.bool_]) -> Array:
    """Return energies less the middle of the multiples of a column that they hold, (n,)."""
    ratio = values[concerned] / column[concerned]
    return np.asarray(values - np.percentile(ratio, [5, 95]).mean() * column)
