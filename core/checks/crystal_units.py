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


def unit_finding(
    fractions: np.ndarray, formulas: np.ndarray, energies: np.ndarray, functional: str
) -> Finding | None:
    """Return what is wrong with the unit of energies; None if nothing is seen.

    Args:
        fractions: composition fractions (n, 94); of many rows the first are compared.
        formulas: (n,) strings.
        energies: (n,) eV/atom, if all is well.
        functional: such as "r2SCAN" or "GGA/GGA+U".
    """
    fractions, energies = fractions[:_MOST], energies[:_MOST]
    crystals = crystal_energies(functional)
    known = ~(fractions[:, np.isnan(crystals)] > 0).any(axis=1)
    if (known & np.isfinite(energies)).sum() < _FEWEST:
        return None
    finding = ratio_finding(
        fractions,
        amounts_from_formulas(formulas[:_MOST]).sum(axis=1),
        energies,
        np.where(known, fractions @ np.nan_to_num(crystals), np.nan),
        beside="those of the elements' crystals",
    )
    # What totals belong to is told by `core.frames.extent`.
    return None if finding is None or "/cell" in finding.remedy else finding


def unit_findings(data: PairSet) -> list[tuple[EnergyColumn, Finding]]:
    """Return what is wrong with the units of energies, with their column."""
    fractions, formulas = data.fractions(), data.table()["formula"].to_numpy()
    found = (
        (column, unit_finding(fractions, formulas, data.energy(column.column), column.functional))
        for column in data.card.energies
    )
    return [(column, finding) for column, finding in found if finding is not None]


def imported_units(name: str) -> list[Finding]:
    """Return the findings of `unit_findings` for pairs or energies just imported, by name."""
    data = open_dataset(name)
    return [
        replace(finding, message=f"{column.column} ({column.functional}): {finding.message}")
        for column, finding in ([] if isinstance(data, FrameSet) else unit_findings(data))
    ]
