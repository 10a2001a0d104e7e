"""Parquet files, read by pyarrow in batches."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from core.boxed import count_read
from core.errors import LabError
from core.frames.schema import EXPORTED, Card, EnergyColumn
from core.frames.tables.tabular import TableFile
from core.progress import Progress, silent

PARQUET_MAGIC = b"PAR1"
_BATCH_ROWS = 8192


class ParquetFile(TableFile):
    """A Parquet file whose columns keep their types."""

    def __init__(self, path: Path) -> None:
        """Read the footer.

        Raises:
            LabError: if it is damaged, has no rows, or two columns of the same name.
        """
        self.path = path
        try:
            self._file = pq.ParquetFile(path, page_checksum_verification=True)
            self.columns = self._file.schema_arrow.names
        except (pa.ArrowException, OSError, UnicodeDecodeError):
            raise LabError(
                f"{path.name} is a damaged Parquet file; write or download it again."
            ) from None
        twice = [name for name, n in Counter(self.columns).items() if n > 1]
        if twice:
            raise LabError(f"{path.name}: the column {twice[0]!r} occurs twice; rename one.")
        self.energies = _energies_stated(self._file.schema_arrow.metadata or {})
        self.units = dict.fromkeys(self.energies, "eV/atom")
        if not self._file.metadata.num_rows:
            raise self.without_rows()

    def batches(
        self, columns: Sequence[str], progress: Progress = silent
    ) -> Iterator[pa.RecordBatch]:
        """Yield the given columns with their types; see `TableFile.batches`."""
        done, total = 0, self._file.metadata.num_rows
        try:
            for batch in self._file.iter_batches(batch_size=_BATCH_ROWS, columns=list(columns)):
                count_read()
                # Of text that is no UTF-8 nobody else says anything until it is needed.
                batch.validate(full=True)
                yield _with_plain_text(batch)
                done += batch.num_rows
                progress(done / total, f"Reading {self.path.name}")
        except (pa.ArrowException, OSError):
            raise self.fail(
                done, "the file is damaged from here on", "write or download it again"
            ) from None

    def where(self, row: int) -> str:
        """Return the number of a row, from 1."""
        return f"row {row + 1} of {self.path.name}"


def _energies_stated(metadata: Mapping[bytes, bytes]) -> dict[str, EnergyColumn]:
    """Return the columns of energies of pairs that the lab exported, by name."""
    try:
        card = Card.model_validate_json(metadata.get(EXPORTED, b""))
    except ValidationError:
        return {}
    return {energy.column: energy for energy in card.energies}


def _with_plain_text(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Convert dictionaries, large strings and string views to plain strings."""
    arrays = []
    for column in batch.columns:
        array = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
        wide = pa.types.is_large_string(array.type) or pa.types.is_string_view(array.type)
        arrays.append(array.cast(pa.string()) if wide else array)
    return pa.record_batch(arrays, names=batch.schema.names)
