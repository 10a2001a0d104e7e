"""Parquet in a layout that the lab's own import reads without options."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from core.frames.export.mptrj import structure_dict
from core.frames.layout import to_batch
from core.frames.schema import EXPORTED, Card, Corrections, Frame

ENERGY: Final[dict[Corrections, str]] = {
    "MP2020": "corrected_energy_per_atom",
    "none": "uncorrected_energy_per_atom",
    "unknown": "energy_per_atom",
}
"""Name of the column of energies, which says whether MP2020 corrections are in it."""

_ROWS = 2048
_CONSTANTS = ("functional", "labels", "corrections")
_NAMES = {
    "bandgap": "bandgap_ev",
    "forces": "forces_ev_per_angstrom",
    "stress": "stress_gpa",
    "magmoms": "magmoms_mub",
}
_MATRIX = pa.list_(pa.list_(pa.float64(), 3), 3)


def write_parquet(path: Path, card: Card, frames: Iterable[Frame]) -> None:
    """Write frames as rows with names that state units: energies in eV/atom, stress in GPa.

    Columns: frame_id, material_id, formula, n_atoms, structure (pymatgen's dictionary as JSON),
    energies, bandgap, forces (n, 3), stress (3, 3), magmoms (n,), functional, labels, corrections.
    The file's metadata hold the card.

    Args:
        path: a new file.
        card: card of the data set.
        frames: taken one by one.
    """
    metadata = {EXPORTED: card.model_dump_json()}
    writer: pq.ParquetWriter | None = None
    try:
        for batch in _batches(card, frames):
            if writer is None:
                schema = batch.schema.with_metadata(metadata)
                writer = pq.ParquetWriter(path, schema, compression="zstd")
            writer.write_batch(batch.replace_schema_metadata(metadata))
    finally:
        if writer is not None:
            writer.close()


def _batches(card: Card, frames: Iterable[Frame]) -> Iterator[pa.RecordBatch]:
    remaining = iter(frames)
    while members := list(islice(remaining, _ROWS)):
        batch = to_batch(members)
        columns = {name: batch.column(name) for name in ("frame_id", "material_id", "formula")}
        columns["n_atoms"] = batch.column("n_atoms")
        columns["structure"] = pa.array(
            [
                orjson.dumps(structure_dict(frame), option=orjson.OPT_SERIALIZE_NUMPY).decode()
                for frame in members
            ]
        )
        columns[ENERGY[card.corrections]] = batch.column("energy_per_atom")
        if card.corrections != "none":
            columns[ENERGY["none"]] = batch.column("uncorrected_energy_per_atom")
        for name, written in _NAMES.items():
            column = batch.column(name)
            columns[written] = _rows_of_matrices(column) if name == "stress" else column
        for name in _CONSTANTS:
            value = getattr(card, name) or "unknown"
            codes = pa.array(np.zeros(len(members), np.int32))
            columns[name] = pa.DictionaryArray.from_arrays(codes, pa.array([value]))
        yield pa.record_batch(columns)


def _rows_of_matrices(column: pa.FixedSizeListArray) -> pa.Array:
    """Return lists of nine numbers as lists of three rows."""
    rows = pa.FixedSizeListArray.from_arrays(column.values, 3)
    return pa.FixedSizeListArray.from_arrays(rows, type=_MATRIX, mask=column.is_null())
