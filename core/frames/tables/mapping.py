"""A table file whose columns are mapped to fields: the guess, overruled by the user."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from core.csv_text import as_written
from core.errors import LabError
from core.frames.functionals import covers, functional_of_row
from core.frames.schema import Card, label_origin
from core.frames.tables.guessing import FIELDS, Kind, guess
from core.frames.tables.not_energies import without_energies
from core.frames.tables.structures import Cell, DisorderError, parse_structure
from core.frames.tables.tabular import CellError, TableFile, is_missing
from core.frames.units import (
    Label,
    Unit,
    UnknownUnitError,
    base_unit,
    describe,
    unit_in_name,
    unit_named,
    with_extent,
)

LABEL_OF: dict[str, Label] = {
    "source": "energy",
    "target": "energy",
    "energy": "energy",
    "uncorrected_energy": "energy",
    "forces": "forces",
    "stress": "stress",
    "magmoms": "magmoms",
    "bandgap": "bandgap",
}
"""Fields that have a unit, with the label whose units they take."""


@dataclass(kw_only=True, frozen=True)
class ColumnUnit:
    """The unit in which a column is read.

    Attributes:
        unit: the unit.
        label: what it measures.
        is_assumed: whether neither the column nor the user said it in full.
    """

    unit: Unit
    label: Label
    is_assumed: bool

    @property
    def text(self) -> str:
        """The unit in words."""
        return describe(self.unit, self.label) + (", assumed" if self.is_assumed else "")


@dataclass(kw_only=True, frozen=True)
class ImportPlan:
    """What an import takes from a table, before it reads the rows.

    Attributes:
        mapping: field to column.
        units: field, or column of further energies, to its unit.
        left_out: columns that look like labels but are not taken.
        ignored: all columns that are not taken.
        has_ids: whether a column says which rows belong to one material.
        decimal_commas: columns whose commas are read as decimal points.
        row: what one structure or formula is in the file.
        notes: what the user should know of how the file is read, as sentences.
    """

    mapping: dict[str, str]
    units: dict[str, ColumnUnit]
    left_out: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    has_ids: bool = True
    decimal_commas: list[str] = field(default_factory=list)
    row: str = "row"
    notes: Sequence[str] = ()

    @property
    def sentences(self) -> str:
        """The plan in words, for the description of the data set."""
        names = [*self.mapping, *(name for name in self.units if name not in self.mapping)]
        columns = [
            (f"{name} from {self.mapping[name]}" if name in self.mapping else name)
            + (f" ({self.units[name].text})" if name in self.units else "")
            for name in names
        ]
        text = [f"Read {', '.join(columns)}."] if columns else []
        if self.decimal_commas:
            text.append(f"Commas in {', '.join(self.decimal_commas)} are decimal points.")
        if self.left_out:
            text.append(f"Not read, though they look like labels: {', '.join(self.left_out)}.")
        if not self.has_ids:
            text.append(f"No ids were found, so each {self.row} is a material of its own.")
        return " ".join([*text, *self.notes])


class MappedTable:
    """A table file with a column for each field.

    A subclass whose file has no rows says in `row` what it has.

    Attributes:
        file: the table.
        guess: what its columns mean by their names and first rows.
        mapping: field to column, without the fields that have no column.
    """

    row: ClassVar[str] = "row"

    def __init__(
        self,
        file: TableFile,
        kind: Kind,
        chosen: Mapping[str, str] | None = None,
        *,
        functional: str | None = None,
        units: Mapping[str, str] | None = None,
        usual: Mapping[str, str] = MappingProxyType({}),
        units_are_known: bool = False,
    ) -> None:
        """Overrule the guessed columns by the user's.

        Args:
            file: the table.
            kind: what it is imported as.
            chosen: field to column; an empty column leaves the field out.
            functional: of frames and energies: the functional asked for.
            units: field, or energy column, to unit, where the name of the column does not say it.
            usual: label to its unit in files of this form, where neither says it; the lab's
                otherwise.
            units_are_known: whether the form itself defines these units.

        Raises:
            LabError: if a field does not exist or the table lacks a column.
        """
        self.guess = guess(file)
        fields = FIELDS[kind]
        merged = {**self.guess.mapping(kind, functional), **(chosen or {})}
        for name, column in merged.items():
            if name not in fields:
                raise LabError(
                    f"There is no field {name!r} to map; choose one of {', '.join(fields)}."
                )
            if column and column not in file.columns:
                raise LabError(
                    f"{file.path.name} has no column {column!r} to use as {name}; its columns "
                    f"are: {file.listed()}."
                )
        self.file = file
        self.mapping = {name: column for name, column in merged.items() if column}
        self._units = dict(units or {})
        self._usual = usual
        self._units_are_known = units_are_known
        self._functional = functional
        self._disordered: set[int] = set()
        self._other_functionals: Counter[str] = Counter()

    @property
    def used(self) -> list[str]:
        """Columns that are read as labels or what they need."""
        return list(dict.fromkeys(self.mapping.values()))

    @cached_property
    def plan(self) -> ImportPlan:
        """What is taken from the table."""
        for name in self._units:
            if name not in LABEL_OF and name not in self.file.columns:
                raise LabError(
                    f"{name!r} in --unit {name}={self._units[name]} is neither a field nor a "
                    f"column; choose one of {', '.join(LABEL_OF)}, or a column of energies."
                )
        used = self.used
        return ImportPlan(
            mapping=self.mapping,
            units={
                name: self.unit(name, column)
                for name, column in self.mapping.items()
                if name in LABEL_OF
            },
            left_out=self.guess.look_alikes(used),
            ignored=[name for name in self.file.columns if name not in used],
            has_ids=bool({"material_id", "frame_id"} & self.mapping.keys()),
            decimal_commas=[name for name in self.guess.decimal_commas if name in used],
            notes=self.file.notes,
            row=self.row,
        )

    def unit(self, name: str, column: str) -> ColumnUnit:
        """Return the unit of a field's column: the user's, the column's own, or the lab's.

        Raises:
            LabError: if the unit is not known.
        """
        label = LABEL_OF.get(name, "energy")
        said = self._units.get(name, self._units.get(column))
        try:
            if said is not None:
                return ColumnUnit(unit=unit_named(label, said), label=label, is_assumed=False)
            unit = unit_in_name(label, column, below=self.file.unit_of(label, column))
        except UnknownUnitError as error:
            raise LabError(
                f"{self.file.path.name}: the unit of column {column!r} is not known; give it with "
                f"--unit {name}=UNIT ({str(error).rstrip('.')})."
            ) from None
        if unit is not None and unit.is_complete:
            return ColumnUnit(unit=unit, label=label, is_assumed=False)
        # What is said of energies holds for all columns of them that do not say otherwise.
        if label == "energy" and (said := self._units.get(label)):
            return ColumnUnit(unit=unit_named(label, said), label=label, is_assumed=False)
        usual = unit_named(label, self._usual[label]) if label in self._usual else base_unit(label)
        if unit is not None:
            usual = with_extent(unit, usual)
        return ColumnUnit(unit=usual, label=label, is_assumed=not self._units_are_known)

    def rows_of_functional(
        self,
        batch: pa.Table | pa.RecordBatch,
        first_row: int,
        candidates: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return which rows are of the functional asked for, (n,) booleans; the others are counted.

        Args:
            batch: the rows.
            first_row: row of the file at which they begin.
            candidates: rows that count at all, (n,) booleans; None for all.

        Raises:
            LabError: if a row does not name its functional.
        """
        wanted = np.ones(batch.num_rows, dtype=bool) if candidates is None else candidates.copy()
        if "functional" not in self.mapping or self._functional is None:
            return wanted
        for row, value in enumerate(self.texts(batch, "functional")):
            if not wanted[row]:
                continue
            if value is None or is_missing(value):
                raise self.file.fail(
                    first_row + row,
                    f"column {self.mapping['functional']!r} does not name the row's functional",
                    "fill it, or leave the column out with --map functional=",
                )
            name = functional_of_row(value)
            wanted[row] = covers(self._functional, name)
            if not wanted[row]:
                self._other_functionals[name] += 1
        return wanted

    def without_functional(self) -> LabError:
        """Return the error for a table of which no row is of the functional asked for."""
        names = ", ".join(f"{name} ({n:,})" for name, n in self._other_functionals.most_common(9))
        return LabError(
            f"{self.file.path.name} has no row in {self._functional}; column "
            f"{self.mapping.get('functional', 'functional')!r} names {names}; ask for one of "
            "these, or leave the column out with --map functional=."
        )

    def counted(self, taken: int, rows: int, left_out: Iterable[tuple[int, str]] = ()) -> str:
        """Return how many rows were taken and which were left out, in one sentence."""
        reasons = [
            *(f"{n:,} {why}" for n, why in left_out if n),
            *(f"{n:,} in {name}" for name, n in self._other_functionals.most_common()),
        ]
        text = f"{taken:,} of {rows:,} {self.row}s of {self.file.path.name}"
        return f"{text}; left out: {' and '.join(reasons)}." if reasons else f"{text}."

    def require(self, field: str, content: str) -> str:
        """Return the column of a field.

        Args:
            field: the field.
            content: what its column contains, for the message.

        Raises:
            LabError: if the field has no column.
        """
        if field not in self.mapping:
            if field in {"energy", "source"} and not self.guess.energies:
                raise without_energies(self.file)
            raise LabError(
                f"{self.file.path.name} has no column that looks like {content}; name the one to "
                f"use as {field}, its columns are: {self.file.listed()}."
            )
        return self.mapping[field]

    def texts(self, table: pa.Table | pa.RecordBatch, field: str) -> list[str | None]:
        """Return the values of a mapped field as text."""
        column = table.column(self.mapping[field]).cast(pa.string())
        # Of a table that the lab exported, cells that begin like a formula have an apostrophe.
        return [value and as_written(value) for value in column.to_pylist()]

    def checked_id(self, row: int, field: str, value: str | None) -> str:
        """Return an id, or raise LabError if it is empty."""
        if value is None or (is_missing(value) and value.strip().lower() != "na"):
            raise self.file.fail(
                row, f"column {self.mapping[field]!r} is empty", "give every row an id"
            )
        return value

    def structure(self, row: int, value: Any) -> Cell | None:
        """Return the structure in a cell; None for a disordered one, which is counted.

        Raises:
            LabError: if the cell holds no structure.
        """
        with self.cell_errors(row):
            try:
                return parse_structure(value)
            except DisorderError:
                self._disordered.add(row)
        return None

    @property
    def first_disordered(self) -> str:
        """Where the first disordered structure is, as a sentence; empty without one."""
        if not self._disordered:
            return ""
        return f"The first disordered structure: {self.file.where(min(self._disordered))}."

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


def suggested_units(file: TableFile, mapping: Mapping[str, str]) -> dict[str, str]:
    """Return field to the unit that its column states, the lab's where it states none.

    The unit is empty where the column states one that is not known.
    """
    names = {}
    for name, column in mapping.items():
        if column and name in LABEL_OF:
            label = LABEL_OF[name]
            try:
                unit = unit_in_name(label, column, below=file.unit_of(label, column))
            except UnknownUnitError:
                names[name] = ""
            else:
                names[name] = (unit or base_unit(label)).name
    return names


def functionals_in_rows(file: TableFile, column: str) -> Counter[str]:
    """Return the functionals that the rows of a table name, with the number of rows of each."""
    cells = file.read([column]).column(0).cast(pa.string()).to_pylist()
    return Counter(functional_of_row(text) for text in cells if not is_missing(text))


def functional_in_rows(file: TableFile, column: str) -> str:
    """Return the functional that all rows of a table name.

    Raises:
        LabError: if they name none or several.
    """
    counts = functionals_in_rows(file, column)
    if len(counts) == 1:
        return next(iter(counts))
    names = ", ".join(f"{name} ({n:,} rows)" for name, n in counts.most_common(9)) or "none"
    raise LabError(
        f"{file.path.name}: column {column!r} names the functionals {names}; say which rows to "
        "take, as in --functional r2SCAN."
    )
