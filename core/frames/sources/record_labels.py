"""Labels of records: numbers and arrays in the lab's units, checked."""

import math
from typing import Any, Final

import numpy as np

from core.frames.layout import Joined
from core.frames.sources.number_lists import array_of, packed
from core.frames.tables.labels import PLACES, StressOrder, parse_label
from core.frames.tables.mapping import ColumnUnit
from core.frames.tables.structures import Cell, is_finite
from core.frames.tables.tabular import CellError, is_missing

_LARGE: Final = 1e100
"""Numbers below which every unit is finite."""

_ROW_SHAPES: Final[dict[str, tuple[int, ...]]] = {"forces": (3,), "magmoms": ()}


class LabelReader:
    """The reader of one label.

    Attributes:
        field: the field, such as "forces".
        key: its key in the file.
        unit: its unit in the file.
        order: order of six numbers of stress.
        is_scalar: whether it is one number per structure.
    """

    def __init__(
        self, field: str, key: str, unit: ColumnUnit, order: StressOrder | None = None
    ) -> None:
        self.field = field
        self.key = key
        self.unit = unit
        self.order = order
        self.is_scalar = unit.label in {"energy", "bandgap"}

    def read(self, value: Any, cell: Cell) -> Any:
        """Return a label of a structure in the lab's unit, None where it is missing.

        Raises:
            CellError: if it is not finite, or has another shape.
        """
        return self._number(value, cell) if self.is_scalar else self._array(value, cell)

    def _number(self, value: Any, cell: Cell) -> float | None:
        try:
            number = float(value)
        except (TypeError, ValueError):
            if is_missing(value):
                return None
            raise CellError(f"its {self.key} is not a number") from None
        if not math.isfinite(number):
            raise CellError(f"its {self.key} is not finite")
        unit = self.unit.unit
        n = len(cell.atomic_numbers)
        if unit.per == "cell":
            return number * unit.factor / n
        if unit.per == "formula unit":
            counts = np.bincount(cell.atomic_numbers)
            return number * unit.factor / (n / int(np.gcd.reduce(counts[counts > 0])))
        return number * unit.factor

    def _array(self, value: Any, cell: Cell) -> np.ndarray | None:
        unit = self.unit.unit
        if self.field == "stress":
            shape: tuple[int, ...] = (3, 3)
        else:
            shape = (len(cell.atomic_numbers), *_ROW_SHAPES[self.field])
        if type(value) is list and not unit.is_virial:
            # Most labels of most files, for which there is no need to look closer.
            array = array_of(value, shape)
            if array is not None and is_finite(array):
                return array * unit.factor if unit.factor != 1.0 else array
        return parse_label(
            value,
            name=self.field,
            shape=shape,
            unit=unit,
            volume=cell.volume if self.field == "stress" else 1.0,
            order=self.order,
        )

    @property
    def reads_many(self) -> bool:
        """Whether `read_all` converts its unit."""
        return not self.unit.unit.is_virial and self.unit.unit.per != "formula unit"

    def pack(self, value: Any, n: int) -> bytes | None:
        """Return an array of the file as the bytes of doubles, None if it needs a closer look.

        Args:
            value: nested lists.
            n: number of atoms.
        """
        if self.field != "stress":
            return packed(value, (n, *_ROW_SHAPES[self.field]))
        if isinstance(value, list) and len(value) == 6 and self.order is not None:
            return packed([value[place] for place in PLACES[self.order]], (9,))
        return packed(value, (3, 3))

    def read_all(self, values: list[Any], sizes: np.ndarray) -> Joined | None:
        """Return a label of many structures as `read` does, None if one needs a closer look.

        Args:
            values: numbers, or arrays as `pack` gives them, None where missing.
            sizes: numbers of atoms, (m,) integers.
        """
        unit = self.unit.unit
        is_missing = np.array([value is None for value in values])
        if self.is_scalar:
            known: Any = [0.0 if value is None else value for value in values]
            data = packed(known, (len(known),))
        else:
            data = b"".join(filter(None, values))
        if data is None:
            return None
        given = np.frombuffer(data)
        if not (np.abs(given) < _LARGE).all():
            return None
        numbers = unit.energies(given, atoms=sizes) if self.is_scalar else unit.array(given)
        if self.is_scalar:
            numbers[is_missing] = 0.0
        elif self.field == "stress":
            matrices = np.zeros((len(values), 9))
            matrices[~is_missing] = numbers.reshape(-1, 9)
            numbers = matrices
        elif self.field == "magmoms":
            numbers = np.abs(numbers)
        return Joined(values=numbers, is_missing=is_missing)
