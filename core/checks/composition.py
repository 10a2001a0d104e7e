"""Energies beside what composition lets expect, seen without a network or structures.

In one set of pseudopotentials total energies are those of an AtomRef within tens of percent. So a
factor that all materials share is another unit, one that a part of them shares another source, and
the expected energies in another order belong to other rows.
"""

from dataclasses import replace
from functools import cache

import numpy as np

from core.checks.unit_mixtures import unit_mixture_finding
from core.elements import INDEX, N_ELEMENTS, amounts_from_formulas
from core.frames.findings import Finding
from core.frames.pairs import PairSet
from core.frames.registry import open_dataset
from core.frames.schema import EnergyColumn
from core.frames.store import FrameSet
from core.reference.fits.energy_scatter import order_finding
from core.reference.fits.facts import family_facts
from core.transfer.label_slopes import ratio_finding

_MOST = 600
"""Rows whose unit is compared."""

_SAMPLED = 3000
"""Rows of a sample."""

_FEWEST = 8
"""Rows below which nothing is concluded."""

_PULL = 0.05
"""Pull of expected references toward the elements' crystals."""


@cache
def expected_references(functional: str) -> np.ndarray:
    """Return an AtomRef of the embedded energies in r2SCAN or GGA/GGA+U, whichever is nearer.

    Args:
        functional: such as "r2SCAN" or "GGA/GGA+U".

    Returns:
        (94,) eV/atom, NaN for elements of which nothing is known.
    """
    scan = "r2scan" if "scan" in functional.lower() else "pbe"
    column = {"r2scan": "energy_r2scan_chgnet", "pbe": "energy_gga_chgnet"}[scan]
    table = family_facts("mp")
    crystals = np.full(N_ELEMENTS, np.nan)
    crystals[[INDEX[symbol] for symbol in table.index]] = table[f"e_crystal_{scan}"]
    data: PairSet = open_dataset("mp-structures")  # type: ignore[assignment]
    X, energies = data.fractions(), data.energy(column)
    left = energies - X @ np.nan_to_num(crystals)
    pull = _PULL * np.eye(N_ELEMENTS)
    references = np.nan_to_num(crystals) + np.linalg.solve(X.T @ X + pull, X.T @ left)
    return np.where(np.isnan(crystals) & ~X.any(axis=0), np.nan, references)


def expected_energies(fractions: np.ndarray, functional: str) -> np.ndarray:
    """Return what composition lets expect, (n,) eV/atom, NaN where an element is unknown.

    Args:
        fractions: composition fractions, (n, 94).
        functional: such as "r2SCAN" or "GGA/GGA+U".
    """
    references = expected_references(functional)
    unknown = (fractions[:, np.isnan(references)] > 0).any(axis=1)
    return np.where(unknown, np.nan, fractions @ np.nan_to_num(references))


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
    expected = expected_energies(fractions, functional)
    if np.isfinite(energies + expected).sum() < _FEWEST:
        return None
    finding = ratio_finding(
        fractions,
        amounts_from_formulas(formulas[:_MOST]).sum(axis=1),
        energies,
        expected,
        beside="what composition lets expect",
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


def row_finding(
    energies: np.ndarray,
    fractions: np.ndarray,
    n_atoms: np.ndarray,
    names: np.ndarray,
    functional: str,
    *,
    of_formulas: bool = False,
) -> Finding | None:
    """Return whether energies are those of other rows, or a part of them in another unit.

    Args:
        energies: (n,) eV/atom, NaN where missing.
        fractions: composition fractions, (n, 94).
        n_atoms: atoms in the cell, or in the formula, (n,).
        names: of the rows, (n,).
        functional: such as "r2SCAN" or "GGA/GGA+U".
        of_formulas: whether the numbers are those of formulas.
    """
    expected = expected_energies(fractions, functional)
    return order_finding(energies, expected) or unit_mixture_finding(
        energies, expected, fractions, n_atoms, names, of_formulas=of_formulas
    )


def sampled_finding(
    fractions: np.ndarray,
    formulas: np.ndarray,
    energies: np.ndarray,
    names: np.ndarray,
    functional: str,
) -> Finding | None:
    """Return what is wrong with the unit or the order of energies, by a sample of them.

    Args:
        fractions: composition fractions, (n, 94).
        formulas: (n,) strings.
        energies: (n,) eV/atom, if all is well.
        names: of the rows, (n,).
        functional: such as "r2SCAN" or "GGA/GGA+U".
    """
    rows = np.linspace(0, len(energies) - 1, min(_SAMPLED, len(energies))).astype(int)
    fractions, formulas, energies = fractions[rows], formulas[rows], energies[rows]
    found = unit_finding(fractions, formulas, energies, functional)
    if found is not None:
        return found
    n_atoms = _atoms(formulas)
    return row_finding(energies, fractions, n_atoms, names[rows], functional, of_formulas=True)


def _atoms(formulas: np.ndarray) -> np.ndarray:
    return np.asarray(np.rint(amounts_from_formulas(formulas).sum(axis=1)), np.int64)


def column_finding(data: PairSet, column: EnergyColumn, energies: np.ndarray) -> Finding | None:
    """Return what `row_finding` says of energies of a column, (n,) eV/atom, NaN if left out."""
    table = data.table()
    return row_finding(
        energies,
        data.fractions(),
        _atoms(table["formula"].to_numpy()),
        table["material_id"].to_numpy(),
        column.functional,
        of_formulas=True,
    )


def table_findings(name: str) -> list[Finding]:
    """Return the findings of pairs or energies just imported, by the name of the data set."""
    data = open_dataset(name)
    if isinstance(data, FrameSet):
        return []
    found = unit_findings(data)
    for one in [] if found else data.card.energies:
        if (finding := column_finding(data, one, data.energy(one.column))) is not None:
            found.append((one, finding))
    return [of_column(one, finding) for one, finding in found]


def of_column(column: EnergyColumn, finding: Finding) -> Finding:
    """Return a finding that names its column."""
    return replace(finding, message=f"{column.column} ({column.functional}): {finding.message}")
