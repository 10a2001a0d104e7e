"""Units and signs of energies without structures, seen beside those of the elements' crystals.

Energies of formation are small beside total energies, so in VASP's pseudopotentials a compound has
nearly the energy of its elements' crystals: a factor that all materials share is another unit.
"""

from dataclasses import replace

import numpy as np

from core.elements import INDEX, N_ELEMENTS, amounts_from_formulas
from core.frames.findings import Finding
from core.frames.pairs import PairSet
from core.frames.registry import open_dataset
from core.frames.schema import EnergyColumn
from core.frames.store import FrameSet
from core.reference.fits.facts import family_facts
from core.transfer.label_slopes import ratio_finding

_MOST = 600
"""Rows that are compared."""

_FEWEST = 8
"""Rows below which nothing is concluded."""


def crystal_energies(functional: str) -> np.ndarray:
    """Return the energies of the elements' crystals in r2SCAN or PBE, whichever is nearer.

    Args:
        functional: such as "r2SCAN" or "GGA/GGA+U".

    Returns:
        (94,) eV/atom, NaN where unknown.
    """
    table = family_facts("mp")
    name = "e_crystal_r2scan" if "scan" in functional.lower() else "e_crystal_pbe"
    crystals = np.full(N_ELEMENTS, np.nan)
    crystals[[INDEX[symbol] for symbol in table.index]] = table[name]
    return crystals


def unit_findings(data: PairSet) -> list[tuple[EnergyColumn, Finding]]:
    """Return what is wrong with the units of energies, with their column."""
    rows = np.arange(min(len(data), _MOST))
    fractions = data.fractions()[rows]
    formulas = data.table()["formula"].to_numpy()[rows]
    atoms = amounts_from_formulas(formulas).sum(axis=1)
    found = []
    for column in data.card.energies:
        crystals = crystal_energies(column.functional)
        known = ~(fractions[:, np.isnan(crystals)] > 0).any(axis=1)
        expected = np.where(known, fractions @ np.nan_to_num(crystals), np.nan)
        energies = data.energy(column.column)[rows]
        if (known & np.isfinite(energies)).sum() < _FEWEST:
            continue
        finding = ratio_finding(
            fractions, atoms, energies, expected, beside="those of the elements' crystals"
        )
        # What totals belong to is told by `core.frames.extent`.
        if finding is not None and "/cell" not in finding.remedy:
            found.append((column, finding))
    return found


def imported_units(name: str) -> list[Finding]:
    """Return the findings of `unit_findings` for pairs or energies just imported, by name."""
    data = open_dataset(name)
    return (
        []
        if isinstance(data, FrameSet)
        else [
            replace(finding, message=f"{column.column} ({column.functional}): {finding.message}")
            for column, finding in unit_findings(data)
        ]
    )
