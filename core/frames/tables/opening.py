"""Opening a table file by its content rather than its suffix."""

from pathlib import Path

from core.errors import LabError
from core.frames.tables.csv_file import CsvFile
from core.frames.tables.parquet_file import PARQUET_MAGIC, ParquetFile
from core.frames.tables.tabular import TableFile


def open_table(path: Path | str) -> TableFile:
    """Open a CSV (also gzipped) or Parquet file.

    Raises:
        LabError: if there is no such file, or it is empty, binary, damaged or not UTF-8.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        reason = (error.strerror or "no reason given").lower()
        raise LabError(f"{path.name} cannot be opened ({reason}); check its path.") from None
    return ParquetFile(path) if magic == PARQUET_MAGIC else CsvFile(path)
