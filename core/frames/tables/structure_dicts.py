"""Structures as dictionaries of other programs: ASE's and JARVIS's atoms, OPTIMADE's sites."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from core.frames.schema import PERIODIC
from core.frames.tables.tabular import CellError

_SPECIES: Final = ("numbers", "atomic_numbers", "symbols", "elements", "species_at_sites")
_LATTICES: Final = ("cell", "lattice_mat", "lattice_vectors", "lattice_matrix")
_COORDINATES: Final = (
    *("positions", "coords", "cartesian_site_positions", "cart_coords"),
    *("scaled_positions", "frac_coords"),
)
_FRACTIONAL: Final = frozenset({"scaled_positions", "frac_coords"})
_KEYS: Final = (_SPECIES, _LATTICES, _COORDINATES)


@dataclass(kw_only=True, frozen=True, slots=True)
class Parts:
    """What a dictionary says of a structure.

    Attributes:
        species: symbols or atomic numbers, n of them.
        lattice: lattice vectors as rows, (3, 3), Å; None where the dictionary has none.
        coords: coordinates, (n, 3): fractional, or Cartesian in Å.
        is_fractional: whether the coordinates are fractional.
        pbc: whether the structure is periodic along each lattice vector.
    """

    species: list[Any]
    lattice: np.ndarray | None
    coords: np.ndarray
    is_fractional: bool
    pbc: tuple[bool, bool, bool]


def has_parts(document: Mapping[str, Any]) -> bool:
    """Return whether a dictionary has the keys of such a structure."""
    return all(any(key in document for key in keys) for keys in _KEYS)


def names_parts(text: str, quote: str) -> bool:
    """Return whether the text of a dictionary, with these quotes, has such keys."""
    return all(any(f"{quote}{key}{quote}" in text for key in keys) for keys in _KEYS)


def parts_of(document: Mapping[str, Any]) -> Parts:
    """Read a dictionary of ASE (`Atoms.todict`), jarvis-tools (`Atoms.to_dict`) or OPTIMADE.

    Raises:
        CellError: if a part is missing or not numbers of the right shape.
    """
    species_key, lattice_key, coords_key = (
        next(key for key in keys if document.get(key) is not None or key == keys[-1])
        for keys in _KEYS
    )
    species = _plain(document.get(species_key))
    lattice = _array(document.get(lattice_key), "lattice")
    coords = _array(document.get(coords_key), "coordinates")
    if lattice.shape in {(3,), (9,)}:
        lattice = np.diag(lattice) if lattice.size == 3 else lattice.reshape(3, 3)
    is_listed = isinstance(species, list)
    if not is_listed or lattice.shape != (3, 3) or coords.shape != (len(species), 3):
        raise CellError("the structure's species, lattice or coordinates have the wrong shape")
    return Parts(
        species=species,
        lattice=lattice if lattice.any() else None,
        coords=coords,
        is_fractional=coords_key in _FRACTIONAL
        or (coords_key == "coords" and not document.get("cartesian")),
        pbc=_pbc(document.get("pbc"), has_lattice=bool(lattice.any())),
    )


def _plain(value: Any) -> Any:
    """Return lists of what ASE's and monty's JSON write for arrays and cells."""
    if isinstance(value, Mapping):
        if "__ndarray__" in value:
            shape, _, flat = value["__ndarray__"]
            return np.reshape(flat, shape).tolist()
        for key in ("array", "data", "matrix"):
            if key in value:
                return _plain(value[key])
    return value.tolist() if isinstance(value, np.ndarray) else value


def _array(value: Any, what: str) -> np.ndarray:
    try:
        return np.array(_plain(value), dtype=np.float64)
    except (TypeError, ValueError):
        raise CellError(f"the structure's {what} cannot be read as an array of numbers") from None


def _pbc(value: Any, *, has_lattice: bool) -> tuple[bool, bool, bool]:
    if not has_lattice:
        return (False, False, False)
    plain = _plain(value)
    if plain is None:
        return PERIODIC
    axes = list(plain) if isinstance(plain, (list, tuple)) else [plain] * 3
    if len(axes) != 3:
        raise CellError("the structure's pbc are not three values")
    return bool(axes[0]), bool(axes[1]), bool(axes[2])
