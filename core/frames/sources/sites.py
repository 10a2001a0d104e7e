"""Structures whose species, cell and coordinates stand side by side under usual names."""

from collections.abc import Collection, Mapping
from typing import Any, Final

import numpy as np

from core.frames.schema import PERIODIC
from core.frames.sources.records import Record
from core.frames.tables.structures import numbers_of
from core.frames.tables.tabular import CellError

_SPECIES: Final = ("species_at_sites", "atomic_numbers", "numbers", "symbols", "species")
_CELLS: Final = ("lattice_vectors", "cell", "lattice", "lattice_matrix", "cell_vectors", "box")
_POSITIONS: Final = (
    "cartesian_site_positions",
    "positions",
    "cart_coords",
    "cartesian_coords",
    "pos",
)
_FRACTIONS: Final = (
    "frac_coords",
    "fractional_site_positions",
    "fractional_coordinates",
    "scaled_positions",
)
_PERIODIC: Final = ("pbc", "dimension_types")
SITE_KEYS: Final = frozenset((*_SPECIES, *_CELLS, *_POSITIONS, *_FRACTIONS, *_PERIODIC))
"""Every name for a part of a structure."""

_NOT_LABELS: Final = SITE_KEYS | {"elements_ratios"}


def has_sites(names: Collection[str]) -> bool:
    """Return whether there are names for species, a cell and coordinates."""
    parts = (_SPECIES, _CELLS, (*_POSITIONS, *_FRACTIONS))
    return all(any(name in names for name in part) for part in parts)


def sites_record(where: str, row: Mapping[str, Any]) -> Record:
    """Return a structure as a record.

    Args:
        where: its place.
        row: name to value; what describes no site is a label.

    Raises:
        CellError: if it holds no structure.
    """
    species, cell = _first(row, _SPECIES), _first(row, _CELLS)
    positions, fractions = _first(row, _POSITIONS), _first(row, _FRACTIONS)
    if species is None or (positions is None and fractions is None):
        raise CellError("it has no structure")
    numbers = numbers_of(np.ravel(species).tolist())
    if isinstance(cell, Mapping):
        cell = cell.get("matrix")
    lattice = _shaped(cell, 3, "cell")
    return Record(
        where=where,
        atomic_numbers=numbers,
        lattice=lattice if lattice is not None and lattice.any() else None,
        positions=_shaped(positions, len(numbers), "positions"),
        frac_coords=_shaped(fractions, len(numbers), "positions"),
        pbc=_pbc(_first(row, _PERIODIC)),
        values={key: value for key, value in row.items() if key not in _NOT_LABELS},
    )


def _first(row: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((row[name] for name in names if row.get(name) is not None), None)


def _shaped(value: Any, n: int, what: str) -> np.ndarray | None:
    if value is None:
        return None
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise CellError(f"the structure's {what} are not numbers") from None
    if array.shape not in {(n, 3), (3 * n,)}:
        raise CellError(f"the structure's {what} have the shape {array.shape}, not {(n, 3)}")
    return np.asarray(array.reshape(n, 3))


def _pbc(value: Any) -> tuple[bool, bool, bool]:
    if value is None:
        return PERIODIC
    axes = [bool(one) for one in np.ravel(value).tolist()]
    x, y, z = axes if len(axes) == 3 else (axes * 3 if len(axes) == 1 else PERIODIC)
    return x, y, z
