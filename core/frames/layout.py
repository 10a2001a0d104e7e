"""Columns of stored frames: conversion of frames to Arrow record batches and back.

Per-atom columns are lists, null where the label is missing; numpy reads them through the list's
offsets, without a Python object per value.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from core.elements import formula_of
from core.frames.schema import Frame

_VECTOR = pa.list_(pa.float64(), 3)
_MATRIX = pa.list_(pa.float64(), 9)
SCHEMA = pa.schema(
    [
        ("frame_id", pa.string()),
        ("material_id", pa.string()),
        ("formula", pa.string()),
        ("n_atoms", pa.int32()),
        ("energy_per_atom", pa.float64()),
        ("uncorrected_energy_per_atom", pa.float64()),
        ("bandgap", pa.float64()),
        ("atomic_numbers", pa.list_(pa.uint8())),
        ("frac_coords", pa.list_(_VECTOR)),
        ("lattice", _MATRIX),
        ("forces", pa.list_(_VECTOR)),
        ("stress", _MATRIX),
        ("magmoms", pa.list_(pa.float64())),
    ]
)
"""One row per frame; units as in `Frame`, matrices row by row."""

SCALARS = SCHEMA.names[:7]
"""Columns with one value per frame."""

_MATRICES = ("lattice", "stress")
_BLANKS = {
    **dict.fromkeys(("frac_coords", "forces"), np.zeros((0, 3))),
    "magmoms": np.zeros(0),
    **dict.fromkeys(_MATRICES, np.zeros((3, 3))),
}
"""What stands in columns of arrays where one is missing."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Joined:
    """A column of many frames in one array.

    Attributes:
        values: of per-atom columns those of all atoms, (N, …); else one number or matrix per frame,
            (m, …), zeros where missing.
        is_missing: which frames have none, (m,) booleans.
    """

    values: np.ndarray
    is_missing: np.ndarray

    @property
    def n_present(self) -> int:
        """Number of frames that have it."""
        return len(self.is_missing) - int(np.count_nonzero(self.is_missing))


def to_batch(frames: list[Frame]) -> pa.RecordBatch:
    """Return frames as one record batch."""
    numbers = [np.asarray(frame.atomic_numbers, dtype=np.uint8) for frame in frames]
    columns: dict[str, Any] = {
        name: [getattr(frame, name, None) for frame in frames] for name in SCHEMA.names
    }
    columns["formula"] = [formula_of(cell) for cell in numbers]
    columns["atomic_numbers"] = _joined(numbers, blank=np.zeros(0), dtype=np.uint8)
    for name, blank in _BLANKS.items():
        columns[name] = _joined(columns[name], blank=blank)
    return record_batch(columns, np.array([len(cell) for cell in numbers]))


def record_batch(columns: Mapping[str, Any], sizes: np.ndarray) -> pa.RecordBatch:
    """Return columns of many frames as one record batch.

    Args:
        columns: name to values: one per frame, or `Joined` arrays; missing labels may be left out.
        sizes: numbers of atoms, (m,) integers.
    """
    whole = {**columns, "n_atoms": sizes.astype(np.int32)}
    return pa.record_batch(
        [_column(field.type, whole.get(field.name), sizes) for field in SCHEMA], schema=SCHEMA
    )


def _column(kind: pa.DataType, values: Any, sizes: np.ndarray) -> pa.Array:
    if values is None:
        per_frame = 9 if kind == _MATRIX else 0 if pa.types.is_list(kind) else 1
        values = Joined(
            values=np.zeros(len(sizes) * per_frame), is_missing=np.ones(len(sizes), dtype=bool)
        )
    if not isinstance(values, Joined):
        return pa.array(values, kind)
    mask = values.is_missing if values.is_missing.any() else None
    flat = values.values.ravel()
    if not pa.types.is_nested(kind):
        return pa.array(flat, kind, mask=mask)
    mask = None if mask is None else pa.array(mask)
    if kind == _MATRIX:
        return pa.FixedSizeListArray.from_arrays(pa.array(flat), type=kind, mask=mask)
    ends = np.cumsum(np.where(values.is_missing, 0, sizes))
    offsets = pa.array(np.concatenate([[0], ends]), pa.int32())
    items = pa.array(flat)
    if kind.value_type == _VECTOR:
        items = pa.FixedSizeListArray.from_arrays(items, 3)
    return pa.ListArray.from_arrays(offsets, items, type=kind, mask=mask)


def _joined(arrays: list[Any], *, blank: np.ndarray, dtype: type = np.float64) -> Joined:
    """Join arrays, with a blank where one is missing."""
    filled = [blank if array is None else array for array in arrays]
    return Joined(
        values=np.concatenate(filled, dtype=dtype),
        is_missing=np.array([array is None for array in arrays]),
    )


class BatchView:
    """Numpy views of one record batch."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        self._scalars = [batch.column(name) for name in SCALARS]
        self._lists = {
            field.name: _ListView(batch.column(field.name))
            for field in SCHEMA
            if pa.types.is_list(field.type)
        }
        self._matrices = {name: batch.column(name) for name in _MATRICES}
        self._values = {
            name: column.values.to_numpy().reshape(-1, 3, 3)
            for name, column in self._matrices.items()
        }

    def frame(self, row: int) -> Frame:
        """Return one frame; its arrays are copies."""
        frame_id, material_id, _, _, energy, uncorrected, bandgap = (
            column[row].as_py() for column in self._scalars
        )
        per_atom: dict[str, Any] = {name: view.entry(row) for name, view in self._lists.items()}
        matrices: dict[str, Any] = {
            name: self._values[name][row].copy() if column[row].is_valid else None
            for name, column in self._matrices.items()
        }
        return Frame(
            frame_id=frame_id,
            material_id=material_id,
            energy_per_atom=energy,
            uncorrected_energy_per_atom=uncorrected,
            bandgap=bandgap,
            **per_atom,
            **matrices,
        )


class _ListView:
    """A per-atom column: its flat values and the offsets of the rows."""

    def __init__(self, column: pa.ListArray) -> None:
        self._column = column
        self._offsets = column.offsets.to_numpy()
        values = column.values
        if pa.types.is_fixed_size_list(values.type):
            self._values = values.values.to_numpy().reshape(-1, values.type.list_size)
        else:
            self._values = values.to_numpy()

    def entry(self, row: int) -> np.ndarray | None:
        """Return a copy of a row's values, None where missing."""
        if not self._column[row].is_valid:
            return None
        values: np.ndarray = self._values[self._offsets[row] : self._offsets[row + 1]]
        return values.copy()
