"""Columns of stored frames: conversion of frames to Arrow record batches and back.

Per-atom columns are lists, null where the label is missing; numpy reads them through the list's
offsets, without a Python object per value.
"""

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


def to_batch(frames: list[Frame]) -> pa.RecordBatch:
    """Return frames as one record batch."""
    numbers = [np.asarray(frame.atomic_numbers, dtype=np.uint8) for frame in frames]
    columns = [
        pa.array([frame.frame_id for frame in frames], pa.string()),
        pa.array([frame.material_id for frame in frames], pa.string()),
        pa.array([formula_of(cell) for cell in numbers], pa.string()),
        pa.array([len(cell) for cell in numbers], pa.int32()),
        pa.array([frame.energy_per_atom for frame in frames], pa.float64()),
        pa.array([frame.uncorrected_energy_per_atom for frame in frames], pa.float64()),
        pa.array([frame.bandgap for frame in frames], pa.float64()),
        _lists(numbers, pa.uint8()),
        _lists([frame.frac_coords for frame in frames], _VECTOR),
        _matrices([frame.lattice for frame in frames]),
        _lists([frame.forces for frame in frames], _VECTOR),
        _matrices([frame.stress for frame in frames]),
        _lists([frame.magmoms for frame in frames], pa.float64()),
    ]
    return pa.record_batch(columns, schema=SCHEMA)


def _lists(arrays: list[Any], item: pa.DataType) -> pa.Array:
    sizes = [0 if array is None else len(array) for array in arrays]
    offsets = pa.array(np.concatenate([[0], np.cumsum(sizes)]), pa.int32())
    values = [array for array in arrays if array is not None]
    dtype = np.uint8 if item == pa.uint8() else np.float64
    whole = np.concatenate(values) if values else np.zeros(0)
    flat = pa.array(whole.ravel().astype(dtype, copy=False))
    items = pa.FixedSizeListArray.from_arrays(flat, 3) if item == _VECTOR else flat
    return pa.ListArray.from_arrays(offsets, items, type=pa.list_(item), mask=_mask(arrays))


def _matrices(arrays: list[Any]) -> pa.Array:
    blank = np.zeros((3, 3))
    flat = np.concatenate([blank if array is None else array for array in arrays], dtype=np.float64)
    return pa.FixedSizeListArray.from_arrays(
        pa.array(flat.ravel()), type=_MATRIX, mask=_mask(arrays)
    )


def _mask(arrays: list[Any]) -> pa.Array | None:
    missing = [array is None for array in arrays]
    return pa.array(missing) if any(missing) else None


class BatchView:
    """Numpy views of one record batch."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        self._scalars = [batch.column(name) for name in SCALARS]
        self._lists = {
            field.name: _ListView(batch.column(field.name))
            for field in SCHEMA
            if pa.types.is_list(field.type)
        }
        self._matrices = {name: batch.column(name) for name in ("lattice", "stress")}
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
