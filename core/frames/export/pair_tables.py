"""Pairs as a table, with their structures as pymatgen's dictionaries in JSON."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from core.csv_text import csv_text
from core.frames.export.mptrj import structure_dict
from core.frames.pairs import PairSet
from core.frames.schema import EXPORTED, Frame
from core.progress import Progress, report

_ROWS = 2048


def write_pairs_csv(path: Path, data: PairSet, rows: np.ndarray, progress: Progress) -> None:
    """Write pairs as CSV: the columns of the data set, and structure where it has structures."""
    with path.open("w", encoding="utf-8", newline="") as file:
        for number, part in enumerate(_parts(data, rows, progress)):
            file.write(csv_text(part, header=not number))


def write_pairs_parquet(path: Path, data: PairSet, rows: np.ndarray, progress: Progress) -> None:
    """Write pairs as Parquet; the metadata hold the card, which describes the energies."""
    metadata = {EXPORTED: data.card.model_dump_json()}
    # All rows together tell the type of a column, in a part of them it may be empty.
    schema = pa.Schema.from_pandas(data.table(), preserve_index=False)
    if data.has_structures:
        schema = schema.append(pa.field("structure", pa.string()))
    schema = schema.with_metadata(metadata)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for part in _parts(data, rows, progress):
            writer.write_table(pa.Table.from_pandas(part, schema, preserve_index=False))


def _parts(data: PairSet, rows: np.ndarray, progress: Progress) -> Iterator[pd.DataFrame]:
    table = data.table()
    for start in range(0, len(rows), _ROWS):
        report(progress, start, len(rows), "Pairs written")
        chosen = rows[start : start + _ROWS]
        part = table.iloc[chosen]
        if data.has_structures:
            texts = [_json(data.structure(int(row))) for row in chosen]
            part = part.assign(structure=np.array(texts, dtype=object))
        yield part


def _json(frame: Frame | None) -> str | None:
    if frame is None:
        return None
    return orjson.dumps(structure_dict(frame), option=orjson.OPT_SERIALIZE_NUMPY).decode()
