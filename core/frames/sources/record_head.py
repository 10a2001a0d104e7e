"""The first records of a file, as a table whose columns are their keys."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from core.frames.column_names import letter_named
from core.frames.sources.records import Record, RecordSource
from core.frames.tables.mapping import LABEL_OF
from core.frames.tables.tabular import TableFile
from core.frames.units import Label
from core.progress import Progress, silent


class RecordHead(TableFile):
    """The keys of a file's first records, as the columns of a table."""

    def __init__(self, source: RecordSource, records: Sequence[Record]) -> None:
        self.path = source.path
        self.units = source.key_units
        self.columns = list(dict.fromkeys(key for record in records for key in record.values))
        self._records = records

    def batches(
        self, columns: Sequence[str], progress: Progress = silent
    ) -> Iterator[pa.RecordBatch]:
        """Yield the head as one batch."""
        del progress
        arrays = [_column([record.values.get(key) for record in self._records]) for key in columns]
        yield pa.RecordBatch.from_arrays(arrays, names=list(columns))

    def unit_of(self, label: Label, column: str) -> str:
        """Return the unit of a key that the form states; later records may state others."""
        del label
        return self.units.get(column, "")

    def where(self, row: int) -> str:
        """Return the place of a record of the head."""
        return self._records[row].where

    def sha256(self) -> str:
        """Return the SHA-256 of the file, "" of a folder or of several files."""
        return super().sha256() if self.path.is_file() else ""


def _column(values: list[Any]) -> pa.Array:
    """Return the values of one key as a column of numbers, of lists or of text."""
    kept = [value for value in values if value is not None]
    arrays = [value for value in kept if isinstance(value, (np.ndarray, list, tuple))]
    if arrays:
        return pa.array(
            [[] if isinstance(value, (np.ndarray, list, tuple)) else None for value in values],
            pa.list_(pa.float64()),
        )
    if kept and all(isinstance(value, (bool, np.bool_)) for value in kept):
        return pa.array([None if value is None else bool(value) for value in values], pa.bool_())
    if kept and all(isinstance(value, (int, float, np.number)) for value in kept):
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    return pa.array([None if value is None else str(value) for value in values], pa.string())


def units_of_form(
    source: RecordSource, known: Mapping[str, str], chosen: Mapping[str, str]
) -> dict[str, str]:
    """Return key to unit where the form defines it, whatever the key sounds like."""
    if not source.units_are_known:
        return {}
    units = {}
    for field, key in known.items():
        label = LABEL_OF.get(field)
        if key in source.key_units or label is None or label not in source.units:
            continue
        if chosen[field] == key:
            units[key] = source.units[label]
    return units


def of_one_letter(head: Sequence[Record]) -> dict[str, str]:
    """Return energy and forces to keys such as E and F_dft, if these hold what such labels hold.

    Args:
        head: the first records of a file.
    """
    found: dict[str, str] = {}
    # The plainest name first, as E before E_ref.
    keys = sorted({key for record in head for key in record.values}, key=len)
    for field, letter in (("energy", "e"), ("forces", "f")):
        for key in (key for key in keys if letter_named(key) == letter):
            of_label = [
                _is_label(field, record.values[key], len(record.atomic_numbers))
                for record in head
                if record.values.get(key) is not None
            ]
            if of_label and all(of_label):
                found.setdefault(field, key)
    return found


def _is_label(field: str, value: Any, n: int) -> bool:
    try:
        array = np.asarray(value)
    except ValueError:
        return False
    return array.dtype.kind == "f" and array.shape == (() if field == "energy" else (n, 3))
