"""What energies count from, where it is no total energy in the stated functional."""

import numpy as np
from numpy.typing import NDArray

from core.checks.expected import (
    are_like_embedded,
    embedded_functional,
    energies_by,
    expected_references,
    pure_energies,
)
from core.frames.findings import Finding
from core.frames.functionals import MIXED

Array = NDArray[np.float64]

_FEWEST = 12
"""Rows below which nothing is said."""

_CLEAR = 3.0
"""How many times nearer another scale must be than the stated one."""

BY_NETWORK, BY_COMPOSITION = 0.35, 0.6
"""eV/atom by which energies miss the right scale, at most, in the median: of DFT's energies of
1,324 materials composition alone misses 0.37."""

_CONSTANT, _ALIKE = 1.0, 8.0
"""eV/atom that a constant is told from, and how many times what it leaves it must be."""

_DIVERSE = 5
"""Independent compositions below which a constant may as well be the references of elements."""

_AS_WRITTEN = "Import total energies, as the code wrote them; the lab subtracts references itself."


def scale_finding(
    fractions: Array, energies: Array, references: Array, functional: str, *, close: float
) -> Finding | None:
    """Report energies on another scale than that of total energies in the stated functional.

    Args:
        fractions: composition fractions, (n, 94).
        energies: energies, less interaction energies where these are known, (n,) eV/atom.
        references: those of total energies in the functional, (94,) eV/atom, NaN where unknown.
        functional: stated functional.
        close: how far energies may lie from the right scale, eV/atom.
    """
    left = energies - energies_by(references, fractions)
    if np.isfinite(left).sum() < _FEWEST:
        return None
    stated = float(np.nanmedian(np.abs(left)))
    if stated < close:
        return None
    misses = {}
    for name, others in _scales(references, functional).items():
        missed = energies - energies_by(others, fractions)
        if np.isfinite(missed).sum() >= _FEWEST:
            misses[name] = float(np.nanmedian(np.abs(missed)))
    best = min(misses, key=misses.__getitem__)
    if misses[best] > min(close, stated / _CLEAR):
        is_told = are_like_embedded(functional) and _are_diverse(fractions)
        return _constant(left, functional, close) if is_told else None
    is_total = best.startswith("total")
    return Finding(
        kind="functional" if is_total else "energy_reference",
        severity="warning" if is_total else "error",
        message=f"The energies lie {stated:.2f} eV/atom from total energies in {functional}, but "
        f"{misses[best]:.2f} eV/atom from {best}.",
        remedy="Import the data set again with that --functional." if is_total else _AS_WRITTEN,
        cost=1000 * stated,
    )


def _scales(references: Array, functional: str) -> dict[str, Array]:
    """Return the references of scales that labels are often mistaken for, (94,) by name."""
    near = embedded_functional(functional)
    other = MIXED if near == "r2SCAN" else "r2SCAN"
    shift = expected_references(other) - expected_references(near)
    return {
        "energies that an AtomRef was subtracted from": np.zeros(94),
        "formation energies": references - pure_energies("crystal", near),
        "atomization energies": references - pure_energies("atom", near),
        f"total energies in {other}": references + shift,
    }


def _are_diverse(fractions: Array) -> bool:
    """Return whether a constant is told from references of elements."""
    return int(np.linalg.matrix_rank(np.unique(fractions, axis=0))) >= _DIVERSE


def _constant(left: Array, functional: str, close: float) -> Finding | None:
    """Report energies that all lie one constant from those expected."""
    constant = float(np.nanmedian(left))
    # Where most are oxides, the oxygen alone would do for half of them.
    spread = float(np.nanpercentile(np.abs(left - constant), 80))
    if abs(constant) < _CONSTANT or spread > min(2 * close, abs(constant) / _ALIKE):
        return None
    return Finding(
        kind="energy_reference",
        severity="warning",
        message=f"The energies lie {constant:+.2f} eV/atom from total energies in {functional}, "
        f"and {spread:.2f} eV/atom beside that constant: it was probably added, as where the mean "
        "is subtracted.",
        remedy=_AS_WRITTEN,
        cost=1000 * abs(constant),
    )


def standardized_finding(energies: Array) -> Finding | None:
    """Report energies of mean 0 and standard deviation 1, which are no energies any more.

    Args:
        energies: (n,), NaN where missing.
    """
    energies = energies[np.isfinite(energies)]
    if len(energies) < _FEWEST:
        return None
    mean, deviation = float(energies.mean()), float(energies.std())
    if abs(mean) > 0.02 or abs(deviation - 1) > 0.02:
        return None
    return Finding(
        kind="energy_reference",
        severity="error",
        message=f"The energies have the mean {mean:.3f} and the standard deviation "
        f"{deviation:.3f}: they were standardized.",
        remedy=_AS_WRITTEN,
    )
