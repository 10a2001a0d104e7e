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
    whole = are_like_embedded(functional) and whole_finding(energies, expected, fractions, sizes)
    return whole or _part_finding(energies, expected, fractions, sizes, names, functional)


def _part_finding(
    energies: np.ndarray,
    expected: np.ndarray,
    fractions: np.ndarray,
    sizes: Sizes,
    names: np.ndarray,
    functional: str,
) -> Finding | None:
    if not are_like_embedded(functional):
        return order_finding(energies, expected) or unit_mixture_finding(
            energies, expected, fractions, sizes, names
        )
    other = MIXED if embedded_functional(functional) == "r2SCAN" else "r2SCAN"
    both = {functional: expected, other: expected_energies(fractions, other)}
    return (
        order_finding(energies, expected)
        or functional_mixture_finding(energies, both, fractions, names)
        or unit_mixture_finding(energies, expected, fractions, sizes, names)
        or _outliers(energies - expected, names)
    )


def _table_finding(
    energies: np.ndarray,
    fractions: np.ndarray,
    sizes: Sizes,
    names: np.ndarray,
    functional: str,
) -> Finding | None:
    """Return what `row_finding` says, or that energies count from elsewhere or are totals."""
    expected = expected_energies(fractions, functional)
    return (
        standardized_finding(energies)
        or _scale_finding(energies, expected, fractions, sizes, functional)
        or _extent_finding(energies, fractions, sizes)
        or _part_finding(energies, expected, fractions, sizes, names, functional)
        or _far(energies - expected, functional)
    )


def _scale_finding(
    energies: np.ndarray,
    expected: np.ndarray,
    fractions: np.ndarray,
    sizes: Sizes,
    functional: str,
) -> Finding | None:
    """Return what all energies share: a unit, or where they count from if that is known."""
    if are_like_embedded(functional):
        references = expected_references(functional)
        return whole_finding(energies, expected, fractions, sizes) or scale_finding(
            fractions, energies, references, functional, close=BY_COMPOSITION
        )
    # A ratio to less, as of noble gases, says nothing.
    expected = np.where(expected > -_SMALL, np.nan, expected)[:_MOST]
    if np.isfinite(energies[:_MOST] + expected).sum() < _FEWEST:
        return None
    finding = ratio_finding(
        fractions[:_MOST],
        sizes["f.u."][:_MOST],
        energies[:_MOST],
        expected,
        beside="what composition lets expect",
    )
    # What totals belong to is told by `core.frames.extent`.
    return None if finding is None or "/cell" in finding.remedy else finding


def _extent_finding(energies: np.ndarray, fractions: np.ndarray, sizes: Sizes) -> Finding | None:
    rows = np.flatnonzero(np.isfinite(energies))
    rows = rows[:: 1 + len(rows) // _SAMPLED]
    counts = np.rint(fractions[rows] * sizes["f.u."][rows, None]).astype(int)
    return extent_finding(counts, energies[rows], of_formulas=True, divided=True)


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
    return _table_finding(energies, fractions, sizes_of(formulas), names[rows], functional)


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
    table, sizes = data.table(), _sizes(data)
    formulas, names = table["formula"].to_numpy(), table["material_id"].to_numpy()
    for one in data.card.energies:
        energies = data.energy(one.column)
        known = kept[one.column] = np.isfinite(energies)
        filled = placeholder_finding(energies, formulas, np.flatnonzero(known))
        if filled is not None:
            findings.append(of_column(one, filled))
            known[list(filled.rows)] = False
        left = np.where(known, energies, np.nan)
        wrong = _table_finding(left, data.fractions(), sizes, names, one.functional)
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
    return [] if isinstance(data, FrameSet) else column_findings(data)[1]


def of_column(column: EnergyColumn, finding: Finding) -> Finding:
    """Return a finding that names its column."""
    return replace(finding, message=f"{column.column} ({column.functional}): {finding.message}")
