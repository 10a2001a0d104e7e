"""Rows of ASE's databases as records; the dictionaries are decoded without making any object."""

import json
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import orjson

from core.elements import N_ELEMENTS
from core.frames.schema import PERIODIC
from core.frames.sources.records import Record, present
from core.frames.tables.tabular import CellError

UNITS: Final = {"energy": "eV/cell", "forces": "eV/Å", "stress": "eV/Å³"}
"""ASE's units: https://docs.ase-lib.org/ase/units.html."""

_LABELS: Final = ("energy", "free_energy", "forces", "stress", "magmoms", "charges")
_NUMBERS: Final = {
    name: np.dtype(name)
    for name in ("float64", "float32", "int64", "int32", "int16", "int8", "uint8", "bool")
}
_DEPTH: Final = 12
"""Levels of nested values that are decoded; rows of ASE have a few."""


def plain(value: Any, depth: int = 0) -> Any:
    """Return what ASE wrote as JSON with its arrays as numpy arrays.

    Args:
        value: parsed JSON, in which ASE writes arrays as {"__ndarray__": [shape, dtype, numbers]}.
        depth: levels above the value.

    Raises:
        CellError: if an array does not have its shape, or values are nested too deeply.
    """
    if depth > _DEPTH:
        raise CellError("its values are nested too deeply")
    if isinstance(value, list):
        if value and not isinstance(value[0], (list, dict)):
            return value
        return [plain(one, depth + 1) for one in value]
    if not isinstance(value, dict):
        return value
    if (parts := value.get("__ndarray__")) is not None:
        return _array(parts)
    if "__complex__" in value:
        return None
    return {key: plain(one, depth + 1) for key, one in value.items()}


def parse_json(text: bytes | str) -> Any:
    """Return parsed JSON as ASE and Python write it, with NaN and Infinity.

    Raises:
        CellError: if it is not JSON.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise CellError("it is not valid JSON") from None


def parse_row(text: bytes) -> dict[str, Any]:
    """Return a row from its JSON, with numpy arrays.

    Raises:
        CellError: if it is not JSON of an object.
    """
    row = plain(parse_json(text))
    if not isinstance(row, dict):
        raise CellError("it is not an object")
    return row


def record_of_row(row: Mapping[str, Any], where: str, *, length: float = 1.0) -> Record:
    """Return the record of a row of an ASE database.

    Args:
        row: the row's fields, with arrays as `plain` returns them.
        where: its place.
        length: the file's unit of length, Å.

    Raises:
        CellError: if it lacks a structure.
    """
    numbers, positions = _floats(row, "numbers"), _floats(row, "positions")
    if numbers is None or positions is None or positions.shape != (len(numbers), 3):
        raise CellError("it has no atoms with positions")
    cell, pbc = row.get("cell"), row.get("pbc")
    if isinstance(cell, dict):
        pbc = cell.get("pbc") if pbc is None else pbc
        cell = cell.get("array")
    lattice = None if cell is None else _floats({"cell": cell}, "cell")
    if lattice is not None and lattice.shape == (9,):
        lattice = lattice.reshape(3, 3)
    if lattice is not None and lattice.shape != (3, 3):
        raise CellError("its cell is not three vectors")
    has_cell = lattice is not None and bool(np.any(lattice))
    if isinstance(pbc, (list, np.ndarray)) and len(pbc) == 3:
        periodic = (bool(pbc[0]), bool(pbc[1]), bool(pbc[2]))
    else:
        periodic = PERIODIC if has_cell else (False, False, False)
    return Record(
        where=where,
        atomic_numbers=atomic_numbers(numbers),
        lattice=lattice * length if has_cell and lattice is not None else None,
        positions=positions * length,
        pbc=periodic,
        values=_values(row),
    )


def atomic_numbers(numbers: np.ndarray) -> np.ndarray:
    """Return atomic numbers as integers, (n,).

    Raises:
        CellError: if they are none of elements from H to Pu.
    """
    found = np.asarray(numbers)
    if not found.size:
        raise CellError("it has no atoms")
    whole = found.astype(np.int64)
    if (whole != found).any() or whole.min() < 1 or whole.max() > N_ELEMENTS:
        raise CellError("it contains an atomic number beyond H to Pu (1 to 94)")
    return whole


def scalar_or_array(value: Any) -> Any:
    """Return an array of one number as that number."""
    if isinstance(value, (np.ndarray, list)) and np.shape(value) in {(1,), (1, 1), ()}:
        return np.asarray(value).reshape(-1)[0]
    return value


def _values(row: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for group in ("data", "key_value_pairs"):
        content = row.get(group)
        if isinstance(content, dict):
            values |= {key: scalar_or_array(value) for key, value in content.items()}
    values |= {key: row[key] for key in _LABELS if row.get(key) is not None}
    parameters = row.get("calculator_parameters")
    if isinstance(parameters, dict) and isinstance(parameters.get("xc"), str):
        values.setdefault("xc", parameters["xc"])
    if row.get("id") is not None:
        values.setdefault("id", row["id"])
    return present(values)


def _array(parts: Any) -> Any:
    try:
        shape, name, numbers = parts
        return np.array(numbers, dtype=_NUMBERS[name]).reshape(shape)
    except (ValueError, TypeError, KeyError, OverflowError):
        raise CellError("one of its arrays does not have the shape that it states") from None


def _floats(row: Mapping[str, Any], key: str) -> np.ndarray | None:
    value = row.get(key)
    if value is None:
        return None
    try:
        return np.asarray(value, dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        raise CellError(f"its {key} are not numbers") from None
