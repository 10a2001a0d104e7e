"""Parquet files, read by pyarrow in batches."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from core.errors import LabError
from core.frames.sources.tabular import TableFile, no_rows
from core.progress import Progress, silent

PARQUET_MAGIC = b"PAR1"
_BATCH_ROWS = 8192


class ParquetFile(TableFile):
    """A Parquet file; its columns keep their types."""

    def __init__(self, path: Path) -> None:
        """Read the footer.

        Raises:
            LabError: Damaged, or without rows.
        """
        self.path = path
        try:
            self._file = pq.ParquetFile(path)
        except (pa.ArrowInvalid, OSError):
            raise LabError(
                f"{path.name} is a damaged Parquet file; write or download it again."
            ) from None
        self.columns = self._file.schema_arrow.names
        self.n_rows = self._file.metadata.num_rows
        if not self.n_rows:
            raise no_rows(self)

    def batches(
        self, columns: Sequence[str], progress: Progress = silent
    ) -> Iterator[pa.RecordBatch]:
        """Yield the chosen columns with their types; see TableFile."""
        done = 0
        try:
            for batch in self._file.iter_batches(batch_size=_BATCH_ROWS, columns=list(columns)):
                yield _plain(batch)
                done += batch.num_rows
                progress(done / (self.n_rows or 1), f"Reading {self.path.name}")
        except (pa.ArrowInvalid, OSError):
            raise self.fail(
                done, "the file is damaged from here on", "write or download it again"
            ) from None

    def where(self, row: int) -> str:
        """Name a row by its number, from 1."""
        return f"row {row + 1} of {self.path.name}"


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Give text one form: no dictionaries, no wide offsets, no views."""
    arrays = []
    for column in batch.columns:
        array = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
        wide = pa.types.is_large_string(array.type) or pa.types.is_string_view(array.type)
        arrays.append(array.cast(pa.string()) if wide else array)
    return pa.record_batch(arrays, names=batch.schema.names)
