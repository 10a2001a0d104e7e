"""Two settings in one data set: energies that lie on two branches."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from core.checks.energy_sample import (
    COMPOSITIONS,
    FEWEST,
    GAP,
    PULL,
    Array,
    EnergySample,
)
from core.elements import SYMBOLS
from core.frames.findings import Finding
from core.reference.shifts.hubbard import U_ELEMENTS

_KINDS = 3
"""Compositions on the smaller branch, at least."""

_BRANCH = 0.08
"""eV/atom between two branches, at least."""

_SHRINKS, _SHRINKS_KNOWN = 0.3, 0.5
"""What two branches leave of the scatter, at most, and where their difference is known in eV/atom;
halves of one normal distribution leave 0.6."""

_SMALLEST = 0.08
"""Share of the frames in the smaller branch, at least."""

_SEPARATED, _SEPARATED_KNOWN = 0.15, 0.25
"""Share of the distance between the branches that they scatter by, at most; likewise, of
which such halves have 0.3."""

_CONCERNED = 0.02
"""Share of an element, or eV/atom of a correction, from which two settings differ for a frame."""

_WEAK = 1e-3
"""Pull of references toward a prior that may be far off."""

_COLD = 0.02
"""eV/atom by which energies miss their branch, at least."""

_ROUNDS = 20

_SCHEMES = {"corrections", "+U"}
"""Terms by which energies in one functional differ."""

_ANIONS = {"H", "N", "O", "F", "S", "Cl", "Se", "Br", "Te", "I"}
"""Elements that MP2020 corrects."""


def mixture_finding(sample: EnergySample) -> Finding | None:
    """Report energies that lie on two branches: two settings in one data set.

    Energies of two functionals are told by `core.checks.two_sources`.
    """
    _, kinds = np.unique(sample.fractions, axis=0, return_inverse=True)
    named: dict[str, Branches] = {}
    for name, column in _directions(sample):
        # Known differences explain what others would repeat.
        if named.keys() - set(SYMBOLS):
            break
        if (found := _branches(sample, name, column, kinds)) is not None:
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
    elif name == "+U" or name in U_ELEMENTS:
        kind = "hubbard_mixture"
        what = "with and without U" + ("" if name == "+U" else f" on {name}")
        remedy = "Import each as a data set of its own, or leave one of them out."
    else:
        kind = "energy_mixture"
        what = f"of two settings or pseudopotentials for {name}"
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
        yield "+U", sample.hubbard
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


def _branches(
    sample: EnergySample, name: str, column: Array, kinds: NDArray[np.integer]
) -> Branches | None:
    """Return the two branches of energies along a column; None if there is one.

    Args:
        sample: the energies.
        name: of the column.
        column: what the second branch adds some multiple of, (n,).
        kinds: number of each frame's composition, (n,); frames of one composition say the same.
    """
    X, y = sample.fractions[:, (sample.fractions > 0).any(axis=0)], sample.left
    concerned = np.abs(column) > _CONCERNED
    if len(np.unique(kinds[concerned])) < COMPOSITIONS:
        return None
    is_scheme = name in _SCHEMES
    # Energies that are all alike may hold any multiple of the schemes' terms.
    terms = [column] if is_scheme else [sample.mp2020, sample.hubbard]
    X = np.column_stack([X, *(one for one in terms if one is not None)])
    if is_scheme and kinds.max() + 1 - np.linalg.matrix_rank(X) < COMPOSITIONS:
        return None
    # More pull toward the prior of an unknown functional would leave branches.
    pull = (PULL if is_scheme else _WEAK) * np.eye(X.shape[1])
    left = np.asarray(y - X @ np.linalg.solve(X.T @ X + pull, X.T @ y))
    before = float(np.abs(left[concerned]).mean())
    if before < _BRANCH / 4:
        return None
    expected = 1.0 if is_scheme else _range(left[concerned] / column[concerned])
    gap, second, after = _divided(X, left, np.where(concerned, column, 0.0), expected)
    scatter = float(np.abs(after[concerned]).mean())
    distance = float(np.median(np.abs(gap * column[concerned])))
    smaller = second if second[concerned].mean() <= 0.5 else concerned & ~second
    share = float(smaller[concerned].mean())
    shrinks, separated = (_SHRINKS_KNOWN, _SEPARATED_KNOWN) if is_scheme else (_SHRINKS, _SEPARATED)
    is_clear = scatter < shrinks * before and scatter < separated * distance
    if not is_clear or abs(gap) < GAP or distance < _BRANCH:
        return None
    if len(np.unique(kinds[smaller])) < _KINDS or share < _SMALLEST:
        return None
    return Branches(float(np.abs(after).mean()), distance, share)


def _range(values: Array) -> float:
    return float(np.ptp(np.percentile(values, [5, 95])))


def _divided(
    X: Array, y: Array, column: Array, gap: float
) -> tuple[float, NDArray[np.bool_], Array]:
    """Fit references and the distance of two branches, and divide frames among them, in turn.

    Each frame belongs to the branch that it is nearer to (Spaeth, Computing 22, 367 (1979),
    doi:10.1007/BF02265317), at first hardly more than to the other one, which passes by most of the
    local minima (deterministic annealing: Rose, Proc. IEEE 86, 2210 (1998), doi:10.1109/5.726788).

    Args:
        X: composition fractions, (n, k).
        y: energies, (n,) eV/atom.
        column: what the second branch adds some multiple of, (n,), 0 for frames not concerned.
        gap: multiple that is expected.

    Returns:
        The multiple, the frames on the second branch, and what is left of the energies.
    """
    concerned = column != 0
    inverse = np.linalg.inv(X.T @ X + PULL * np.eye(X.shape[1]))
    alone = inverse @ (X.T @ y)
    left = y - X @ alone
    # Squared distance from the first branch less that from the second one.
    nearer = 2 * left * gap * column
    warm = max(_COLD, float(np.std(left[concerned])))
    second = np.zeros(len(y))
    for width in [*np.geomspace(warm, _COLD, _ROUNDS), *[0.0] * _ROUNDS]:
        share = concerned * (expit(nearer / (2 * width**2)) if width else nearer > 0)
        if not width and (share == second).all():
            break
        second = share
        held = X.T @ (second * column)
        free = second @ column**2 - held @ inverse @ held + 1e-9
        gap = float(((second * column) @ y - held @ alone) / free)
        left = y - X @ (alone - gap * (inverse @ held))
        nearer = left**2 - (left - gap * column) ** 2
    return gap, second > 0.5, left - gap * second * column
