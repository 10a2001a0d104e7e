"""JSON of plain rows, such as formulas with energies, read as a table."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from core.errors import LabError
from core.frames.sources.json_files.documents import JsonDocuments, decoded
from core.frames.sources.json_files.head import JsonHead, json_head
from core.frames.sources.records import Record, Refused
from core.frames.tables.compression import head_of
from core.frames.tables.tabular import CellError, TableFile, is_number
from core.progress import Progress, silent

_BATCH_ROWS: Final = 8192
_HEAD: Final = 100
_LARGEST: Final = 1 << 28
"""Bytes of a file that holds columns, which is read as a whole."""
_LONGEST_NUMBER: Final = 40
_PLAIN = (str, int, float, bool, type(None))


class JsonTable(TableFile):
    """Objects in JSON as rows; what is no number or text is left out, but for compositions."""

    def __init__(self, path: Path) -> None:
        """Read the first rows.

        Raises:
            LabError: if one cannot be read, or there is none.
        """
        self.path = path
        self._is_by_column = _is_by_column(json_head(path))
        first = list(islice(self._rows(silent), _HEAD))
        if not first:
            raise self.without_rows()
        names = list(dict.fromkeys(name for row in first for name in row))
        self._are_numbers = {
            name: all(not isinstance(row.get(name), str) for row in first) for name in names
        }
        self.columns = names

    def batches(
        self, columns: Sequence[str], progress: Progress = silent
    ) -> Iterator[pa.RecordBatch]:
        """Yield the given columns; see `TableFile.batches`."""
        rows, done = self._rows(progress), 0
        while batch := list(islice(rows, _BATCH_ROWS)):
            arrays = [self._array(name, batch, done) for name in columns]
            yield pa.RecordBatch.from_arrays(arrays, names=list(columns))
            done += len(batch)

    def where(self, row: int) -> str:
        """Return the place of a row."""
        return f"entry {row} of {self.path.name}"

    def _array(self, name: str, rows: list[dict[str, Any]], done: int) -> pa.Array:
        values = [row.get(name) for row in rows]
        if not self._are_numbers[name]:
            return pa.array([None if one is None else str(one) for one in values], pa.string())
        if any(isinstance(value, bool) for value in values):
            return pa.array([None if one is None else bool(one) for one in values], pa.bool_())
        if any(isinstance(value, str) for value in values):
            texts = pa.array([None if one is None else str(one) for one in values])
            read = self.numbers(name, texts, rows=range(done, done + len(rows)))
            return pa.array(read, from_pandas=True)
        return pa.array([None if one is None else float(one) for one in values], pa.float64())

    def _rows(self, progress: Progress) -> Iterator[dict[str, Any]]:
        if self._is_by_column:
            yield from self._transposed()
            return
        for item in _Rows(self.path).documents(progress):
            if isinstance(item, Refused):
                raise LabError(f"{item.where}: {item.why}; correct or leave it out.")
            _, key, document = item
            row = _row(document)
            yield {"id": key, **row} if key else row

    def _transposed(self) -> Iterator[dict[str, Any]]:
        """Yield the rows of a table that is written column by column, as pandas does."""
        name = self.path.name
        data = head_of(self.path, _LARGEST + 1)
        if len(data) > _LARGEST:
            raise LabError(
                f"{name} holds a table by column, too large to read; write it by row, as with "
                "DataFrame.to_json(orient='records', lines=True)."
            )
        try:
            columns = decoded(data)
        except CellError:
            raise LabError(f"{name} is JSON that breaks off or is damaged; check it.") from None
        if not all(isinstance(column, Mapping) for column in columns.values()):
            raise LabError(f"{name} holds columns that are not keyed by row; check it.")
        for key in next(iter(columns.values()), {}):
            yield _row({column: values.get(key) for column, values in columns.items()})


class _Rows(JsonDocuments):
    """Where a file has objects of plain values."""

    form = "table"
    title = "rows of a table"
    containers = ("data", "results", "entries", "docs", "response")

    @classmethod
    def is_document(cls, document: Mapping[str, Any]) -> bool:
        """Return whether an object has a number, also as text, and a text or a composition."""
        values = list(document.values())
        texts = [value for value in values if isinstance(value, str)]
        of_number = [len(text) < _LONGEST_NUMBER and is_number(text) for text in texts]
        has_composition = isinstance(document.get("composition"), Mapping)
        if any(isinstance(one, (int, float)) and not isinstance(one, bool) for one in values):
            return bool(texts) or has_composition
        return any(of_number) and (has_composition or not all(of_number))

    def read(self, document: Mapping[str, Any], where: str, key: str) -> Iterator[Record | Refused]:
        """Yield nothing: a row is no record."""
        del document, where, key
        yield from ()


def json_table(path: Path) -> JsonTable | None:
    """Return the table of a JSON file of plain rows, None for any other file."""
    is_table = _Rows.recognises(path) and _Rows.layout(path) != ()
    return JsonTable(path) if is_table or _is_by_column(json_head(path)) else None


def _is_by_column(head: JsonHead) -> bool:
    """Return whether an object holds columns of plain values by row number."""
    if head.is_lines or not isinstance(head.value, Mapping) or not head.value:
        return False
    columns = list(head.value.values())[:-1] or list(head.value.values())
    return all(
        isinstance(column, Mapping)
        and next(iter(column), "") == "0"
        and isinstance(column["0"], _PLAIN)
        for column in columns
    )


def _row(document: Mapping[str, Any]) -> dict[str, Any]:
    row = {}
    for name, value in document.items():
        if isinstance(value, _PLAIN):
            row[name] = value
        elif name == "composition" and isinstance(value, Mapping):
            row[name] = "".join(f"{symbol}{amount}" for symbol, amount in value.items())
    return row
