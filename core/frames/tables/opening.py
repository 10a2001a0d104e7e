"""Opening a table file by its content rather than its suffix."""

from pathlib import Path

from core.errors import LabError
from core.files import refuse_devices
from core.frames.tables.csv_file import CsvFile
from core.frames.tables.excel_file import OLD_MAGIC, ZIP_MAGIC, ExcelFile
from core.frames.tables.parquet_file import PARQUET_MAGIC, ParquetFile
from core.frames.tables.tabular import TableFile


def open_table(path: Path | str | TableFile) -> TableFile:
    """Open a CSV (also compressed), Parquet or Excel file; a table that is open is returned.

    Raises:
        LabError: if there is no such file, or it is empty, binary, damaged or in an unknown
            encoding.
    """
    if isinstance(path, TableFile):
        return path
    path = Path(path)
    refuse_devices(path)
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        reason = (error.strerror or "no reason given").lower()
        raise LabError(f"{path.name} cannot be opened ({reason}); check its path.") from None
    if magic == OLD_MAGIC:
        raise LabError(
            f"{path.name} is an old or a protected Excel workbook; save it as .xlsx without a "
            "password, or as CSV."
        )
    if magic == PARQUET_MAGIC:
        return ParquetFile(path)
    return ExcelFile(path) if magic == ZIP_MAGIC else CsvFile(path)
