"""Labels of records: numbers and arrays in the lab's units, checked."""

import math
from typing import Any, Final

import numpy as np

from core.frames.sources.number_lists import array_of
from core.frames.tables.labels import StressOrder, parse_label
from core.frames.tables.mapping import ColumnUnit
from core.frames.tables.structures import Cell, is_finite
from core.frames.tables.tabular import CellError, is_missing

_ROW_SHAPES: Final[dict[str, tuple[int, ...]]] = {"forces": (3,), "magmoms": ()}


class LabelReader:
    """The reader of one label.

    Attributes:
        field: the field, such as "forces".
        key: its key in the file.
        unit: its unit in the file.
        order: order of six numbers of stress.
    """

    def __init__(
        self, field: str, key: str, unit: ColumnUnit, order: StressOrder | None = None
    ) -> None:
        self.field = field
        self.key = key
        self.unit = unit
        self.order = order
        self._is_scalar = unit.label in {"energy", "bandgap"}

    def read(self, value: Any, cell: Cell) -> Any:
        """Return a label of a structure in the lab's unit, None where it is missing.

        Raises:
            CellError: if it is not finite, or has another shape.
        """
        return self._number(value, cell) if self._is_scalar else self._array(value, cell)

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
