"""Structures from table cells: pymatgen dictionaries directly, CIF and POSCAR by pymatgen."""

import math
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from core.elements import (
    ISOTOPES,
    N_ELEMENTS,
    SYMBOLS,
    FormulaError,
    atomic_number,
    formula_of,
    fractions_from_formulas,
)
from core.frames.schema import PERIODIC, Frame
from core.frames.tables.literals import is_python_repr, parse_dict_text
from core.frames.tables.structure_dicts import has_parts, names_parts, parts_of
from core.frames.tables.structure_text import (
    check_text,
    formula_in_cif,
    has_other_symmetry,
    is_cif,
    is_poscar,
)
from core.frames.tables.tabular import CellError

REACH = 6.0
"""Å beyond which CHGNet sees no neighbour, so that it does not notice periodic images."""

_SAME_COMPOSITION = 0.005
"""Largest difference of fractions between a formula, which may be rounded, and a structure."""

# pymatgen's warnings that change nothing in the structure that is read.
_HARMLESS = re.compile(
    "rounded to ideal values|electronegativity|[Ss]kipping relative stoichiometry check|"
    "Spacegroup from|symmetry operations|is deprecated|deprecated|Issues encountered while parsing"
)
_SPECIES = re.compile(r"([A-Z][a-z]?)(?:[0-9.]*[+-])?")
_NUMBERS = {symbol: atomic_number(symbol) for symbol in (*SYMBOLS, *ISOTOPES)}
_PRINTED = re.compile(r"\s*(Full Formula \(|Structure Summary|Structure\(|Atoms\(|Lattice\b)")


class DisorderError(CellError):
    """A structure has partly or not occupied sites, which no frame can hold."""

    def __init__(self) -> None:
        super().__init__("the structure is disordered")


@dataclass(kw_only=True, frozen=True, slots=True)
class Cell:
    """A structure without labels.

    Attributes:
        atomic_numbers: (n,) uint8.
        frac_coords: fractional coordinates, (n, 3).
        lattice: lattice vectors as rows, (3, 3), Å.
        pbc: whether the structure is periodic along each lattice vector.
        notes: what its reader warned of.
    """

    atomic_numbers: np.ndarray
    frac_coords: np.ndarray
    lattice: np.ndarray
    pbc: tuple[bool, bool, bool] = PERIODIC
    notes: tuple[str, ...] = ()

    @property
    def volume(self) -> float:
        """Volume of the cell, Å³."""
        return abs(_determinant(self.lattice))

    @property
    def is_molecule(self) -> bool:
        """Whether no direction is periodic, so that there is no stress."""
        return not any(self.pbc)

    def frame(self, **labels: Any) -> Frame:
        """Return the structure as a frame with these ids and labels."""
        return Frame(
            atomic_numbers=self.atomic_numbers,
            frac_coords=self.frac_coords,
            lattice=self.lattice,
            **labels,
        )


def parse_structure(value: str | Mapping[str, Any]) -> Cell:
    """Read one structure.

    Args:
        value: a dictionary of pymatgen, ASE or jarvis-tools, or text: the dictionary as JSON or as
            Python prints it, CIF or POSCAR.

    Raises:
        CellError: if it is not a structure, is disordered, has no atoms or an element beyond Pu,
            contradicts its own formula, or is not periodic in a direction in which its images are
            within reach.
    """
    if isinstance(value, Mapping):
        cell = cell_from_dict(value)
    elif not isinstance(value, str):
        raise CellError("the structure is neither a dictionary nor text")
    elif value.lstrip().startswith("{"):
        document = parse_dict_text(value, name="structure")
        if not isinstance(document, Mapping):
            raise CellError("the structure is not a dictionary")
        cell = cell_from_dict(document)
    else:
        cell = _from_text(value)
    return check_cell(cell)


def check_cell(cell: Cell) -> Cell:
    """Return a structure as the network sees it.

    Raises:
        CellError: if it has no atoms, no volume or coordinates that are not finite, or is not
            periodic in a direction in which its images are within reach.
    """
    if not len(cell.atomic_numbers):
        raise CellError("the structure has no atoms")
    volume = cell.volume
    if not (is_finite(cell.frac_coords) and math.isfinite(volume)):
        raise CellError("the structure has coordinates that are not finite numbers")
    if volume < 1e-6:
        raise CellError("the structure's cell has no volume")
    return cell if all(cell.pbc) else _seen_as_periodic(cell)


def is_finite(array: np.ndarray) -> bool:
    """Return whether all values are finite."""
    flat = array.ravel()
    # A product that numpy makes in one go; it may overflow.
    with np.errstate(over="ignore", invalid="ignore"):
        square = flat.dot(flat)
    return math.isfinite(square) or bool(np.isfinite(flat).all())


def _determinant(matrix: np.ndarray) -> float:
    """Return the determinant of a (3, 3) matrix, in a tenth of numpy's time."""
    (a, b, c), (d, e, f), (g, h, i) = matrix.tolist()
    return float(a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g))


def in_box(atomic_numbers: np.ndarray, positions: np.ndarray) -> Cell:
    """Return a molecule in a box so large that the network sees none of its images.

    Args:
        atomic_numbers: (n,) integers.
        positions: Cartesian coordinates, (n, 3), Å.

    Raises:
        CellError: if it has no atoms, or coordinates that are not finite.
    """
    if not len(atomic_numbers):
        raise CellError("the structure has no atoms")
    if not np.isfinite(positions).all():
        raise CellError("the structure has coordinates that are not finite numbers")
    low = positions.min(axis=0)
    sides = np.ceil(positions.max(axis=0) - low + 2 * REACH)
    return Cell(
        atomic_numbers=atomic_numbers,
        frac_coords=(positions - low + REACH) / sides,
        lattice=np.diag(sides),
        pbc=(False, False, False),
        notes=(f"a molecule, put into a box with {REACH:g} Å around it",),
    )


def contradiction(formula: str, numbers: np.ndarray) -> str | None:
    """Return how a formula contradicts a structure, None if it does not or cannot be read.

    Args:
        formula: the formula, in any multiple.
        numbers: the structure's atomic numbers, (n,).
    """
    written = formula_of(numbers)
    if formula == written or not _differ(formula, written):
        return None
    return f"the formula is {formula}, but the structure is {written}"


@lru_cache(maxsize=1 << 16)
def _differ(formula: str, written: str) -> bool:
    try:
        fractions = fractions_from_formulas([formula, written])
    except FormulaError:
        return False
    return bool(np.abs(fractions[0] - fractions[1]).max() >= _SAME_COMPOSITION)


def looks_like_structure(value: object) -> bool:
    """Return whether the value of a table cell looks like a structure."""
    if isinstance(value, Mapping):
        return {"lattice", "sites"} <= value.keys() or has_parts(value)
    if not isinstance(value, str):
        return False
    if value.lstrip().startswith("{"):
        quote = "'" if is_python_repr(value) else '"'
        is_pymatgens = f"{quote}lattice{quote}" in value and f"{quote}sites{quote}" in value
        return is_pymatgens or names_parts(value, quote)
    return is_cif(value) or is_poscar(value)


def cell_from_dict(document: Mapping[str, Any]) -> Cell:
    """Read a dictionary of pymatgen, ASE or jarvis-tools, without `check_cell`.

    Raises:
        CellError: if it is not one, is disordered, or has an element beyond Pu.
    """
    if "sites" not in document and has_parts(document):
        return _cell_of_parts(document)
    try:
        lattice = np.array(document["lattice"]["matrix"], dtype=np.float64)
        pbc = tuple(map(bool, document["lattice"].get("pbc") or PERIODIC))
        sites = document["sites"]
        species = [site["species"] for site in sites]
        coords = np.array([site["abc"] for site in sites], dtype=np.float64).reshape(-1, 3)
        numbers = np.array([_number(occupants) for occupants in species], dtype=np.uint8)
    except (KeyError, TypeError, IndexError, AttributeError):
        raise CellError("the structure lacks lattice.matrix or a site's species or abc") from None
    except ValueError:
        raise CellError("the structure's lattice or coordinates are not numbers") from None
    if lattice.shape != (3, 3) or len(coords) != len(numbers) or len(pbc) != 3:
        raise CellError("the structure's lattice or coordinates have the wrong shape")
    return Cell(
        atomic_numbers=numbers,
        frac_coords=coords,
        lattice=lattice,
        pbc=(pbc[0], pbc[1], pbc[2]),
    )


def _cell_of_parts(document: Mapping[str, Any]) -> Cell:
    parts = parts_of(document)
    numbers = numbers_of(parts.species).astype(np.uint8)
    if parts.lattice is None:
        if parts.is_fractional:
            raise CellError("the structure has fractional coordinates and no lattice")
        return in_box(numbers, parts.coords)
    if abs(_determinant(parts.lattice)) < 1e-6:
        raise CellError("the structure's cell has no volume")
    coords = parts.coords
    if not parts.is_fractional:
        coords = np.linalg.solve(parts.lattice.T, coords.T).T
    return Cell(atomic_numbers=numbers, frac_coords=coords, lattice=parts.lattice, pbc=parts.pbc)


def _number(species: Sequence[Mapping[str, Any]]) -> int:
    """Return the atomic number of an ordered site."""
    first: Mapping[str, Any] = species[0] if len(species) == 1 else {}
    occupancy = first.get("occu", 1) if first else 0
    if occupancy != 1 and abs(occupancy - 1) > 1e-8:
        raise DisorderError
    return _NUMBERS.get(first["element"]) or _atomic_number(first["element"])


def numbers_of(species: Iterable[Any]) -> np.ndarray:
    """Return the atomic numbers of sites, (n,) integers.

    Args:
        species: symbols, which may carry a charge as in Fe3+, or atomic numbers.

    Raises:
        CellError: if one is not an element from H to Pu.
    """
    values = list(species)
    if values and all(isinstance(value, str) for value in values):
        return np.array([_symbol_number(value) for value in values], dtype=np.int64)
    try:
        numbers = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        numbers = np.full(1, np.nan)
    if numbers.ndim != 1 or not (numbers == np.round(numbers)).all():
        raise CellError("the structure's atomic numbers are not whole numbers")
    if len(numbers) and not 1 <= numbers.min() <= numbers.max() <= N_ELEMENTS:
        beyond = numbers[(numbers < 1) | (numbers > N_ELEMENTS)][0]
        raise CellError(
            f"the structure contains atomic number {beyond:.0f}, which is not an element from H to "
            "Pu"
        )
    return numbers.astype(np.int64)


@lru_cache(maxsize=1 << 12)
def _symbol_number(text: str) -> int:
    match = _SPECIES.fullmatch(text.strip())
    return _atomic_number(match[1] if match else text)


def _atomic_number(symbol: str) -> int:
    try:
        return atomic_number(symbol)
    except KeyError:
        raise CellError(
            f"the structure contains {symbol}, which is not an element from H to Pu"
        ) from None


def _from_text(text: str) -> Cell:
    from pymatgen.core import Structure  # noqa: PLC0415  takes a second to import

    if not (is_cif(text) or is_poscar(text)):
        if _PRINTED.match(text):
            raise CellError(
                "the structure is what Python prints for one, from which it cannot be read, so "
                "write json.dumps(structure.as_dict())"
            )
        raise CellError(
            "the structure is neither a dictionary of pymatgen, ASE or JARVIS nor CIF nor POSCAR"
        )
    kind: Any = "cif" if is_cif(text) else "poscar"
    check_text(text, kind)
    if kind == "cif" and len(re.findall(r"^\s*_cell_length_a\b", text, re.MULTILINE)) > 1:
        raise CellError("the CIF holds several structures")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            structure = Structure.from_str(text, fmt=kind)
    except Exception as error:  # noqa: BLE001  pymatgen's readers raise anything
        reason = str(error).splitlines()[0][:80] if str(error) else type(error).__name__
        raise CellError(f"the structure cannot be read as {kind.upper()} ({reason})") from None
    if not structure.is_ordered:
        raise DisorderError
    symbols = [getattr(site.specie, "symbol", "") for site in structure]
    numbers = np.array([_atomic_number(symbol) for symbol in symbols], dtype=np.uint8)
    messages = [str(warning.message) for warning in caught]
    if kind == "cif" and has_other_symmetry(text) and "Defaulting to P1" in " ".join(messages):
        raise CellError("the CIF's space group cannot be read, and it lists no operations")
    if kind == "cif" and (formula := formula_in_cif(text)):
        problem = contradiction(formula, numbers)
        if problem:
            raise CellError(f"the CIF contradicts itself: {problem}")
    return Cell(
        atomic_numbers=numbers,
        frac_coords=np.array(structure.frac_coords),
        lattice=np.array(structure.lattice.matrix),
        notes=_notes(kind, messages),
    )


def _notes(kind: str, messages: Iterable[str]) -> tuple[str, ...]:
    """Return what a reader warned of and what may matter, or refuse a structure it doubts."""
    lines = {line.strip() for message in messages for line in message.splitlines()}
    kept = sorted(line for line in lines if line and not _HARMLESS.search(line))
    for line in kept:
        if re.search("occupanc|[Ss]toichiometr|missing elements|BadPoscar|false names", line):
            raise CellError(f"the {kind.upper()} is doubtful ({line[:120].rstrip('.')})")
    return tuple(f"{kind.upper()}: {line[:160].rstrip('.')}" for line in kept)


def _seen_as_periodic(cell: Cell) -> Cell:
    """Return a structure that the network sees the same with periodic images, or refuse it."""
    open_axes = [axis for axis in range(3) if not cell.pbc[axis]]
    if not open_axes:
        return cell
    heights = 1 / np.linalg.norm(np.linalg.inv(cell.lattice), axis=0)
    gaps = (1 - np.ptp(cell.frac_coords, axis=0)) * heights
    near = [axis for axis in open_axes if gaps[axis] < REACH]
    if near:
        names = ", ".join("abc"[axis] for axis in near)
        raise CellError(
            f"the structure is not periodic along {names}, where its images, "
            f"{min(gaps[axis] for axis in near):.2f} Å apart, would count as neighbours; give it "
            f"{REACH:g} Å of vacuum"
        )
    note = f"not periodic in every direction, with more than {REACH:g} Å between images"
    return replace(cell, notes=(*cell.notes, note))
