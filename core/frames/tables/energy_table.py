"""A table of compositions with their energies in one or several functionals."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from core.elements import (
    FORMULA_REMEDY,
    N_ELEMENTS,
    FormulaError,
    amounts_from_formulas,
    as_hydrate,
    formula_of,
    fractions_from_formulas,
)
from core.errors import LabError
from core.frames.column_names import UNKNOWN, differ_in_corrections
from core.frames.extent import are_per_atom, refuse_column
from core.frames.functionals import canonical_functional
from core.frames.pairs import write_pairs
from core.frames.registry import new_dataset_path
from core.frames.schema import DFT, Card, Corrections, EnergyColumn, Frame, label_origin
from core.frames.tables.guessing import Kind
from core.frames.tables.mapping import ColumnUnit, ImportPlan, MappedTable
from core.frames.tables.opening import open_table
from core.frames.tables.structures import Cell, contradiction
from core.frames.tables.tabular import TableFile, is_missing, missing_cells, parse_numbers
from core.progress import Progress, part, silent

_SCALAR = frozenset({"number", "text", "bool"})


class EnergyTable(MappedTable):
    """A table file that is read as compositions with energies in one or several functionals."""

    def __init__(
        self,
        path: Path | str | TableFile,
        kind: Kind,
        mapping: Mapping[str, str] | None,
        *,
        functional: str | None = None,
        units: Mapping[str, str] | None = None,
    ) -> None:
        file = open_table(path)
        super().__init__(file, kind, mapping, functional=functional, units=units)
        known = {energy.column: energy for energy in self.guess.energies}
        if kind == "pairs":
            columns = [*known, *self._source_and_target()]
        else:
            first = known.get(self.require("energy", "total energies (eV/atom)"))
            columns = [self.mapping["energy"]]
            columns += [one.column for one in known.values() if first and _is_twin(first, one)]
        if "structure" not in self.mapping:
            self.require("formula", "chemical formulas")
        self._energies = {column: self.guess.energy(column) for column in dict.fromkeys(columns)}
        self._keep: np.ndarray | None = None
        self._n_rows = self._n_empty = 0
        self._hydrates: dict[str, str] = {}

    @property
    def energy_columns(self) -> list[str]:
        """Columns that are read as energies."""
        return list(self._energies)

    @property
    def used(self) -> list[str]:
        """Columns that are read as energies or what they need."""
        return list(dict.fromkeys([*super().used, *self._energies]))

    @cached_property
    def plan(self) -> ImportPlan:
        """What is taken from the table."""
        units = {self._field(column): unit for column, unit in self._unit_of.items()}
        return replace(super().plan, units=units)

    @property
    def description(self) -> str:
        """What was read, assumed and left out, after the table was read."""
        n = self._n_rows if self._keep is None else int(self._keep.sum())
        empty = [(self._n_empty, "empty")]
        sentences = [self.counted(n, self._n_rows, empty), self.plan.sentences]
        if self._disordered:
            sentences.append(
                f"Without a structure, because it is disordered: {len(self._disordered):,}. "
                f"{self.first_disordered}"
            )
        if self._hydrates:
            pairs = list(self._hydrates.items())[:5]
            read = ", ".join(f"{formula} as {hydrate}" for formula, hydrate in pairs)
            sentences.append(f"Read {read}.")
        return " ".join(filter(None, sentences))

    def energies(
        self, functionals: Mapping[str, str], corrections: Mapping[str, Corrections], labels: str
    ) -> list[EnergyColumn]:
        """Return the energy columns, as guessed from their names unless specified."""
        for column in (*functionals, *corrections):
            if column not in self._energies:
                raise LabError(
                    f"{self.file.path.name} has no energy column {column!r}; its energy columns "
                    f"are: {', '.join(self._energies)}."
                )
        return [
            EnergyColumn(
                column=column,
                functional=canonical_functional(functionals.get(column, energy.functional)),
                corrections=corrections.get(column, energy.corrections),
                labels=energy.labels if label_origin(labels) == DFT else label_origin(labels),
            )
            for column, energy in self._energies.items()
        ]

    def check_pair(self, energies: list[EnergyColumn]) -> None:
        """Raise LabError if source and target are one functional with and without corrections."""
        known = {energy.column: energy for energy in energies}
        source, target = known[self.mapping["source"]], known[self.mapping["target"]]
        if differ_in_corrections(source, target):
            raise self._no_pair(source.column, target.column)

    def write(
        self,
        name: str,
        energies: list[EnergyColumn],
        licence: str,
        title: str,
        progress: Progress,
    ) -> Card:
        """Read the table and write it as a new data set."""
        directory = new_dataset_path(name)
        has_structures = "structure" in self.mapping
        data = self.read(part(progress, 0.0, 0.1) if has_structures else progress)
        if not has_structures:
            self.refuse_totals_of_formulas(data)
        card = self.card(
            kind="pairs",
            name=name,
            title=title,
            labels=DFT if {energy.labels for energy in energies} == {DFT} else "model",
            energies=energies,
            licence=licence,
        )
        structures = None
        if has_structures:
            structures = self._checked(self._structures(data, part(progress, 0.1, 1.0)), data)
        return write_pairs(directory, card, data, structures, describe=self._describe)

    def _describe(self, card: Card) -> Card:
        return card.model_copy(update={"description": self.description})

    def read(self, progress: Progress = silent) -> pd.DataFrame:
        """Read and check every column of single values, energies in eV/atom."""
        mapped = {self.mapping.get(field) for field in ("material_id", "formula", "functional")}
        columns = [
            name
            for name in self.file.columns
            if name in mapped or name in self._energies or self.guess.dtypes[name] in _SCALAR
        ]
        _ = self.plan  # an unknown unit is told before anything is read
        table = self._of_functional(self.file.read(columns, progress))
        formulas = self._formulas(table)
        data: dict[str, Any] = {"material_id": self._material_ids(table), "formula": formulas}
        for name in columns:
            if name in self._energies:
                data[name] = self._energy_values(name, table, formulas)
            elif name not in data and (name not in mapped or self._tells_rows(name, table)):
                data[name] = self._values(table.column(name))
        return pd.DataFrame(data)

    def _tells_rows(self, name: str, table: pa.Table) -> bool:
        """Return whether a column names functionals that differ by row, as GGA and GGA+U do."""
        return name == self.mapping.get("functional") and len(table.column(name).unique()) > 1

    def _checked(
        self, frames: Iterator[Frame | None], data: pd.DataFrame
    ) -> Iterator[Frame | None]:
        """Pass structures through, and refuse energies at their end that are their totals."""
        counts = np.zeros((len(data), N_ELEMENTS), dtype=np.int32)
        for row, frame in enumerate(frames):
            if frame is not None:
                np.add.at(counts[row], frame.atomic_numbers.astype(int) - 1, 1)
            yield frame
        self._refuse_totals(data, counts, of_formulas=False)

    def refuse_totals_of_formulas(self, data: pd.DataFrame) -> None:
        """Raise LabError if energies without a stated unit are totals, or may be.

        Columns named after a functional are taken as eV/atom where their energies do not tell;
        others, such as matbench-discovery's chgnet_energy, often are totals of cells.
        """
        counts = amounts_from_formulas(data["formula"])
        self._refuse_totals(data, counts, of_formulas=True)
        doubtful = {
            field: column
            for field, column in self.mapping.items()
            if column in self._energies
            and self._unit_of[column].is_assumed
            and self.guess.energy(column).functional == UNKNOWN
            and not are_per_atom(counts, data[column].to_numpy())
        }
        if doubtful:
            unit = self._unit_of[next(iter(doubtful.values()))].unit.name.rpartition("/")[0]
            flags = " ".join(f"--unit {field}={unit}/atom" for field in doubtful)
            raise LabError(
                f"{self.file.path.name}: it is not known whether {' and '.join(doubtful.values())} "
                f"belongs to an atom or to the cell, and the energies do not show it; say {flags}, "
                "or /cell where a column nsites gives the numbers of atoms."
            )

    def _refuse_totals(self, data: pd.DataFrame, counts: np.ndarray, *, of_formulas: bool) -> None:
        """Refuse energies without a stated unit that are totals."""
        known = counts.any(axis=1)
        stated = data.get(self.mapping.get("n_atoms", "")) if of_formulas else None
        n_atoms = None if stated is None else pd.to_numeric(stated, errors="coerce").to_numpy(float)
        for column in self._energies:
            if self._unit_of[column].is_assumed and known.any():
                energies = data[column].to_numpy()[known]
                where = f"{self.file.path.name}, column {column!r}"
                read_as, field = self._unit_of[column].unit.name, self._field(column)
                refuse_column(
                    counts[known],
                    energies,
                    where,
                    of_formulas=of_formulas,
                    n_atoms=None if n_atoms is None else n_atoms[known],
                    read_as=read_as,
                    field=field if field == column else "energy",
                )

    @cached_property
    def _unit_of(self) -> dict[str, ColumnUnit]:
        """Units of the energy columns."""
        return {column: self.unit(self._field(column), column) for column in self._energies}

    def _field(self, column: str) -> str:
        """Return the field of an energy column, or the column itself where it has none."""
        return next((name for name, mapped in self.mapping.items() if mapped == column), column)

    @property
    def _rows(self) -> np.ndarray:
        """Row numbers in the file of the rows that are taken."""
        return np.arange(self._n_rows) if self._keep is None else np.flatnonzero(self._keep)

    def _source_and_target(self) -> tuple[str, str]:
        content = "total energies (eV/atom)"
        source = self.require("source", content)
        if "target" not in self.mapping and self.guess.twins:
            raise self._no_pair(*self.guess.twins[:2])
        target = self.require("target", f"a second functional's {content}")
        if source == target:
            raise LabError(
                f"Column {source!r} of {self.file.path.name} is mapped as source and as target; "
                "name two different columns."
            )
        return source, target

    def _no_pair(self, first: str, second: str) -> LabError:
        return LabError(
            f"{self.file.path.name}: {first} and {second} are energies of one functional with and "
            "without corrections, which are no pair; name a second functional's energies, or "
            "import them as one functional (--format energies --functional NAME)."
        )

    def _of_functional(self, table: pa.Table) -> pa.Table:
        """Return the rows of the functional that was asked for."""
        self._n_rows = len(table)
        filled = np.zeros(len(table), dtype=bool)
        for name in self.used:
            if name in table.column_names:
                filled |= ~missing_cells(table.column(name))
        self._n_empty = int((~filled).sum())
        keep = self.rows_of_functional(table, 0, filled)
        if keep.all():
            return table
        if not keep.any():
            raise self.without_functional() if filled.any() else self.file.without_rows()
        self._keep = keep
        return table.filter(pa.array(keep))

    def _structures(self, data: pd.DataFrame, progress: Progress) -> Iterator[Frame | None]:
        """Yield the structure of each row as a frame without labels, None where it has none."""
        ids, formulas = data["material_id"].tolist(), data["formula"].tolist()
        for place, (row, cell) in enumerate(self._cells(progress)):
            if cell is None:
                yield None
                continue
            problem = contradiction(formulas[place], cell.atomic_numbers)
            if problem:
                raise self.file.fail(row, problem, "correct one of them or leave the cell empty")
            yield cell.frame(frame_id=f"row-{row + 1}", material_id=ids[place])

    def _cells(self, progress: Progress = silent) -> Iterator[tuple[int, Cell | None]]:
        """Yield row number and structure of the rows that are taken."""
        row = 0
        for batch in self.file.batches([self.mapping["structure"]], progress):
            for value in batch.column(0).to_pylist():
                if self._keep is None or self._keep[row]:
                    empty = not value or is_missing(value)
                    yield row, None if empty else self.structure(row, value)
                row += 1

    def _material_ids(self, table: pa.Table) -> list[str]:
        if "material_id" not in self.mapping:
            return [f"row-{row + 1}" for row in self._rows]
        ids = self.texts(table, "material_id")
        return [
            self.checked_id(row, "material_id", value)
            for row, value in zip(self._rows.tolist(), ids, strict=True)
        ]

    def _formulas(self, table: pa.Table) -> list[str]:
        if "formula" not in self.mapping:
            return list(self._formulas_of_structures())
        formulas: list[str] = table.column(self.mapping["formula"]).to_pylist()
        try:
            fractions_from_formulas(formulas)
        except FormulaError as error:
            row = int(self._rows[error.row])
            raise self.file.fail(row, error.problem, FORMULA_REMEDY) from None
        self._hydrates = {
            formula: hydrate
            for formula in dict.fromkeys(formulas)
            if (hydrate := as_hydrate(formula))
        }
        return formulas

    def _formulas_of_structures(self) -> Iterator[str]:
        for row, cell in self._cells():
            if row in self._disordered:
                raise self.file.fail(
                    row, "the structure is disordered", "add a column of formulas, or order it"
                )
            if cell is None:
                raise self.file.fail(
                    row, "the row has neither a formula nor a structure", "add one of them"
                )
            yield formula_of(cell.atomic_numbers)

    def _energy_values(self, name: str, table: pa.Table, formulas: list[str]) -> np.ndarray:
        """Return the energies of a column in eV/atom, (n,)."""
        values = self._numbers(name, table)
        if np.isnan(values).all():
            raise LabError(
                f"Column {name!r} of {self.file.path.name} contains no energies; name another one "
                "or fill it."
            )
        unit = self._unit_of[name].unit
        if unit.per == "formula unit":
            atoms = amounts_from_formulas(formulas).sum(axis=1)
        else:
            atoms = self._n_atoms(name, table) if unit.per == "cell" else None
        return self.file.possible(name, unit.energies(values, atoms=atoms), self._rows)

    def _numbers(self, name: str, table: pa.Table) -> np.ndarray:
        """Return a column of the rows that are taken as numbers, (n,)."""
        return self.file.numbers(name, table.column(name), rows=self._rows)

    def _values(self, column: pa.ChunkedArray) -> Any:
        """Return a column of single values, as numbers if its text is all numbers."""
        if pa.types.is_string(column.type) and self.file.open_comma(column) is None:
            values, bad = parse_numbers(column)
            if bad is None and not np.isnan(values).all():
                return values
        return column.to_pandas()

    def _n_atoms(self, name: str, table: pa.Table) -> np.ndarray:
        """Return the number of atoms in the cell of each row, (n,), NaN where it is not known."""
        if "n_atoms" in self.mapping:
            counts = self._numbers(self.mapping["n_atoms"], table)
        elif "structure" in self.mapping:
            cells = [cell for _, cell in self._cells()]
            counts = np.array([np.nan if c is None else len(c.atomic_numbers) for c in cells])
        else:
            raise LabError(
                f"{self.file.path.name}: column {name!r} is in {self._unit_of[name].unit.name}, so "
                "the number of atoms per cell is needed; add a column nsites or structures, or "
                f"give another unit with --unit {self._field(name)}=UNIT."
            )
        without = np.flatnonzero(~(counts > 0))
        if len(without):
            raise self.file.fail(
                int(self._rows[without[0]]),
                f"the number of atoms per cell is not known, and column {name!r} is in "
                f"{self._unit_of[name].unit.name}",
                "add it",
            )
        return counts


def _is_twin(first: EnergyColumn, other: EnergyColumn) -> bool:
    return first.column != other.column and differ_in_corrections(first, other)
