"""Energies beside what composition lets expect, seen without a network or structures.

In one set of pseudopotentials total energies are those of an AtomRef within tens of percent. So a
factor that all materials share is another unit, one that a part of them shares another source, and
the expected energies in another order belong to other rows.
"""

from dataclasses import replace

import numpy as np

from core.checks.expected import (
    are_like_embedded,
    embedded_functional,
    expected_energies,
    expected_references,
)
from core.checks.numbers import placeholder_finding
from core.checks.other_scales import BY_COMPOSITION, scale_finding, standardized_finding
from core.checks.readings import Sizes, sizes_of, whole_finding
from core.checks.two_sources import (
    functional_mixture_finding,
    named_rows,
    unit_mixture_finding,
)
from core.elements import amounts_from_formulas
from core.frames.extent import extent_finding
from core.frames.findings import Finding
from core.frames.functionals import MIXED
from core.frames.pairs import PairSet
from core.frames.registry import open_dataset
from core.frames.schema import EnergyColumn
from core.frames.store import FrameSet
from core.reference.fits.energy_scatter import order_finding
from core.transfer.label_slopes import ratio_finding

_NEARLY_ALL = 0.9
"""Share of the energies from which all are said to count from another zero."""

_OF_ROWS = {"unit_mixture", "energy_outliers"}
"""Findings of energies that name the rows which are wrong."""

_MOST = 600
"""Rows whose unit is compared."""

_SAMPLED = 3000
"""Rows of a sample."""

_FEWEST, _SMALL = 8, 1.0
"""Rows, and size of expected energies in eV/atom, below which nothing is concluded."""

_WRONG, _LEAST, _FEW = 8.0, 20, 0.05
"""eV/atom from which a single energy is wrong, rows below which none is, and share of them that are
single ones. The embedded energies lie within 5.5 eV/atom, DFT's of 1,324 materials within 3."""


def unit_finding(
    fractions: np.ndarray, formulas: np.ndarray, energies: np.ndarray, functional: str
) -> Finding | None:
    """Return what is wrong with the unit of energies in a functional of which little is known.

    Args:
        fractions: composition fractions (n, 94); of many rows the first are compared.
        formulas: (n,) strings.
        energies: (n,) eV/atom, if all is well.
        functional: such as "r2SCAN" or "GGA/GGA+U".
    """
    if are_like_embedded(functional):
        return None
    fractions, energies = fractions[:_MOST], energies[:_MOST]
    expected = expected_energies(fractions, functional)
    # A ratio to less, as of noble gases, says nothing.
    expected = np.where(expected > -_SMALL, np.nan, expected)
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
    sizes: Sizes,
    names: np.ndarray,
    functional: str,
) -> Finding | None:
    """Return which energies are in another unit, those of other rows, of another source, or wrong.

    Args:
        energies: (n,) eV/atom, NaN where missing.
        fractions: composition fractions, (n, 94).
        sizes: numbers of atoms.
        names: of the rows, (n,).
        functional: such as "r2SCAN" or "GGA/GGA+U".
    """
    expected = expected_energies(fractions, functional)
    is_known = are_like_embedded(functional)
    found = order_finding(energies, expected)
    if found is None and is_known:
        found = whole_finding(energies, expected, fractions, sizes)
    if found is None and is_known:
        other = MIXED if embedded_functional(functional) == "r2SCAN" else "r2SCAN"
        both = {functional: expected, other: expected_energies(fractions, other)}
        found = functional_mixture_finding(energies, both, fractions, names)
    found = found or unit_mixture_finding(energies, expected, fractions, sizes, names)
    if found is None and is_known:
        found = _outliers(energies - expected, names)
    return found


def _of_table(
    energies: np.ndarray,
    fractions: np.ndarray,
    sizes: Sizes,
    names: np.ndarray,
    functional: str,
) -> Finding | None:
    """Return what `row_finding` says, or that energies count from elsewhere."""
    is_known = are_like_embedded(functional)
    expected = expected_energies(fractions, functional)
    found = standardized_finding(energies)
    if found is None and is_known:
        found = whole_finding(energies, expected, fractions, sizes) or scale_finding(
            fractions,
            energies,
            expected_references(functional),
            functional,
            close=BY_COMPOSITION,
        )
    if found is not None:
        return found
    rows = np.flatnonzero(np.isfinite(energies))
    rows = rows[:: 1 + len(rows) // _SAMPLED]
    counts = np.rint(fractions[rows] * sizes["f.u."][rows, None]).astype(int)
    return (
        extent_finding(counts, energies[rows], of_formulas=True, divided=True)
        or row_finding(energies, fractions, sizes, names, functional)
        or _far(energies - expected, functional)
    )


def _far(off: np.ndarray, functional: str) -> Finding | None:
    """Report energies of which many are none that composition lets expect."""
    size = np.abs(off[np.isfinite(off)])
    n = int(np.count_nonzero(size > _WRONG))
    if not are_like_embedded(functional) or len(size) < _LEAST or n <= _FEW * len(size):
        return None
    seen = (
        f"{n:,} of {len(size):,} energies lie more than {_WRONG:g} eV/atom from what composition "
        f"lets expect in {functional}"
    )
    if n > _NEARLY_ALL * len(size):
        return Finding(
            kind="energy_zero",
            severity="info",
            message=f"{seen}: they count from another zero, as those of all-electron codes or "
            "other pseudopotentials do.",
            remedy="AtomRef takes this up where the data determine it.",
        )
    return Finding(
        kind="energy_mixture",
        severity="warning",
        message=f"{seen}, the others do not: functionals, codes, sets of pseudopotentials or units "
        "are probably mixed.",
        remedy="Import each as a data set of its own.",
    )


def _outliers(off: np.ndarray, names: np.ndarray) -> Finding | None:
    """Report single energies that no composition of one functional lets expect."""
    size = np.abs(off)
    known = np.isfinite(size)
    rows = np.flatnonzero(size > _WRONG)
    n_known = int(known.sum())
    if not len(rows) or n_known < _LEAST or len(rows) > max(1.0, _FEW * n_known):
        return None
    worst = rows[np.argsort(-size[rows], kind="stable")]
    return Finding(
        kind="energy_outliers",
        severity="warning",
        message=f"{len(rows):,} of {n_known:,} energies lie more than {_WRONG:g} eV/atom from what "
        f"composition lets expect ({named_rows(names, worst)}).",
        remedy="Leave these frames out unless they are meant to be so.",
        rows=rows.tolist(),
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
    return _of_table(energies, fractions, sizes_of(formulas), names[rows], functional)


def _column_finding(data: PairSet, column: EnergyColumn, energies: np.ndarray) -> Finding | None:
    """Return what is wrong with energies of a column, (n,) eV/atom, NaN if left out."""
    table = data.table()
    names = table["material_id"].to_numpy()
    return _of_table(energies, data.fractions(), _sizes(data), names, column.functional)


def _sizes(data: PairSet) -> Sizes:
    """Return numbers of atoms: of cells, where structures or a column of the table have them."""
    table = data.table()
    sizes = sizes_of(table["formula"].to_numpy())
    stored = [table[name].to_numpy() for name in table.select_dtypes("number").columns]
    for numbers in (data.n_atoms(), *stored):
        # No other number is a multiple of the formula's atoms in every row.
        if (numbers > 0).all() and not (numbers % sizes["f.u."]).any():
            return {"cell": numbers.astype(np.int64), **sizes}
    return sizes


def column_findings(data: PairSet) -> tuple[dict[str, np.ndarray], list[Finding]]:
    """Look for placeholders, and for what composition tells of each column.

    Returns:
        Which energies of each column can be compared further, (n,) booleans by its name, and the
        findings.
    """
    kept: dict[str, np.ndarray] = {}
    findings = []
    formulas = data.table()["formula"].to_numpy()
    for one in data.card.energies:
        energies = data.energy(one.column)
        known = kept[one.column] = np.isfinite(energies)
        filled = placeholder_finding(energies, formulas, np.flatnonzero(known))
        if filled is not None:
            findings.append(of_column(one, filled))
            known[list(filled.rows)] = False
        wrong = _column_finding(data, one, np.where(known, energies, np.nan))
        if wrong is not None:
            findings.append(of_column(one, wrong))
            if wrong.kind in _OF_ROWS:
                known[list(wrong.rows)] = False
            elif wrong.severity != "info":
                known[:] = False
    return kept, findings


def table_findings(name: str) -> list[Finding]:
    """Return the findings of pairs or energies just imported, by the name of the data set."""
    data = open_dataset(name)
    if isinstance(data, FrameSet):
        return []
    units = [of_column(*one) for one in unit_findings(data)]
    return units or column_findings(data)[1]


def of_column(column: EnergyColumn, finding: Finding) -> Finding:
    """Return a finding that names its column."""
    return replace(finding, message=f"{column.column} ({column.functional}): {finding.message}")
