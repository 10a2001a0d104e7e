"""How energies may have been meant: in another unit, as totals, or with the other sign."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.elements import amounts_from_formulas
from core.frames.findings import Finding
from core.frames.units import units_of

Array = NDArray[np.float64]

Sizes = Mapping[str, NDArray[np.integer]]
"""Numbers of atoms (n,) by what a total may belong to: "cell" or "f.u."."""

_FEWEST = 6
"""Rows below which nothing is said."""

_SMALL = 1.0
"""eV/atom below which an expected energy is not compared: a ratio to it says little."""

_OFF = np.log(1.35)
"""Logarithm of the ratio to expected energies, in the median, from which they were meant so."""

_MISSES, _CLEAR = 0.2, 4.0
"""The same that is left, read anew, at most, and how many times less that must be."""

_NEARLY_ALL, _ROOM = 85, 0.5
"""Percent of the energies for which it must be so, and what these may miss; of others a part is."""

_DIVERSE = 5
"""Independent compositions below which a common factor may be chance, as that of another code."""

_VARIED = 0.3
"""Standard deviation of the logarithms of numbers of atoms that a factor follows, which is none."""


_WORDS = {"cell": "cell", "f.u.": "formula unit"}


@dataclass(frozen=True, slots=True)
class Reading:
    """How energies may have been meant.

    Attributes:
        unit: in which they are; for energies that were divided, "eV/atom".
        times: what it makes of the right energies, (n,) or one number.
        per: what they were divided by the atoms of once too often; None if they were not.
    """

    unit: str
    times: Array | float
    per: str | None = None

    @property
    def words(self) -> str:
        """What the energies are, after "as if they were"."""
        if self.per is None:
            return f"in {self.unit}"
        return f"divided once more by the atoms of the {self.per}"


def sizes_of(formulas: NDArray[np.object_], n_atoms: NDArray[np.integer] | None = None) -> Sizes:
    """Return what totals may belong to.

    Args:
        formulas: (n,) strings, of which many may be equal.
        n_atoms: atoms in the cells, (n,); None where only formulas are known.
    """
    codes, names = pd.factorize(formulas)
    atoms = np.rint(amounts_from_formulas(names).sum(axis=1)).astype(np.int64)[codes]
    return ({} if n_atoms is None else {"cell": n_atoms}) | {"f.u.": np.maximum(atoms, 1)}


def readings(sizes: Sizes) -> Iterator[Reading]:
    """Yield all readings but the plain one.

    Args:
        sizes: numbers of atoms.
    """
    for sign in (1, -1):
        turned = "" if sign > 0 else "-"
        for unit in units_of("energy"):
            if unit.per == "atom" and (sign < 0 or unit.factor != 1):
                yield Reading(f"{turned}{unit.name}", sign / unit.factor)
            elif unit.per == "cell":
                for extent, number in sizes.items():
                    name = unit.name.replace("cell", extent)
                    yield Reading(f"{turned}{name}", sign * number / unit.factor)
    for extent, number in sizes.items():
        yield Reading("eV/atom", 1 / number, per=extent)


def whole_finding(
    energies: Array, expected: Array, fractions: Array, sizes: Sizes
) -> Finding | None:
    """Report energies that all fit what composition lets expect in another reading.

    Args:
        energies: (n,) eV/atom, if all is well; NaN where missing.
        expected: what composition lets expect, (n,) eV/atom, NaN where unknown.
        fractions: composition fractions, (n, 94).
        sizes: numbers of atoms.
    """
    rows = np.flatnonzero(np.isfinite(energies) & (energies != 0) & (expected < -_SMALL))
    if len(rows) < _FEWEST:
        return None
    ratio = energies[rows] / expected[rows]
    logs = np.log(np.abs(ratio))
    plain = float(np.median(np.abs(logs)))
    if plain < _OFF and np.median(ratio) > 0:
        return None

    def missed(reading: Reading, percent: float = 50) -> float:
        times = np.broadcast_to(reading.times, len(energies))[rows]
        off = np.abs(logs - np.log(np.abs(times)))
        # Above all others, but finite: percentiles are told between two values.
        return float(np.percentile(np.where(ratio * times > 0, off, 1e3), percent))

    best = min(readings(sizes), key=missed)
    times = np.broadcast_to(best.times, len(energies))[rows]
    is_diverse = np.linalg.matrix_rank(np.unique(fractions[rows], axis=0)) >= _DIVERSE
    follows = np.std(np.log(np.abs(times))) > _VARIED
    left = missed(best)
    is_clear = left < _MISSES and (left < plain / _CLEAR or times[0] < 0)
    is_clear &= missed(best, _NEARLY_ALL) < _ROOM
    if not is_clear or not (is_diverse or follows):
        return None
    return _finding(best, float(np.median(ratio)), len(rows))


def _finding(reading: Reading, ratio: float, n: int) -> Finding:
    seen = f"{n:,} energies are {ratio:.3g} times what composition lets expect, in the median"
    if reading.per is not None:
        return Finding(
            kind="energy_extent",
            severity="error",
            message="The energies were eV/atom already, but were read as totals of the "
            f"{reading.per} and divided by its atoms: {seen}.",
            remedy="Import them with --unit energy=eV/atom, whatever their column is called.",
        )
    unit, _, extent = reading.unit.rpartition("/")
    if extent == "atom":
        kind, what = "energy_unit", f"in {reading.unit}"
    else:
        kind, what = "energy_extent", f"totals of the {_WORDS[extent]} in {unit}"
    return Finding(
        kind=kind,
        severity="error",
        message=f"The energies are as if they were {what}, not in eV/atom: {seen}.",
        remedy=f"If so, import them with --unit energy={reading.unit}.",
    )
