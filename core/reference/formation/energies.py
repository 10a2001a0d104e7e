"""Formation energies: total energy less that of the elements, E_f = E − x·μ, in eV/atom.

The elements' energies μ of a functional come from one source for all elements, because calculations
with other pseudopotentials or settings lie on other scales. Materials with an element that the
source lacks have no formation energy; gaps are never filled from elsewhere.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from core.elements import INDEX, N_ELEMENTS, SYMBOLS
from core.errors import LabError
from core.frames.functionals import MIXED, canonical_functional, same_functional
from core.reference.fits.element_table import element_energies, read_element_table
from core.reference.fits.facts import family_facts
from core.reference.shifts.pairs import PairedEnergies

Kind = Literal["mp", "own", "table"]
"""Embedded facts of Materials Project, the data set's own elements, or a user's table."""

Named = Literal["mp", "own"]
"""References that need no file."""

KINDS: dict[Named, str] = {
    "mp": "Materials Project's elements (DFT)",
    "own": "the data set's own elements",
}
"""Labels of the references that need no file."""

_EMBEDDED = {
    MIXED: "pbe",
    "GGA": "pbe",
    "GGA+U": "pbe",
    "PBE": "pbe",
    "r2SCAN": "r2scan",
}


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class ElementReferences:
    """Energies of the pure elements in one functional, all from one source.

    Attributes:
        kind: the source.
        functional: level of theory.
        energies: (94,) eV/atom, NaN where unknown.
        origin: the source in words.
    """

    kind: Kind
    functional: str
    energies: np.ndarray
    origin: str

    @property
    def available(self) -> np.ndarray:
        """Whether each element has a reference, (94,)."""
        return np.asarray(np.isfinite(self.energies))


def embedded_references(functional: str) -> ElementReferences:
    """Return Materials Project's elemental references of a functional.

    One PBE energy serves GGA, GGA+U and their MP2020-corrected mixture: pure elements are computed
    without U and carry no correction (Wang et al. 2021, doi:10.1038/s41598-021-94550-5).

    Raises:
        LabError: if the functional's elements are not embedded.
    """
    column = _EMBEDDED.get(canonical_functional(functional))
    if column is None:
        raise LabError(
            f"the elements' energies in {functional} are not embedded (GGA/GGA+U, PBE and r2SCAN "
            "are); take the data set's own elements or give a table."
        )
    crystals = family_facts("mp")[f"e_crystal_{column}"]
    energies = np.full(N_ELEMENTS, np.nan)
    energies[[INDEX[symbol] for symbol in crystals.index]] = crystals
    name = {"pbe": "PBE", "r2scan": "r2SCAN"}[column]
    return ElementReferences(
        kind="mp",
        functional=functional,
        energies=energies,
        origin=f"Materials Project's elements in {name}, embedded (data/elements)",
    )


def own_references(
    fractions: np.ndarray, energies: np.ndarray, functional: str
) -> ElementReferences:
    """Return the lowest energy per atom of each pure element in a data set.

    Args:
        fractions: composition fractions (n, 94).
        energies: total energies (n,), eV/atom; rows without a finite one do not count.
        functional: level of theory of the energies.
    """
    pure = np.flatnonzero((np.count_nonzero(fractions, axis=1) == 1) & np.isfinite(energies))
    lowest = np.full(N_ELEMENTS, np.inf)
    np.minimum.at(lowest, fractions[pure].argmax(axis=1), energies[pure])
    lowest[np.isinf(lowest)] = np.nan
    return ElementReferences(
        kind="own",
        functional=functional,
        energies=lowest,
        origin="lowest energy among the data set's own rows of the pure element",
    )


def references_from_table(
    table: Path | pd.DataFrame, functional: str, *, only: bool = True
) -> ElementReferences:
    """Read elemental references from a user's table.

    Args:
        table: a CSV file or its content: columns symbol and energy (eV/atom), one row per element;
            with a column functional it may hold several functionals.
        functional: the functional whose energies to take; that of all rows without such a column.
        only: whether the table is used for this functional alone. Otherwise it needs a column
            functional.

    Raises:
        LabError: if the file cannot be read, a column is missing, or a row is not an element's
            energy.
    """
    if isinstance(table, Path):
        name, rows, origin = str(table), read_element_table(table), f"table {table.name}"
    else:
        name, rows, origin = "the table", table.astype(str).rename(columns=str.lower), "table given"
    by_symbol = element_energies(rows, functional, only=only, name=name)
    energies = np.full(N_ELEMENTS, np.nan)
    energies[[INDEX[symbol] for symbol in by_symbol]] = list(by_symbol.values())
    return ElementReferences(kind="table", functional=functional, energies=energies, origin=origin)


def formation_energies(
    fractions: np.ndarray, energies: np.ndarray, references: ElementReferences
) -> np.ndarray:
    """Return formation energies (n,), eV/atom; NaN where an element's reference is missing.

    Args:
        fractions: composition fractions x (n, 94).
        energies: total energies E (n,), eV/atom.
        references: μ, in the functional of the energies.
    """
    elements = np.nan_to_num(references.energies)
    is_missing = (fractions[:, ~references.available] > 0).any(axis=1)
    return np.where(is_missing, np.nan, energies - fractions @ elements)


def missing(fractions: np.ndarray, *references: ElementReferences) -> list[str]:
    """Return the elements that occur in compositions (n, 94) but lack one of the references."""
    available = np.all([elements.available for elements in references], axis=0)
    return [SYMBOLS[i] for i in np.flatnonzero((fractions > 0).any(axis=0) & ~available)]


def paired_references(
    pairs: PairedEnergies, source: str | pd.DataFrame
) -> tuple[ElementReferences, ElementReferences]:
    """Return the elements' energies in the source and in the target functional of pairs.

    Args:
        pairs: the pairs; their energies are used for "own".
        source: "mp", "own", or a table or its path as `references_from_table` reads it.

    Raises:
        LabError: if the functionals are not embedded, or the table cannot be read.
    """
    first, second = pairs.source_functional, pairs.target_functional
    only = same_functional(first, second)
    return (
        references_of(source, pairs.fractions, pairs.source, first, only=only),
        references_of(source, pairs.fractions, pairs.target, second, only=only),
    )


def references_of(
    source: str | pd.DataFrame,
    fractions: np.ndarray,
    energies: np.ndarray,
    functional: str,
    *,
    only: bool = True,
) -> ElementReferences:
    """Return the elements' energies in one functional.

    Args:
        source: "mp", "own", or a table or its path as `references_from_table` reads it.
        fractions: composition fractions (n, 94), for "own".
        energies: total energies (n,), eV/atom, for "own".
        functional: level of theory of the energies.
        only: whether a table is used for this functional alone.

    Raises:
        LabError: if the functional is not embedded, or the table cannot be read.
    """
    if isinstance(source, pd.DataFrame):
        return references_from_table(source, functional, only=only)
    if source == "mp":
        return embedded_references(functional)
    if source == "own":
        return own_references(fractions, energies, functional)
    return references_from_table(Path(source), functional, only=only)
