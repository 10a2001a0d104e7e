"""A table file whose columns are mapped to fields: the guess, overruled by the user."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from core.errors import LabError
from core.frames.schema import Card, label_origin
from core.frames.sources.tabular import CellError, TableFile


class MappedTable:
    """A table file with a column for each field.

    Attributes:
        file: the table.
        mapping: field to column, without the fields that have no column.
    """

    def __init__(
        self,
        file: TableFile,
        guessed: Mapping[str, str],
        chosen: Mapping[str, str] | None,
        *,
        fields: Sequence[str],
    ) -> None:
        """Overrule the guessed columns by the user's.

        Args:
            file: the table.
            guessed: field to column.
            chosen: field to column; an empty column leaves the field out.
            fields: all fields that may be mapped.

        Raises:
            LabError: if a field does not exist or the table lacks a column.
        """
        merged = {**guessed, **(chosen or {})}
        for field, column in merged.items():
            if field not in fields:
                raise LabError(
                    f"There is no field {field!r} to map; choose one of {', '.join(fields)}."
                )
            if column and column not in file.columns:
                raise LabError(
                    f"{file.path.name} has no column {column!r} to use as {field}; its columns "
                    f"are: {', '.join(file.columns)}."
                )
        self.file = file
        self.mapping = {field: column for field, column in merged.items() if column}

    def require(self, field: str, content: str) -> str:
        """Return the column of a field.

        Args:
            field: the field.
            content: what its column contains, for the message.

        Raises:
            LabError: if the field has no column.
        """
        if field not in self.mapping:
            raise LabError(
                f"{self.file.path.name} has no column that looks like {content}; name the one to "
                f"use as {field}, its columns are: {', '.join(self.file.columns)}."
            )
        return self.mapping[field]

    def texts(self, table: pa.Table | pa.RecordBatch, field: str) -> list[str | None]:
        """Return the values of a mapped field as text."""
        column = table.column(self.mapping[field]).cast(pa.string())
        return list(column.to_pylist())

    def checked_id(self, row: int, field: str, value: str | None) -> str:
        """Return an id, or raise LabError if it is empty."""
        if not value:
            raise self.file.fail(
                row, f"column {self.mapping[field]!r} is empty", "give every row an id"
            )
        return value

    @contextmanager
    def cell_errors(self, row: int) -> Iterator[None]:
        """Turn a CellError into a LabError that names the row."""
        try:
            yield
        except CellError as error:
            raise self.file.fail(row, str(error), "correct it or leave the cell empty") from None

    def card(self, *, name: str, title: str, labels: str, **fields: Any) -> Card:
        """Return a card of the table, without counts.

        Args:
            name: name of the data set.
            title: one line for people; by default the name.
            labels: "dft" or the name of the model that made the labels.
            fields: further fields of the card.
        """
        return Card(
            name=name,
            title=title or name,
            labels=label_origin(labels),
            source_file=self.file.path.name,
            source_sha256=self.file.sha256(),
            **fields,
        )
