"""Import of a table of frames: one structure with its labels per row."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from core.errors import LabError
from core.frames.registry import new_dataset_path
from core.frames.schema import DFT, Card, Corrections, Frame
from core.frames.sources.guessing import (
    FRAME_FIELDS,
    canonical_functional,
    energy_column,
    guess,
)
from core.frames.sources.labels import parse_label
from core.frames.sources.mapping import MappedTable
from core.frames.sources.opening import open_table
from core.frames.sources.structures import parse_structure
from core.frames.sources.tabular import TableFile
from core.frames.store import write_frames
from core.progress import Progress, silent

_NUMBERS = ("energy", "uncorrected_energy", "bandgap")
_IDS = ("frame_id", "material_id")


def import_frames(
    path: Path | str,
    *,
    name: str,
    functional: str,
    mapping: Mapping[str, str] | None = None,
    corrections: Corrections | None = None,
    labels: str = DFT,
    licence: str = "",
    title: str = "",
    progress: Progress = silent,
) -> Card:
    """Import a table with a structure and an energy in each row as frames.

    Rows without a structure or without an energy are left out and counted in the description.
    Other labels may be missing.

    Args:
        path: CSV (also gzipped) or Parquet. Structures: pymatgen dictionaries, CIF or POSCAR.
            Energies in eV/atom. Forces (n, 3) in eV/Å, stress (3, 3) in GPa with CHGNet's sign
            (−0.1 × VASP's kBar) and magmoms (n,) in μB: nested lists, or the same as JSON.
        name: name of the new data set.
        functional: functional of the labels.
        mapping: field (frame_id, material_id, structure, energy, uncorrected_energy, forces,
            stress, magmoms, bandgap) to column, where the guess is wrong; an empty column leaves
            the field out.
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
    table = _FrameTable(open_table(path), mapping, functional)
    guessed = energy_column(table.mapping["energy"])
    card = table.card(
        kind="frames",
        name=name,
        title=title,
        functional=functional,
        labels=labels,
        corrections=corrections or (guessed.corrections if guessed else "unknown"),
        licence=licence,
    )
    return write_frames(directory, card, table.frames(progress), describe=table.describe)


class _FrameTable(MappedTable):
    """A table file that is read as frames; counts the rows that are left out."""

    def __init__(self, file: TableFile, mapping: Mapping[str, str] | None, functional: str) -> None:
        guessed = guess(file).frames_mapping(functional)
        super().__init__(file, guessed, mapping, fields=FRAME_FIELDS)
        self.require("structure", "structures")
        self.require("energy", f"{functional} total energies (eV/atom)")
        self._n_rows = 0
        self._n_without = {"a structure": 0, "an energy": 0}
        self._frame_ids: Counter[str] = Counter()

    def frames(self, progress: Progress) -> Iterator[Frame]:
        """Yield the frames of the rows with a structure and an energy."""
        columns = list(dict.fromkeys(self.mapping.values()))
        for batch in self.file.batches(columns, progress):
            yield from self._frames(batch)
            self._n_rows += batch.num_rows
        if not self._frame_ids:
            raise LabError(
                f"{self.file.path.name} has no row with both a structure and an energy; check "
                f"the columns {self.mapping['structure']!r} and {self.mapping['energy']!r}."
            )

    def describe(self, card: Card) -> Card:
        """Return the card with the number of rows that were left out."""
        text = f"{card.n:,} of {self._n_rows:,} rows of {card.source_file}"
        left_out = [f"{n:,} without {what}" for what, n in self._n_without.items() if n]
        if left_out:
            text += f"; left out: {' and '.join(left_out)}"
        return card.model_copy(update={"description": f"{text}."})

    def _frames(self, batch: pa.RecordBatch) -> Iterator[Frame]:
        numbers = {
            field: self.file.numbers(column, batch.column(column), first_row=self._n_rows)
            for field, column in self.mapping.items()
            if field in _NUMBERS
        }
        cells: dict[str, list[Any]] = {
            field: self.texts(batch, field) if field in _IDS else batch.column(column).to_pylist()
            for field, column in self.mapping.items()
            if field not in _NUMBERS
        }
        for i, structure in enumerate(cells["structure"]):
            if not structure:
                self._n_without["a structure"] += 1
            elif np.isnan(numbers["energy"][i]):
                self._n_without["an energy"] += 1
            else:
                yield self._frame(
                    self._n_rows + i,
                    {field: values[i] for field, values in cells.items()},
                    {field: _finite(values[i]) for field, values in numbers.items()},
                )

    def _frame(
        self, row: int, cells: Mapping[str, Any], numbers: Mapping[str, float | None]
    ) -> Frame:
        frame_id, material_id = self._ids(row, cells)
        with self.cell_errors(row):
            cell = parse_structure(cells["structure"])
            n = len(cell.atomic_numbers)
            shapes = {"forces": (n, 3), "stress": (3, 3), "magmoms": (n,)}
            labels = {
                name: parse_label(cells.get(name), name=name, shape=shape)
                for name, shape in shapes.items()
            }
        if labels["magmoms"] is not None:
            labels["magmoms"] = np.abs(labels["magmoms"])
        return cell.frame(
            frame_id=frame_id,
            material_id=material_id,
            energy_per_atom=numbers["energy"],
            uncorrected_energy_per_atom=numbers.get("uncorrected_energy"),
            bandgap=numbers.get("bandgap"),
            **labels,
        )

    def _ids(self, row: int, cells: Mapping[str, Any]) -> tuple[str, str]:
        """Return frame id and material id; a missing one follows from the other or from the row."""
        ids = {f: self.checked_id(row, f, cells[f]) for f in _IDS if f in self.mapping}
        frame_id = ids.get("frame_id")
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


def _finite(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
