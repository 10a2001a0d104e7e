"""Structures from table cells: pymatgen dictionaries directly, CIF and POSCAR by pymatgen."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from core.elements import INDEX
from core.frames.schema import Frame
from core.frames.sources.tabular import CellError


@dataclass(kw_only=True, frozen=True, slots=True)
class Cell:
    """A structure without labels.

    Attributes:
        atomic_numbers: (n,) uint8.
        frac_coords: fractional coordinates, (n, 3).
        lattice: lattice vectors as rows, (3, 3), Å.
    """

    atomic_numbers: np.ndarray
    frac_coords: np.ndarray
    lattice: np.ndarray

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
        value: a pymatgen Structure dictionary, or text: the dictionary as JSON, CIF or POSCAR.

    Raises:
        CellError: if it is not a structure, is disordered, has no atoms or an element beyond Pu.
    """
    if isinstance(value, Mapping):
        cell = _from_dict(value)
    elif value.lstrip().startswith("{"):
        try:
            document = orjson.loads(value)
        except orjson.JSONDecodeError:
            raise CellError("the structure is not valid JSON") from None
        cell = _from_dict(document)
    else:
        cell = _from_text(value)
    if not len(cell.atomic_numbers):
        raise CellError("the structure has no atoms")
    if not (np.isfinite(cell.frac_coords).all() and np.isfinite(cell.lattice).all()):
        raise CellError("the structure has coordinates that are not finite numbers")
    if abs(np.linalg.det(cell.lattice)) < 1e-6:
        raise CellError("the structure's cell has no volume")
    return cell


def looks_like_structure(value: object) -> bool:
    """Return whether the value of a table cell looks like a structure."""
    if isinstance(value, Mapping):
        return {"lattice", "sites"} <= value.keys()
    if not isinstance(value, str):
        return False
    if value.lstrip().startswith("{"):
        return '"lattice"' in value and '"sites"' in value
    return is_cif(value) or _is_poscar(value)


def is_cif(text: str) -> bool:
    """Return whether text is a CIF."""
    return "_cell_length_a" in text


def _is_poscar(text: str) -> bool:
    lines = text.splitlines()
    try:
        float(lines[1].split()[0])
        return all(len([float(x) for x in line.split()[:3]]) == 3 for line in lines[2:5])
    except (IndexError, ValueError):
        return False


def _from_dict(document: Mapping[str, Any]) -> Cell:
    try:
        lattice = np.array(document["lattice"]["matrix"], dtype=np.float64)
        sites = document["sites"]
        species = [site["species"] for site in sites]
        coords = np.array([site["abc"] for site in sites], dtype=np.float64).reshape(-1, 3)
        numbers = np.array([_number(occupants) for occupants in species], dtype=np.uint8)
    except (KeyError, TypeError, IndexError):
        raise CellError("the structure lacks lattice.matrix or a site's species or abc") from None
    except ValueError:
        raise CellError("the structure's lattice or coordinates are not numbers") from None
    if lattice.shape != (3, 3) or len(coords) != len(numbers):
        raise CellError("the structure's lattice or coordinates have the wrong shape")
    return Cell(atomic_numbers=numbers, frac_coords=coords, lattice=lattice)


def _number(species: list[Mapping[str, Any]]) -> int:
    """Return the atomic number of an ordered site."""
    if len(species) != 1 or abs(species[0].get("occu", 1) - 1) > 1e-8:
        raise CellError("the structure is disordered")
    return _atomic_number(species[0]["element"])


def _atomic_number(symbol: str) -> int:
    try:
        return INDEX[symbol] + 1
    except KeyError:
        raise CellError(
            f"the structure contains {symbol}, which is not an element from H to Pu"
        ) from None


def _from_text(text: str) -> Cell:
    from pymatgen.core import Structure  # noqa: PLC0415  takes a second to import

    if not (is_cif(text) or _is_poscar(text)):
        raise CellError("the structure is neither a pymatgen dictionary nor CIF nor POSCAR")
    kind: Any = "cif" if is_cif(text) else "poscar"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            structure = Structure.from_str(text, fmt=kind)
    except Exception as error:  # noqa: BLE001  pymatgen's readers raise anything
        reason = str(error).splitlines()[0][:80] if str(error) else type(error).__name__
        raise CellError(f"the structure cannot be read as {kind.upper()} ({reason})") from None
    if not structure.is_ordered:
        raise CellError("the structure is disordered")
    symbols = [getattr(site.specie, "symbol", "") for site in structure]
    return Cell(
        atomic_numbers=np.array([_atomic_number(symbol) for symbol in symbols], dtype=np.uint8),
        frac_coords=np.array(structure.frac_coords),
        lattice=np.array(structure.lattice.matrix),
    )
