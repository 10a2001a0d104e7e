"""Import of a table of frames: one structure with its labels per row."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from core.boxed import count_read
from core.elements import FormulaError, amounts_from_formulas, fractions_from_formula
from core.errors import LabError
from core.frames.extent import refuse_totals
from core.frames.functionals import canonical_functional
from core.frames.registry import new_dataset_path
from core.frames.schema import DFT, Card, Corrections, Frame
from core.frames.store import write_frames
from core.frames.tables.exported import stated_by_lab
from core.frames.tables.labels import StressOrder, parse_label
from core.frames.tables.mapping import MappedTable
from core.frames.tables.opening import open_table
from core.frames.tables.structures import Cell, contradiction
from core.frames.tables.tabular import CellError, TableFile, is_missing
from core.frames.units import Unit
from core.progress import Progress, silent

_NUMBERS = ("energy", "uncorrected_energy", "bandgap")
_TEXTS = ("frame_id", "material_id", "functional", "formula")


def import_frames(
    path: Path | str | TableFile,
    *,
    name: str,
    functional: str,
    mapping: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    stress_order: StressOrder | None = None,
    corrections: Corrections | None = None,
    labels: str = DFT,
    licence: str = "",
    title: str = "",
    progress: Progress = silent,
) -> Card:
    """Import a table with a structure and an energy in each row as frames.

    Rows without a structure, with a disordered one, without an energy or of another functional are
    left out and counted in the description, which also states the unit of each column. Other labels
    may be missing.

    Args:
        path: CSV (also gzipped) or Parquet. Structures: pymatgen dictionaries, CIF or POSCAR.
            Energies in eV/atom, forces (n, 3) in eV/Å, stress (3, 3), (9,) or (6,) in GPa with
            CHGNet's sign (−0.1 × VASP's kBar) and magmoms (n,) in μB, unless the columns' names or
            `units` say otherwise: nested lists, or the same as text.
        name: name of the new data set.
        functional: functional of the labels; rows that name another one are left out.
        mapping: field (frame_id, material_id, structure, energy, uncorrected_energy, forces,
            stress, magmoms, bandgap, formula, functional) to column, where the guess is wrong; an
            empty column leaves the field out.
        units: field to unit, where the name of the column does not say it.
        stress_order: order of six numbers of stress.
        corrections: whether the energies contain MP2020 corrections; by default guessed from the
            column's name.
        labels: "dft" or the name of the model that made the labels.
        licence: licence of the data.
        title: one line for people.
        progress: called with the finished share.

    Returns:
        The card of the new data set.

    Raises:
        LabError: if a row or the file cannot be read; nothing is imported then.
    """
    directory = new_dataset_path(name)
    functional = canonical_functional(functional)
    table = FrameTable(open_table(path), mapping, functional, units, stress_order)
    stated = stated_by_lab(table.file)
    if corrections is None and stated is not None:
        corrections = stated.corrections
    guessed = table.guess.energy(table.mapping["energy"])
    card = table.card(
        kind="frames",
        name=name,
        title=title,
        functional=functional,
        labels=(stated.labels if stated else guessed.labels) if labels == DFT else labels,
        corrections=corrections or guessed.corrections,
        licence=licence,
    )
    frames: Iterable[Frame] = table.frames(progress)
    energy = table.plan.units["energy"]
    if energy.is_assumed:
        frames = refuse_totals(frames, table.file.path.name, read_as=energy.unit.name)
    return write_frames(directory, card, frames, describe=table.describe)


class FrameTable(MappedTable):
    """A table file that is read as frames; counts the rows that are left out."""

    def __init__(
        self,
        file: TableFile,
        mapping: Mapping[str, str] | None,
        functional: str,
        units: Mapping[str, str] | None,
        stress_order: StressOrder | None = None,
    ) -> None:
        super().__init__(file, "frames", mapping, functional=functional, units=units)
        if not {"structure", "formula"} & self.mapping.keys():
            raise LabError(
                f"{file.path.name} has no column that looks like structures or formulas; name it "
                "with --map structure=COLUMN or --map formula=COLUMN, its columns are: "
                f"{file.listed()}."
            )
        self.require("structure", "structures")
        self.require("energy", f"{functional} total energies (eV/atom)")
        self._order = stress_order
        self._unit_of: dict[str, Unit] = {
            field: column.unit for field, column in self.plan.units.items()
        }
        self._n_rows = 0
        self._n_without = {"a structure": 0, "an energy": 0}
        self._n_other = 0
        self._notes: Counter[str] = Counter()
        self._n_contradictions = 0
        self._contradiction = ""
        self._frame_ids: Counter[str] = Counter()

    def frames(self, progress: Progress) -> Iterator[Frame]:
        """Yield the frames of the rows with a structure and an energy."""
        for batch in self.file.batches(self.used, progress):
            yield from self._frames(batch)
            self._n_rows += batch.num_rows
        if self._frame_ids:
            return
        if self._n_other == self._n_rows:
            raise self.without_functional()
        if self._disordered:
            raise LabError(
                f"{self.file.path.name}: no row with an energy has an ordered structure. "
                f"{self.first_disordered} Give ordered structures."
            )
        raise LabError(
            f"{self.file.path.name} has no row with both a structure and an energy; check "
            f"the columns {self.mapping['structure']!r} and {self.mapping['energy']!r}."
        )

    def describe(self, card: Card) -> Card:
        """Return the card with what was left out, assumed and noted."""
        left_out = [(n, f"without {what}") for what, n in self._n_without.items()]
        left_out.append((len(self._disordered), "with a disordered structure"))
        sentences = [
            self.counted(card.n, self._n_rows, left_out),
            self.first_disordered,
            self.plan.sentences,
        ]
        sentences += [f"{n:,} structures: {note}." for note, n in self._notes.most_common(5)]
        if self._n_contradictions:
            sentences.append(
                f"The formula contradicts the structure in {self._n_contradictions:,} rows, first "
                f"in {self._contradiction}."
            )
        return card.model_copy(update={"description": " ".join(filter(None, sentences))})

    def _frames(self, batch: pa.RecordBatch) -> Iterator[Frame]:
        wanted = self.rows_of_functional(batch, self._n_rows)
        self._n_other += int((~wanted).sum())
        rows = range(self._n_rows, self._n_rows + batch.num_rows)
        numbers = {
            field: self.file.numbers(column, batch.column(column), rows=rows)
            for field, column in self.mapping.items()
            if field in _NUMBERS
        }
        cells: dict[str, list[Any]] = {
            field: self.texts(batch, field) if field in _TEXTS else batch.column(column).to_pylist()
            for field, column in self.mapping.items()
            if field not in _NUMBERS
        }
        for i, structure in enumerate(cells["structure"]):
            count_read()
            if not wanted[i]:
                continue
            if not structure or is_missing(structure):
                self._n_without["a structure"] += 1
            elif np.isnan(numbers["energy"][i]):
                self._n_without["an energy"] += 1
            elif (cell := self.structure(self._n_rows + i, structure)) is not None:
                yield self._frame(
                    self._n_rows + i,
                    cell,
                    {field: values[i] for field, values in cells.items()},
                    {field: values[i] for field, values in numbers.items()},
                )

    def _frame(
        self, row: int, cell: Cell, cells: Mapping[str, Any], numbers: Mapping[str, float]
    ) -> Frame:
        frame_id, material_id = self._ids(row, cells)
        with self.cell_errors(row):
            formula = cells.get("formula")
            self._compare(row, formula, cell)
            labels = self._labels(cell, cells)
        self._notes.update(cell.notes)
        if labels["magmoms"] is not None:
            labels["magmoms"] = np.abs(labels["magmoms"])
        return cell.frame(
            frame_id=frame_id,
            material_id=material_id,
            energy_per_atom=self._energy("energy", numbers, cell, formula),
            uncorrected_energy_per_atom=self._energy("uncorrected_energy", numbers, cell, formula),
            bandgap=self._converted("bandgap", numbers),
            **labels,
        )

    def _compare(self, row: int, formula: str | None, cell: Cell) -> None:
        """Note or refuse a formula that contradicts the structure.

        Only the structure counts for frames, so other proportions, which a column of chemical
        systems has throughout, are noted.
        """
        problem = contradiction(formula, cell.atomic_numbers) if formula else None
        if problem is None or formula is None:
            return
        per_formula = any(unit.per == "formula unit" for unit in self._unit_of.values())
        symbols = np.flatnonzero(fractions_from_formula(formula)) + 1
        if per_formula or set(symbols.tolist()) != set(cell.atomic_numbers.tolist()):
            raise CellError(problem)
        if not self._n_contradictions:
            self._contradiction = f"{self.file.where(row)}: {problem}"
        self._n_contradictions += 1

    def _labels(self, cell: Cell, cells: Mapping[str, Any]) -> dict[str, np.ndarray | None]:
        n = len(cell.atomic_numbers)
        shapes = {"forces": (n, 3), "stress": (3, 3), "magmoms": (n,)}
        labels = {
            name: parse_label(
                cells.get(name),
                name=name,
                shape=shape,
                unit=self._unit_of.get(name),
                volume=cell.volume,
                order=self._order,
            )
            for name, shape in shapes.items()
        }
        if cell.is_molecule and labels["stress"] is not None:
            labels["stress"] = None
            self._notes["without stress, for no direction is periodic"] += 1
        return labels

    def _energy(
        self, field: str, numbers: Mapping[str, float], cell: Cell, formula: str | None
    ) -> float | None:
        """Return an energy in eV/atom."""
        value = numbers.get(field, np.nan)
        if np.isnan(value):
            return None
        unit = self._unit_of[field]
        atoms = _atoms(unit, cell, formula)
        return float(unit.energies(np.array([value]), atoms=np.array([atoms]))[0])

    def _converted(self, field: str, numbers: Mapping[str, float]) -> float | None:
        value = numbers.get(field, np.nan)
        return None if np.isnan(value) else float(value * self._unit_of[field].factor)

    @cached_property
    def _counts_steps(self) -> bool:
        """Whether numbers tell the frames of each material apart."""
        number = self.guess.dtypes.get(self.mapping.get("frame_id", "")) == "number"
        return number and "material_id" in self.mapping

    def _ids(self, row: int, cells: Mapping[str, Any]) -> tuple[str, str]:
        """Return frame id and material id; a missing one follows from the other or from the row."""
        ids = {
            f: self.checked_id(row, f, cells[f])
            for f in ("frame_id", "material_id")
            if f in self.mapping
        }
        frame_id = ids.get("frame_id")
        if self._counts_steps:
            frame_id = f"{ids['material_id']}#{frame_id}"
        material_id = ids.get("material_id") or frame_id or f"row-{row + 1}"
        key = frame_id or material_id
        self._frame_ids[key] += 1
        if self._frame_ids[key] == 1:
            return key, material_id
        if frame_id is None:
            return f"{material_id}#{self._frame_ids[key]}", material_id
        raise self.file.fail(
            row, f"the frame id {frame_id!r} is not unique", "give every frame its own id"
        )


def _atoms(unit: Unit, cell: Cell, formula: str | None) -> float:
    """Return the number of atoms that an energy in this unit belongs to."""
    if unit.per == "atom":
        return 1.0
    if unit.per == "cell":
        return float(len(cell.atomic_numbers))
    if formula:
        with suppress(FormulaError):
            return float(amounts_from_formulas([formula]).sum())
    counts = np.unique(cell.atomic_numbers, return_counts=True)[1]
    return float(counts.sum() / np.gcd.reduce(counts))
