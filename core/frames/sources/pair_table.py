"""Reading a table of paired energies, in memory or as a new data set."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from core.elements import FORMULA_REMEDY, FormulaError, formula_of, fractions_from_formulas
from core.errors import LabError
from core.frames.pairs import PairSet, write_pairs
from core.frames.registry import new_dataset_path
from core.frames.schema import DFT, Card, Corrections, EnergyColumn, Frame, label_origin
from core.frames.sources.guessing import (
    PAIR_FIELDS,
    canonical_functional,
    energy_column,
    guess,
)
from core.frames.sources.mapping import MappedTable
from core.frames.sources.opening import open_table
from core.frames.sources.structures import Cell, parse_structure
from core.frames.sources.tabular import parse_numbers
from core.progress import Progress, part, silent

_SCALAR = frozenset({"number", "text", "bool"})


def import_pairs(
    path: Path | str,
    *,
    name: str,
    mapping: Mapping[str, str] | None = None,
    functionals: Mapping[str, str] | None = None,
    corrections: Mapping[str, Corrections] | None = None,
    labels: str = DFT,
    licence: str = "",
    title: str = "",
    progress: Progress = silent,
) -> Card:
    """Import a table of energies per atom in two or more functionals, one row per material.

    Every column that looks like a total energy becomes an energy column; other columns of single
    values are kept beside them.

    Args:
        path: CSV (also gzipped) or Parquet; energies in eV/atom.
        name: name of the new data set.
        mapping: field (material_id, formula, structure, source, target) to column, where the
            guess is wrong; an empty column leaves the field out.
        functionals: energy column to functional, where the guess from its name is wrong.
        corrections: energy column to whether its energies contain MP2020 corrections.
        labels: "dft" or the name of the model that made the energies.
        licence: licence of the data.
        title: one line for people.
        progress: called with the finished share.

    Returns:
        The card of the new data set.

    Raises:
        LabError: if a row or the file cannot be read; nothing is imported then.
    """
    directory = new_dataset_path(name)
    table = _PairTable(path, mapping)
    energies = table.energies(functionals or {}, corrections or {}, labels)
    has_structures = "structure" in table.mapping
    data = table.read(part(progress, 0.0, 0.1) if has_structures else progress)
    card = table.card(
        kind="pairs",
        name=name,
        title=title,
        labels=DFT if label_origin(labels) == DFT else "model",
        energies=energies,
        licence=licence,
        description=f"{len(data):,} rows of {table.file.path.name}.",
    )
    ids = data["material_id"].tolist()
    structures = table.structures(ids, part(progress, 0.1, 1.0)) if has_structures else None
    return write_pairs(directory, card, data, structures)


def pairs_from_table(path: Path | str, *, mapping: Mapping[str, str] | None = None) -> PairSet:
    """Read a table of pairs into memory without importing it; its structures are left out.

    Args:
        path: CSV (also gzipped) or Parquet; energies in eV/atom.
        mapping: as for `import_pairs`.

    Raises:
        LabError: if a row or the file cannot be read.
    """
    table = _PairTable(path, mapping)
    data = table.read()
    card = table.card(
        kind="pairs",
        name=table.file.path.name.split(".")[0],
        title="",
        labels=DFT,
        energies=table.energies({}, {}, DFT),
        n=len(data),
        n_materials=data["material_id"].nunique(),
    )
    return PairSet(card, data)


class _PairTable(MappedTable):
    """A table file that is read as pairs."""

    def __init__(self, path: Path | str, mapping: Mapping[str, str] | None) -> None:
        file = open_table(path)
        self._guess = guess(file)
        super().__init__(file, self._guess.pairs_mapping(), mapping, fields=PAIR_FIELDS)
        content = "total energies (eV/atom)"
        source = self.require("source", content)
        target = self.require("target", f"a second functional's {content}")
        if source == target:
            raise LabError(
                f"Column {source!r} of {file.path.name} is mapped as source and as target; name "
                "two different columns."
            )
        if "structure" not in self.mapping:
            self.require("formula", "chemical formulas")
        self._energies = {energy.column: energy for energy in self._guess.energies}
        for column in (source, target):
            unknown = EnergyColumn(column=column, functional="unknown")
            self._energies.setdefault(column, energy_column(column) or unknown)

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
                labels=label_origin(labels),
            )
            for column, energy in self._energies.items()
        ]

    def read(self, progress: Progress = silent) -> pd.DataFrame:
        """Read and check every column of single values."""
        mapped = {self.mapping.get("material_id"), self.mapping.get("formula")}
        columns = [
            name
            for name in self.file.columns
            if name in mapped or name in self._energies or self._guess.dtypes[name] in _SCALAR
        ]
        table = self.file.read(columns, progress)
        data: dict[str, Any] = {
            "material_id": self._material_ids(table),
            "formula": self._formulas(table),
        }
        for name in columns:
            if name in self._energies:
                data[name] = self._energy_values(name, table.column(name))
            elif name not in mapped and name not in data:
                data[name] = _values(table.column(name))
        return pd.DataFrame(data)

    def structures(self, material_ids: list[str], progress: Progress) -> Iterator[Frame | None]:
        """Yield the structure of each row as a frame without labels, None where it has none."""
        for row, cell in enumerate(self._cells(progress)):
            ids = {"frame_id": f"row-{row + 1}", "material_id": material_ids[row]}
            yield None if cell is None else cell.frame(**ids)

    def _cells(self, progress: Progress = silent) -> Iterator[Cell | None]:
        row = 0
        for batch in self.file.batches([self.mapping["structure"]], progress):
            for value in batch.column(0).to_pylist():
                with self.cell_errors(row):
                    cell = parse_structure(value) if value else None
                yield cell
                row += 1

    def _material_ids(self, table: pa.Table) -> list[str]:
        if "material_id" not in self.mapping:
            return [f"row-{row + 1}" for row in range(len(table))]
        ids = self.texts(table, "material_id")
        return [self.checked_id(row, "material_id", value) for row, value in enumerate(ids)]

    def _formulas(self, table: pa.Table) -> list[str]:
        if "formula" not in self.mapping:
            return list(self._formulas_of_structures())
        formulas: list[str] = table.column(self.mapping["formula"]).to_pylist()
        try:
            fractions_from_formulas(formulas)
        except FormulaError as error:
            raise self.file.fail(error.row, error.problem, FORMULA_REMEDY) from None
        return formulas

    def _formulas_of_structures(self) -> Iterator[str]:
        for row, cell in enumerate(self._cells()):
            if cell is None:
                raise self.file.fail(
                    row, "the row has neither a formula nor a structure", "add one of them"
                )
            yield formula_of(cell.atomic_numbers)

    def _energy_values(self, name: str, column: pa.ChunkedArray) -> np.ndarray:
        values = self.file.numbers(name, column)
        if np.isnan(values).all():
            raise LabError(
                f"Column {name!r} of {self.file.path.name} contains no energies; name another one "
                "or fill it."
            )
        return values


def _values(column: pa.ChunkedArray) -> Any:
    """Return a column of single values, as numbers if its text is all numbers."""
    if pa.types.is_string(column.type):
        values, bad = parse_numbers(column)
        if bad is None and not np.isnan(values).all():
            return values
    return column.to_pandas()
