"""Imports a table with a structure and labels a row as frames."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from core.errors import LabError
from core.frames.registry import new_dataset_path
from core.frames.schema import DFT, Card, Corrections, Frame, label_origin
from core.frames.sources.guessing import (
    FRAME_FIELDS,
    canonical_functional,
    energy_column,
    guess_table,
)
from core.frames.sources.labels import LabelError, parse_label
from core.frames.sources.mapping import file_sha256, merge_mapping, require
from core.frames.sources.opening import open_table
from core.frames.sources.structures import StructureError, parse_structure
from core.frames.sources.tabular import TableFile, numbers
from core.frames.store import write_frames
from core.progress import Progress, silent

_REMEDY = "correct it or remove the row"


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
    Labels that are missing are simply missing.

    Args:
        path: CSV (also gzipped) or Parquet. Structures: pymatgen dictionaries, CIF or POSCAR.
            Energies in eV/atom. Forces (n, 3) in eV/Å, stress (3, 3) in GPa with CHGNet's sign
            (−0.1 × VASP's kBar) and magmoms (n,) in μB: nested lists, or the same as JSON.
        name: Of the new data set.
        functional: Level of theory of the labels.
        mapping: Field (frame_id, material_id, structure, energy, uncorrected_energy, forces,
            stress, magmoms, bandgap) to column, where the guess needs help; an empty column leaves
            the field out.
        corrections: Whether MP2020 corrections are in the energy; by default as its name tells.
        labels: "dft" or the name of the model that made the labels.
        licence: Of the data.
        title: One line for people.
        progress: Reports the share that is read.

    Returns:
        The card of the new data set.

    Raises:
        LabError: The file, row and remedy of whatever is wrong; nothing is imported then.
    """
    directory = new_dataset_path(name)
    functional = canonical_functional(functional)
    file = open_table(path)
    guessed = guess_table(file).frames_mapping(functional)
    merged = merge_mapping(file, guessed, mapping, fields=FRAME_FIELDS)
    require(file, merged, "structure", "structures")
    energy = require(file, merged, "energy", f"{functional} total energies (eV/atom)")
    known = energy_column(energy)
    rows = _FrameRows(file, merged, progress)
    card = Card(
        name=name,
        title=title or name,
        kind="frames",
        functional=functional,
        labels=label_origin(labels),
        corrections=corrections or (known.corrections if known else "unknown"),
        source_file=file.path.name,
        source_sha256=file_sha256(file),
        licence=licence,
    )
    return write_frames(directory, card, rows, describe=rows.describe)


class _FrameRows:
    """The frames of a table, one after the other, counting the rows that are left out."""

    def __init__(self, file: TableFile, mapping: Mapping[str, str], progress: Progress) -> None:
        self._file = file
        self._mapping = mapping
        self._progress = progress
        self._n_rows = 0
        self._no_structure = 0
        self._no_energy = 0
        self._seen: Counter[str] = Counter()

    def __iter__(self) -> Iterator[Frame]:
        columns = list(dict.fromkeys(self._mapping.values()))
        n_frames = 0
        for batch in self._file.batches(columns, self._progress):
            for frame in self._frames(batch):
                n_frames += 1
                yield frame
            self._n_rows += batch.num_rows
        if not n_frames:
            raise LabError(
                f"{self._file.path.name} has no row with both a structure and an energy; check "
                f"the columns {self._mapping['structure']!r} and {self._mapping['energy']!r}."
            )

    def describe(self, card: Card) -> Card:
        """Say in the card what was left out."""
        left_out = [
            f"{count:,} without {what}"
            for count, what in (
                (self._no_structure, "a structure"),
                (self._no_energy, "an energy"),
            )
            if count
        ]
        text = f"{card.n:,} of {self._n_rows:,} rows of {card.source_file}"
        if left_out:
            text += f"; left out: {' and '.join(left_out)}"
        return card.model_copy(update={"description": f"{text}."})

    def _frames(self, batch: pa.RecordBatch) -> Iterator[Frame]:
        energies = self._numbers(batch, "energy")
        uncorrected = self._numbers(batch, "uncorrected_energy")
        bandgaps = self._numbers(batch, "bandgap")
        values = {
            field: batch.column(column).to_pylist()
            for field, column in self._mapping.items()
            if field in {"structure", "forces", "stress", "magmoms"}
        }
        ids = {
            field: batch.column(self._mapping[field]).cast(pa.string()).to_pylist()
            for field in ("frame_id", "material_id")
            if field in self._mapping
        }
        for i, structure in enumerate(values["structure"]):
            row = self._n_rows + i
            if not structure:
                self._no_structure += 1
            elif np.isnan(energies[i]):
                self._no_energy += 1
            else:
                cells = {field: column[i] for field, column in values.items()}
                frame_id, material_id = self._ids(row, {key: ids[key][i] for key in ids})
                frame = self._frame(
                    row,
                    cells,
                    frame_id=frame_id,
                    material_id=material_id,
                    energy_per_atom=float(energies[i]),
                    uncorrected_energy_per_atom=_known(uncorrected[i]),
                    bandgap=_known(bandgaps[i]),
                )
                yield frame

    def _frame(self, row: int, cells: Mapping[str, Any], **scalars: Any) -> Frame:
        try:
            cell = parse_structure(cells["structure"])
            n = len(cell.atomic_numbers)
            forces = parse_label(cells.get("forces"), name="forces", shape=(n, 3))
            stress = parse_label(cells.get("stress"), name="stress", shape=(3, 3))
            magmoms = parse_label(cells.get("magmoms"), name="magmoms", shape=(n,))
        except (StructureError, LabelError) as error:
            raise self._file.fail(row, str(error), _REMEDY) from None
        return Frame(
            atomic_numbers=cell.atomic_numbers,
            frac_coords=cell.frac_coords,
            lattice=cell.lattice,
            forces=forces,
            stress=stress,
            magmoms=None if magmoms is None else np.abs(magmoms),
            **scalars,
        )

    def _ids(self, row: int, ids: Mapping[str, str | None]) -> tuple[str, str]:
        """Return frame and material id; missing columns are made up from what there is."""
        for field, value in ids.items():
            if not value:
                raise self._file.fail(
                    row, f"column {self._mapping[field]!r} is empty", "give every row an id"
                )
        material_id = ids.get("material_id") or ids.get("frame_id") or f"row-{row + 1}"
        frame_id = ids.get("frame_id")
        key = frame_id or material_id
        self._seen[key] += 1
        if self._seen[key] == 1:
            return key, material_id
        if frame_id is None:
            return f"{material_id}#{self._seen[key]}", material_id
        raise self._file.fail(
            row, f"the frame id {frame_id!r} occurs before", "give every frame its own id"
        )

    def _numbers(self, batch: pa.RecordBatch, field: str) -> np.ndarray:
        column = self._mapping.get(field)
        if column is None:
            return np.full(batch.num_rows, np.nan)
        return numbers(self._file, column, batch.column(column), first_row=self._n_rows)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
