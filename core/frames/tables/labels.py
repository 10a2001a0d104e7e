"""Forces, stresses and magmoms from table cells, in the lab's units."""

import math
from typing import Any, Final, Literal

import numpy as np

from core.frames.tables.literals import parse_array_text
from core.frames.tables.tabular import CellError, is_missing
from core.frames.units import Unit

StressOrder = Literal["vasp", "ase"]
"""Order of six numbers of stress, of VASP or of ASE and Voigt."""

STRESS_ORDERS: Final[dict[StressOrder, str]] = {
    "vasp": "xx yy zz xy yz zx",
    "ase": "xx yy zz yz xz xy",
}
_BALANCED: Final = 0.1
"""Share of the largest force that the forces of a calculation may leave in their sum."""
PLACES: Final[dict[StressOrder, tuple[int, ...]]] = {
    "vasp": (0, 3, 5, 3, 1, 4, 5, 4, 2),
    "ase": (0, 5, 4, 5, 1, 3, 4, 3, 2),
}
"""Places of the numbers of the matrix, row by row, among the six."""


def parse_label(
    value: Any,
    *,
    name: str,
    shape: tuple[int, ...],
    unit: Unit | None = None,
    volume: float = 1.0,
    order: StressOrder | None = None,
) -> np.ndarray | None:
    """Read one array and convert it to the lab's unit.

    Args:
        value: nested lists, or text as `parse_array_text` reads it; None or an empty text where
            missing.
        name: name of the label for the error: "forces", "stress" or "magmoms".
        shape: required shape. Forces may also be 3n numbers, atom by atom. A stress of shape
            (3, 3) may also be nine numbers row by row, or six in the given order, in one more list.
        unit: unit of the values; None for the lab's.
        volume: of the cell, Å³, for virials.
        order: order of six numbers of stress.

    Raises:
        CellError: if the values are not finite numbers or have another shape, the order of six
            numbers is not known, or 3n forces balance only if read component by component.
    """
    if is_missing(value):
        return None
    if isinstance(value, str):
        value = parse_array_text(value, name=name)
        if value is None:
            return None
    try:
        array = np.array(value, dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        raise CellError(f"the {name} cannot be read as an array of numbers") from None
    if name == "stress":
        array = _matrix(array, order)
    elif name == "forces" and array.ndim == 1 and array.size == math.prod(shape) > 3:
        array = _by_atom(array)
    if array.shape != shape:
        raise CellError(f"the shape of the {name} is {array.shape}, but must be {shape}")
    if not np.isfinite(array).all():
        raise CellError(f"a value of the {name} is not finite")
    return array if unit is None else unit.array(array, volume=volume)


def _by_atom(forces: np.ndarray) -> np.ndarray:
    """Return 3n numbers as (n, 3), unless they are rather the components one after the other.

    Forces on all atoms sum to zero, to the precision of a calculation.
    """
    rows = forces.reshape(-1, 3)
    largest = float(np.abs(forces).max(initial=0.0))
    left, left_by_component = (
        float(np.abs(array.sum(axis=0)).max()) for array in (rows, forces.reshape(3, -1).T)
    )
    if left > _BALANCED * largest and left_by_component < _BALANCED * largest / 10:
        raise CellError(
            "the forces are one row of numbers that sum to zero only if all x come before all y, "
            "so write them as one list of three numbers per atom"
        )
    return rows


def _matrix(stress: np.ndarray, order: StressOrder | None) -> np.ndarray:
    """Return a stress of nine or six numbers as (3, 3)."""
    stress = stress.squeeze()  # of SchNetPack, (1, 3, 3)
    if stress.shape == (9,):
        return stress.reshape(3, 3)
    if stress.shape != (6,):
        return stress
    if order is None:
        orders = " or ".join(f"{one} ({text})" for one, text in STRESS_ORDERS.items())
        raise CellError(
            f"the stress has six numbers, so say their order with --stress-order {orders}"
        )
    return stress[list(PLACES[order])].reshape(3, 3)
