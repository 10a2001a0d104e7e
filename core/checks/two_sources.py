"""Energies of which a part is from another source: in another unit or functional, or totals.

Total energies in one set of pseudopotentials are what composition says, within tens of percent; a
row in another unit is off by its factor, a total by the number of its atoms, and a row in another
functional is what composition says of that one.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from core.checks.readings import Array, Reading, Sizes, readings
from core.frames.findings import Finding

_LEAST = 1.0
"""eV/atom below which an energy is not compared: a ratio to it says little."""

_FEWEST, _TOLD = 20, 12
"""Rows that are compared, and rows that tell their functional, below which nothing is said."""

_KINDS, _ROWS = 4, 10
"""Compositions, or rows, of a part at least."""

_TIGHT = 0.15
"""Logarithm of the ratio to what composition says within which half of the rows must lie."""

_NEAR = np.log(3.0)
"""The same that another functional may make: energies in r2SCAN are about twice those in PBE."""

_OFF = np.log(1.8)
"""The same from which a row is another reading."""

_ROOM = np.log(1.15), np.log(1.4)
"""The same within which such a row must lie, read anew: at least, and at most."""

_APART, _CLOSE = 4.0, 1.5
"""eV/atom that two functionals differ by where an energy tells which one it is in, and that it then
misses this one by."""

_NEAR_ONE = 0.85
"""Share of such energies that lie near one of the two."""

_EXPLAINED = 0.7
"""Share of such rows that one reading must explain."""

_NEARER = 3.0
"""How many times nearer to what composition says a row must be, read anew."""

_NAMED = 3


def unit_mixture_finding(
    energies: Array,
    expected: Array,
    fractions: Array,
    sizes: Sizes,
    names: NDArray[np.object_],
) -> Finding | None:
    """Report a part of the energies that fits the others in another unit.

    Args:
        energies: (n,) eV/atom, if all is well.
        expected: what composition says of them, (n,) eV/atom.
        fractions: composition fractions, (n, 94).
        sizes: numbers of atoms.
        names: of the rows, (n,).

    Returns:
        The finding, with the rows from 0 to n − 1 that it names; None if there are none.
    """
    known = np.isfinite(energies) & (energies != 0) & (np.abs(expected) > _LEAST)
    if known.sum() < _FEWEST:
        return None
    ratio = np.divide(energies, expected, out=np.full(len(energies), np.nan), where=known)
    middle, width = _densest_half(np.log(ratio[ratio > 0]), int(known.sum()))
    if width > _TIGHT or abs(middle) > _NEAR:
        return None
    expected = np.exp(middle) * expected
    rows = np.flatnonzero(np.abs(energies - expected) > _LEAST)
    energies, expected, fractions, ratio = (
        values[rows] for values in (energies, expected, fractions, ratio)
    )
    logs = np.log(np.abs(ratio)) - middle
    is_off = (ratio < 0) | (np.abs(logs) > _OFF)
    room = np.clip(4 * width, *_ROOM)

    def explained(reading: Reading) -> int:
        near = np.abs(logs - np.log(np.abs(reading.times))) < room
        return int(np.count_nonzero(is_off & near & (ratio * reading.times > 0)))

    best = max(readings({of: number[rows] for of, number in sizes.items()}), key=explained)
    if explained(best) < max(_KINDS, _EXPLAINED * np.count_nonzero(is_off)):
        return None
    # Some are too small, or too far from what composition says, for the ratio alone.
    missed, missed_read = (np.abs(e - expected) for e in (energies, energies / best.times))
    times = np.broadcast_to(best.times, len(rows))
    factor = np.where(times > 0, np.abs(np.log(np.abs(times))), np.inf)
    is_read = (factor > _OFF) & (missed_read < missed / _NEARER)
    rows = rows[is_read]
    if not _is_part(fractions[is_read]) or np.median(factor[is_read]) < _NEAR:
        return None
    return Finding(
        kind="unit_mixture",
        severity="error",
        message=f"{len(rows):,} of {known.sum():,} energies are as if they were "
        f"{best.words}, where the others are eV/atom ({named_rows(names, rows)}): two sources are "
        "probably mixed.",
        remedy="Convert these rows and import them again, or leave them out.",
        rows=rows.tolist(),
    )


def functional_mixture_finding(
    energies: Array,
    expected: Mapping[str, Array],
    fractions: Array,
    names: NDArray[np.object_],
) -> Finding | None:
    """Report energies of which a part is in another functional.

    Args:
        energies: (n,) eV/atom, NaN where missing.
        expected: what composition says of them, (n,) eV/atom, in the stated functional and in
            another one, by name.
        fractions: composition fractions, (n, 94).
        names: of the rows, (n,).

    Returns:
        The finding, with the rows of the smaller part, or without where all are in the other one;
        None if nothing is seen.
    """
    one, other = expected.values()
    is_told = np.isfinite(energies) & (np.abs(one - other) > _APART)
    missed = np.abs(energies - np.stack([one, other]))
    near = is_told & (missed < np.minimum(missed[::-1] / _NEARER, _CLOSE))
    if near.sum() < max(_TOLD, _NEAR_ONE * is_told.sum()):
        return None
    functionals = list(expected)
    if not near[0].any():
        return Finding(
            kind="functional",
            severity="error",
            message=f"The energies are those of {functionals[1]}, as far as composition tells, not "
            f"of {functionals[0]}.",
            remedy=f"Import them again with --functional {functionals[1]}.",
        )
    if not all(_is_part(fractions[part]) for part in near):
        return None
    n_known = int(np.isfinite(energies).sum())
    smaller = int(np.argmin(np.count_nonzero(near, axis=1)))
    rows = np.flatnonzero(near[smaller])
    # Of totals, say, a few lie near another functional's energies by chance.
    off = is_told & (missed[1 - smaller] > np.abs(one - other) / 2)
    if len(rows) < _EXPLAINED * np.count_nonzero(off):
        return None
    return Finding(
        kind="energy_mixture",
        severity="error",
        message=f"{len(rows):,} of {n_known:,} energies are those of {functionals[smaller]}, as "
        f"far as composition tells, the others of {functionals[1 - smaller]} "
        f"({named_rows(names, rows)}): two functionals are probably mixed.",
        remedy="Import each as a data set of its own.",
        rows=rows.tolist(),
    )


def _is_part(fractions: Array) -> bool:
    """Return whether rows are more than single wrong ones."""
    return len(fractions) >= _ROWS or len(np.unique(fractions, axis=0)) >= _KINDS


def named_rows(names: NDArray[np.object_], rows: NDArray[np.integer]) -> str:
    """Return the names of the first rows, as in "mp-1, mp-2, mp-3 ..."."""
    more = " ..." if len(rows) > _NAMED else ""
    return ", ".join(str(names[row]) for row in rows[:_NAMED]) + more


def _densest_half(values: Array, n: int) -> tuple[float, float]:
    """Return middle and half the width of the shortest interval that holds half of n values."""
    ordered, k = np.sort(values), n // 2
    if len(ordered) <= k:
        return 0.0, np.inf
    widths = ordered[k:] - ordered[: len(ordered) - k]
    start = int(np.argmin(widths))
    return float(ordered[start : start + k + 1].mean()), float(widths[start] / 2)
