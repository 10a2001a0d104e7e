"""Memory-mapped Arrow files of frames, and of the rows of subsets: writers and readers.

A shard is an uncompressed Arrow file of record batches, so that opening one reads only its footer
and a column is a view of the file.
"""

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from core.errors import LabError
from core.frames.checksums import (
    CheckedBatch,
    Checksums,
    FileSums,
    open_checked,
    read_checksums,
)
from core.frames.layout import SCHEMA, BatchView
from core.frames.schema import Frame

ROWS_FILE = "rows.arrow"
_ROWS_SCHEMA = pa.schema([("row", pa.int64())])


def write_table(path: Path, table: pa.Table, digest: Any, checksums: Checksums) -> None:
    """Write a table as one Arrow file; add its bytes to the hash, and its checksums."""
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    checksums.add(path, digest)


class ShardReader:
    """Reader of a directory's shards, or of some of their rows, which loads frames on demand.

    Args:
        directory: where the shards are.
        stem: beginning of their names.
        rows: the rows, (m,) integers, sorted; None for all.

    Raises:
        LabError: if a shard is missing, truncated or has another layout.
    """

    def __init__(self, directory: Path, *, stem: str, rows: np.ndarray | None = None) -> None:
        self._rows = rows
        self._batches: list[CheckedBatch] = []
        sums = read_checksums(directory)
        for path in shard_paths(directory, stem):
            self._batches += open_checked(path, SCHEMA, _of(sums, path))
        sizes = [batch.num_rows for batch in self._batches]
        self._starts: list[int] = [0, *np.cumsum(sizes, dtype=int).tolist()]
        self._views: list[BatchView | None] = [None] * len(sizes)

    def __len__(self) -> int:
        return self._starts[-1] if self._rows is None else len(self._rows)

    def column(self, name: str) -> pa.ChunkedArray:
        """Return one column of all frames; memory-mapped unless rows were chosen."""
        chunks = [part.column(batch, name) for part, batch in self._parts()]
        return pa.chunked_array(chunks, SCHEMA.field(name).type)

    def is_valid(self, name: str) -> np.ndarray:
        """Return where a column has a value, (n,) booleans."""
        valid = [
            part.of_rows(batch.column(name).is_valid().to_numpy(zero_copy_only=False))
            for part, batch in self._parts()
        ]
        return np.concatenate([np.zeros(0, bool), *valid])

    def codes(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Return a column of strings as numbers in the order of appearance, and the strings.

        Returns:
            Number of each row's string, (n,), and the distinct strings.
        """
        encoded = self.column(name).dictionary_encode()
        numbers = [np.zeros(0, np.int32), *(chunk.indices.to_numpy() for chunk in encoded.chunks)]
        distinct = encoded.chunk(0).dictionary.to_pylist() if encoded.num_chunks else []
        return np.concatenate(numbers), np.array(distinct, dtype=object)

    def strings(self, name: str) -> np.ndarray:
        """Return a column of strings, (n,), of which equal ones are one object."""
        numbers, distinct = self.codes(name)
        strings: np.ndarray = distinct[numbers]
        return strings

    def batches(self) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Yield (first row, record batch) one after the other; memory-mapped unless chosen."""
        for part, batch in self._parts():
            rows = batch.whole()
            yield part.first, rows if part.places is None else rows.take(pa.array(part.places))

    def compositions(self) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Yield (first row, flat atomic numbers, offsets) of one record batch after the other."""
        for part, batch in self._parts():
            numbers = part.column(batch, "atomic_numbers")
            yield part.first, numbers.values.to_numpy(), numbers.offsets.to_numpy()

    def values(self, name: str, rows: Iterable[int]) -> list[Any]:
        """Return the values of a column in some rows, None where missing.

        Raises:
            IndexError: if there is no such row.
        """
        places = [self._place(row) for row in rows]
        return [self._batches[number].column(name)[place].as_py() for number, place in places]

    def frame(self, row: int) -> Frame:
        """Return one frame; its arrays are copies.

        Raises:
            IndexError: if there is no such row.
        """
        number, place = self._place(row)
        view = self._views[number]
        if view is None:
            view = self._views[number] = BatchView(self._batches[number].whole())
        return view.frame(place)

    def _place(self, row: int) -> tuple[int, int]:
        """Return the record batch of a row, and its row there."""
        if not 0 <= row < len(self):
            raise IndexError(row)
        stored = row if self._rows is None else int(self._rows[row])
        number = bisect_right(self._starts, stored) - 1
        return number, stored - self._starts[number]

    def _parts(self) -> Iterator[tuple["_Part", CheckedBatch]]:
        """Yield the rows of each record batch that has any."""
        for start, batch in zip(self._starts, self._batches, strict=False):
            if self._rows is None:
                yield _Part(start, None), batch
                continue
            first, last = np.searchsorted(self._rows, [start, start + batch.num_rows]).tolist()
            if last > first:
                yield _Part(first, self._rows[first:last] - start), batch


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """Rows of one record batch.

    Attributes:
        first: row of the reader that is the first of them.
        places: their places in the record batch, (m,) integers; None for all.
    """

    first: int
    places: np.ndarray | None

    def column(self, batch: CheckedBatch, name: str) -> pa.Array:
        """Return a column of these rows."""
        column = batch.column(name)
        return column if self.places is None else column.take(pa.array(self.places))

    def of_rows(self, values: np.ndarray) -> np.ndarray:
        """Return the values of these rows among those of the record batch."""
        return values if self.places is None else values[self.places]


def shard_paths(directory: Path, stem: str) -> list[Path]:
    """Return the shards of a directory, in order."""
    return sorted(directory.glob(f"{stem}-*.arrow"))


def read_table(path: Path, schema: pa.Schema | None = None) -> pa.Table:
    """Return an Arrow file as a table.

    Raises:
        LabError: if it is damaged, missing or of another layout.
    """
    batches = open_checked(path, schema, _of(read_checksums(path.parent), path))
    return pa.Table.from_batches([batch.whole() for batch in batches], schema)


def _of(sums: dict[str, FileSums] | None, path: Path) -> FileSums | None:
    """Return the checksums of a file; a file that lacks them where others have them is damaged."""
    return None if sums is None else sums.get(path.name, {})


def write_rows(directory: Path, rows: np.ndarray, parent_fingerprint: str) -> str:
    """Write the rows of a subset and return the SHA-256 that names its contents."""
    digest = hashlib.sha256(parent_fingerprint.encode())
    table = pa.table({"row": pa.array(rows, pa.int64())}, schema=_ROWS_SCHEMA)
    # Its fingerprint is that of one small file, which is compared as a whole.
    write_table(directory / ROWS_FILE, table, digest, Checksums())
    return digest.hexdigest()


def read_rows(directory: Path, n: int, n_parent: int) -> np.ndarray:
    """Return the rows of a subset, (n,) integers, sorted.

    Args:
        directory: directory of the subset.
        n: number of rows by its card.
        n_parent: number of rows of the data set that holds the frames.

    Raises:
        LabError: if the file is damaged or does not fit the parent.
    """
    rows: np.ndarray = read_table(directory / ROWS_FILE, _ROWS_SCHEMA).column("row").to_numpy()
    steps = np.diff(rows, prepend=-1, append=n_parent)
    if len(rows) != n or (steps <= 0).any():
        raise LabError(f"{directory} does not match its card; delete it and make the subset again.")
    return rows


def volumes_per_atom(shards: ShardReader) -> np.ndarray:
    """Return the volume per atom of each frame, (n,) Å³."""
    cells = [chunk.flatten().to_numpy() for chunk in shards.column("lattice").chunks]
    lattices = np.concatenate([np.zeros(0), *cells]).reshape(-1, 3, 3)
    volumes: np.ndarray = np.abs(np.linalg.det(lattices)) / shards.column("n_atoms").to_numpy()
    return volumes


def mean_magmoms(shards: ShardReader) -> np.ndarray:
    """Return the mean magnitude of each frame's magmoms, (n,) μB per atom, NaN without magmoms."""
    means = [_means(chunk) for chunk in shards.column("magmoms").chunks]
    return np.concatenate([np.zeros(0), *means])


def _means(chunk: pa.ListArray) -> np.ndarray:
    means = np.full(len(chunk), np.nan)
    sizes = chunk.value_lengths().fill_null(0).to_numpy()
    filled = np.flatnonzero(sizes)
    if len(filled):
        # Rows without magmoms take no place in the flat array.
        flat = np.abs(chunk.flatten().to_numpy())
        starts = np.concatenate([[0], np.cumsum(sizes[filled])[:-1]])
        means[filled] = np.add.reduceat(flat, starts) / sizes[filled]
    return means
