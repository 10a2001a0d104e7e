"""The file of a subset: which rows of another data set of frames belong to it."""

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa

from core.errors import LabError
from core.frames.schema import CARD, Card, read_card
from core.frames.shards import open_batches, write_table
from core.home import EMBEDDED_DIR

_FILE = "rows.arrow"
_SCHEMA = pa.schema([("row", pa.int64())])


def write_rows(directory: Path, rows: np.ndarray, parent_fingerprint: str) -> str:
    """Write the rows of a subset and return the SHA-256 that names its contents."""
    digest = hashlib.sha256(parent_fingerprint.encode())
    table = pa.table({"row": pa.array(rows, pa.int64())}, schema=_SCHEMA)
    write_table(directory / _FILE, table, digest)
    return digest.hexdigest()


def read_rows(directory: Path, card: Card, n_parent: int) -> np.ndarray:
    """Return the rows of a subset, (n,) integers, sorted.

    Raises:
        LabError: if the file is damaged or does not fit the parent.
    """
    batches = open_batches(directory / _FILE, _SCHEMA)
    rows: np.ndarray = pa.Table.from_batches(batches, _SCHEMA).column("row").to_numpy()
    steps = np.diff(rows, prepend=-1, append=n_parent)
    if len(rows) != card.n or (steps <= 0).any():
        raise LabError(f"{directory} does not match its card; delete it and make the subset again.")
    return rows


def parent_path(directory: Path, card: Card) -> Path | None:
    """Return the directory of the data set that a subset belongs to; None for no subset.

    Raises:
        LabError: if it is missing or contains other frames than when the subset was made.
    """
    if card.parent is None:
        return None
    name = card.parent.name
    for path in (directory.parent / name, EMBEDDED_DIR / name):
        if (path / CARD).is_file():
            break
    else:
        raise LabError(
            f"{card.name} is a subset of {name}, which is missing; import {name} again, or delete "
            f"{card.name}."
        )
    if read_card(path / CARD).fingerprint != card.parent.fingerprint:
        raise LabError(
            f"{card.name} is a subset of {name}, which contains other frames now than when the "
            f"subset was made; delete {card.name} and make it again."
        )
    return path
