"""Reads a table of paired energies, in memory or into the user's data sets."""

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
    TableGuess,
    canonical_functional,
    energy_column,
    guess_table,
)
from core.frames.sources.mapping import file_sha256, merge_mapping, require
from core.frames.sources.opening import open_table
from core.frames.sources.structures import Cell, StructureError, parse_structure
from core.frames.sources.tabular import TableFile, is_text, numbers, parse_numbers
from core.progress import Progress, silent

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
    """Import a table of energies per atom in two or more functionals, one row a material.

    Every column that looks like a total energy is kept as one, other scalar columns beside them.

    Args:
        path: CSV (also gzipped) or Parquet; energies in eV/atom.
        name: Of the new data set.
        mapping: Field (material_id, formula, structure, source, target) to column, where the
            guess needs help; an empty column leaves the field out.
        functionals: Energy column to functional, where its name does not tell.
        corrections: Energy column to whether MP2020 corrections are in it.
        labels: "dft" or the name of the model that made the energies.
        licence: Of the data.
        title: One line for people.
        progress: Reports the share that is read.

    Returns:
        The card of the new data set.

    Raises:
        LabError: The file, row and remedy of whatever is wrong; nothing is imported then.
    """
    directory = new_dataset_path(name)
    table = _PairTable(open_table(path), mapping)
    card = table.card(name, functionals=functionals, corrections=corrections, labels=labels)
    frame = table.read(silent if table.structure else progress)
    card = card.model_copy(
        update={
            "title": title or name,
            "description": f"{len(frame):,} rows of {table.file.path.name}.",
            "licence": licence,
            "source_sha256": file_sha256(table.file),
        }
    )
    structures = (
        table.structures(frame["material_id"].tolist(), progress) if table.structure else None
    )
    return write_pairs(directory, card, frame, structures)


def pairs_from_table(
    path: Path | str,
    *,
    mapping: Mapping[str, str] | None = None,
    functionals: Mapping[str, str] | None = None,
    corrections: Mapping[str, Corrections] | None = None,
    labels: str = DFT,
) -> PairSet:
    """Read a table of pairs into memory without importing it; its structures are left out.

    Args:
        path: CSV (also gzipped) or Parquet; energies in eV/atom.
        mapping: As for import_pairs.
        functionals: As for import_pairs.
        corrections: As for import_pairs.
        labels: As for import_pairs.

    Raises:
        LabError: The file, row and remedy of whatever is wrong.
    """
    table = _PairTable(open_table(path), mapping)
    name = table.file.path.name.split(".")[0]
    card = table.card(name, functionals=functionals, corrections=corrections, labels=labels)
    frame = table.read()
    counts = {"n": len(frame), "n_materials": int(frame["material_id"].nunique())}
    return PairSet(card.model_copy(update=counts), frame)


class _PairTable:
    """A file read as pairs with one mapping."""

    def __init__(self, file: TableFile, mapping: Mapping[str, str] | None) -> None:
        self.file = file
        self.guess: TableGuess = guess_table(file)
        self.mapping = merge_mapping(file, self.guess.pairs_mapping(), mapping, fields=PAIR_FIELDS)
        what = "total energies (eV/atom)"
        source = require(file, self.mapping, "source", what)
        target = require(file, self.mapping, "target", f"a second functional's {what}")
        if source == target:
            raise LabError(
                f"Column {source!r} of {file.path.name} is mapped as source and as target; name "
                "two different columns."
            )
        self.structure = self.mapping.get("structure")
        if "formula" not in self.mapping and self.structure is None:
            require(file, self.mapping, "formula", "chemical formulas")

    def card(
        self,
        name: str,
        *,
        functionals: Mapping[str, str] | None,
        corrections: Mapping[str, Corrections] | None,
        labels: str,
    ) -> Card:
        """Make the card, still without counts."""
        labels = label_origin(labels)
        guessed = {one.column: one for one in self.guess.energies}
        for column in (self.mapping["source"], self.mapping["target"]):
            known = energy_column(column) or EnergyColumn(column=column, functional="unknown")
            guessed.setdefault(column, known)
        for column in (*(functionals or {}), *(corrections or {})):
            if column not in guessed:
                raise LabError(
                    f"{self.file.path.name} has no energy column {column!r}; its energy columns "
                    f"are: {', '.join(guessed)}."
                )
        energies = []
        for column, energy in guessed.items():
            functional = canonical_functional((functionals or {}).get(column, energy.functional))
            corrected = (corrections or {}).get(column, energy.corrections)
            energies.append(
                EnergyColumn(
                    column=column, functional=functional, corrections=corrected, labels=labels
                )
            )
        return Card(
            name=name,
            kind="pairs",
            labels=DFT if labels == DFT else "model",
            energies=energies,
            source_file=self.file.path.name,
        )

    def read(self, progress: Progress = silent) -> pd.DataFrame:
        """Read and check every scalar column."""
        mapped = {
            column: field
            for field, column in self.mapping.items()
            if field in {"material_id", "formula"}
        }
        energies = {one.column for one in self.guess.energies}
        energies |= {self.mapping["source"], self.mapping["target"]}
        dtypes = self.guess.dtypes
        columns = [
            name
            for name in self.file.columns
            if name in mapped or name in energies or dtypes[name] in _SCALAR
        ]
        table = self.file.read(columns, progress)
        data: dict[str, Any] = {}
        data["material_id"] = self._ids(table)
        data["formula"] = self._formulas(table)
        for name in columns:
            if name in energies:
                data[name] = self._energies(name, table.column(name))
            elif name not in mapped and name not in data:
                data[name] = _scalar(table.column(name))
        return pd.DataFrame(data)

    def structures(
        self, material_ids: list[str], progress: Progress = silent
    ) -> Iterator[Frame | None]:
        """Yield each row's structure as a frame without labels, None where it has none."""
        for row, cell in enumerate(self._cells(progress)):
            if cell is None:
                yield None
                continue
            yield Frame(
                frame_id=f"row-{row + 1}",
                material_id=material_ids[row],
                atomic_numbers=cell.atomic_numbers,
                frac_coords=cell.frac_coords,
                lattice=cell.lattice,
            )

    def _cells(self, progress: Progress = silent) -> Iterator[Cell | None]:
        row = 0
        for batch in self.file.batches([self.structure or ""], progress):
            for value in batch.column(0).to_pylist():
                try:
                    yield parse_structure(value) if value else None
                except StructureError as error:
                    raise self.file.fail(
                        row, str(error), "correct it or leave the cell empty"
                    ) from None
                row += 1

    def _ids(self, table: pa.Table) -> list[str]:
        column = self.mapping.get("material_id")
        if column is None:
            return [f"row-{row + 1}" for row in range(len(table))]
        ids = table.column(column).cast(pa.string()).to_pylist()
        for row, one in enumerate(ids):
            if not one:
                raise self.file.fail(row, f"column {column!r} is empty", "give the material an id")
        return ids

    def _formulas(self, table: pa.Table) -> list[str]:
        column = self.mapping.get("formula")
        if column is None:
            return self._formulas_from_structures()
        formulas = table.column(column).to_pylist()
        try:
            fractions_from_formulas(formulas)
        except FormulaError as error:
            raise self.file.fail(error.row, error.problem, FORMULA_REMEDY) from None
        return formulas

    def _formulas_from_structures(self) -> list[str]:
        formulas = []
        for row, cell in enumerate(self._cells()):
            if cell is None:
                raise self.file.fail(
                    row, "the row has neither a formula nor a structure", "give it one or remove it"
                )
            formulas.append(formula_of(cell.atomic_numbers))
        return formulas

    def _energies(self, name: str, column: pa.ChunkedArray) -> np.ndarray:
        values = numbers(self.file, name, column)
        if np.isnan(values).all():
            raise LabError(
                f"Column {name!r} of {self.file.path.name} holds no energies; name another one or "
                "fill it."
            )
        return values


def _scalar(column: pa.ChunkedArray) -> Any:
    """Keep a column beside the energies, as numbers if its text is all numbers."""
    if is_text(column.type):
        values, bad = parse_numbers(column)
        if bad is None and not np.isnan(values).all():
            return values
    return column.to_pandas()
