"""Formation energies: total energy less that of the elements, E_f = E − x·μ, in eV/atom.

The elements' energies μ of a functional come from one place for all elements of a calculation,
because calculations with other pseudopotentials or settings lie on other scales. An element that
the place does not know has no formation energies; nothing is filled in.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from core.elements import INDEX, N_ELEMENTS, SYMBOLS
from core.errors import LabError
from core.reference.fits.element_table import element_energies, read_element_table
from core.reference.fits.facts import family_facts
from core.reference.shifts.pairs import PairedEnergies

Kind = Literal["mp", "own", "table"]
"""Embedded facts of Materials Project, the data set's own elements, or a table of the user."""

Named = Literal["mp", "own"]
"""References that need no file."""

KINDS: dict[Named, str] = {
    "mp": "Materials Project's elements (DFT)",
    "own": "the data set's own elements",
}
"""The same in words."""

_EMBEDDED = {"gga/gga+u": "pbe", "gga": "pbe", "pbe": "pbe", "r2scan": "r2scan"}


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class ElementReferences:
    """Energies of the pure elements in one functional, all from one place.

    Attributes:
        kind: Which place.
        functional: Level of theory.
        energies: (94,) eV/atom, NaN where unknown.
        origin: The place in words.
    """

    kind: Kind
    functional: str
    energies: np.ndarray
    origin: str

    @property
    def known(self) -> np.ndarray:
        """Which elements have a reference, (94,) booleans."""
        return np.isfinite(self.energies)


def embedded_references(functional: str) -> ElementReferences:
    """Return Materials Project's elemental references of a functional.

    One PBE energy serves GGA, GGA+U and their MP2020-corrected mixture: pure elements are computed
    without U and carry no correction (Wang et al. 2021, doi:10.1038/s41598-021-94550-5).

    Raises:
        LabError: A functional whose elements are not embedded.
    """
    column = _EMBEDDED.get(functional.strip().lower())
    if column is None:
        raise LabError(
            f"the elements' energies in {functional} are not embedded (GGA/GGA+U, PBE and r2SCAN "
            "are); take the data set's own elements or give a table."
        )
    known = family_facts("mp")[f"e_crystal_{column}"]
    energies = np.full(N_ELEMENTS, np.nan)
    energies[[INDEX[symbol] for symbol in known.index]] = known
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
    """Take the lowest energy per atom among a data set's rows of each pure element.

    Args:
        fractions: Composition fractions (n, 94).
        energies: Total energies (n,), eV/atom; rows without a finite one do not count.
        functional: Their level of theory.
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
    table: Path | pd.DataFrame, functional: str, *, only: bool = True, name: str = "the table"
) -> ElementReferences:
    """Read elemental references that a user gives.

    Args:
        table: A CSV file or its content: columns symbol and energy (eV/atom), one row an element;
            with a column functional it may hold several functionals.
        functional: Whose energies to take. Without a column functional, all rows are its.
        only: Whether no other functional is asked of the same table. If another is, a column
            functional must tell them apart.
        name: What to call content in an error; a file has its own name.

    Raises:
        LabError: An unreadable file, a missing column, or a row that is no element's energy.
    """
    if isinstance(table, Path):
        name, rows, file = str(table), read_element_table(table), table.name
    else:
        rows, file = table.astype(str).rename(columns=str.lower), "given"
    energies = np.full(N_ELEMENTS, np.nan)
    known = element_energies(rows, functional, only=only, name=name)
    energies[[INDEX[symbol] for symbol in known]] = list(known.values())
    return ElementReferences(
        kind="table", functional=functional, energies=energies, origin=f"table {file}"
    )


def formation_energies(
    fractions: np.ndarray, energies: np.ndarray, references: ElementReferences
) -> np.ndarray:
    """Return formation energies (n,), eV/atom; NaN where an element's reference is missing.

    Args:
        fractions: Composition fractions x (n, 94).
        energies: Total energies E (n,), eV/atom.
        references: μ, in the functional of the energies.
    """
    elements = np.nan_to_num(references.energies)
    unknown = (fractions[:, ~references.known] > 0).any(axis=1)
    return np.where(unknown, np.nan, energies - fractions @ elements)


def missing(fractions: np.ndarray, *references: ElementReferences) -> list[str]:
    """Name the elements that occur in compositions (n, 94) but lack a reference in any of some."""
    known = np.all([one.known for one in references], axis=0)
    return [SYMBOLS[i] for i in np.flatnonzero((fractions > 0).any(axis=0) & ~known)]


def paired_references(
    pairs: PairedEnergies, source: str | pd.DataFrame
) -> tuple[ElementReferences, ElementReferences]:
    """Return the elements' energies in the source and in the target functional of some pairs.

    Args:
        pairs: Whose elements, and whose own energies for "own".
        source: "mp", "own", or a table or its path as `references_from_table` reads it.

    Raises:
        LabError: The functionals are not embedded, or the table cannot be read.
    """
    first, second = pairs.source_functional, pairs.target_functional
    only = first.casefold() == second.casefold()
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
        fractions: Composition fractions (n, 94), for "own".
        energies: Total energies (n,), eV/atom, for "own".
        functional: Their level of theory.
        only: Whether no other functional is asked of the same table.

    Raises:
        LabError: The functional is not embedded, or the table cannot be read.
    """
    if isinstance(source, pd.DataFrame):
        return references_from_table(source, functional, only=only)
    if source == "mp":
        return embedded_references(functional)
    if source == "own":
        return own_references(fractions, energies, functional)
    return references_from_table(Path(source), functional, only=only)
