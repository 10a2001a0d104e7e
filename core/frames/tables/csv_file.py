"""CSV files, plain or gzipped: read by pyarrow, searched for the line of an error by csv."""

import csv
import gzip
import io
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, TextIO, cast

import pyarrow as pa
import pyarrow.csv as pv

from core.errors import LabError
from core.frames.tables.header import Header, read_header
from core.frames.tables.tabular import TableFile, is_index
from core.progress import Progress, silent

GZIP_MAGIC = b"\x1f\x8b"
_BLOCK = 16 << 20
csv.field_size_limit(1 << 30)  # A structure of many atoms is longer than the default allows.


class CsvFile(TableFile):
    """A CSV file in UTF-8 with a header line; commas, semicolons, tabs or bars between cells.

    Lines before the header that begin with # are comments, and the line after it may hold the
    columns' units. All columns are read as text and empty cells as null, so that an error in a
    number can name its line.
    """

    def __init__(self, path: Path) -> None:
        """Read the header.

        Raises:
            LabError: if it is empty, binary or not UTF-8, or has blank or repeated column names.
        """
        self.path = path
        with path.open("rb") as file:
            self._gzipped = file.read(2) == GZIP_MAGIC
        self._check_text()
        self._header = self._read_header()
        names = self._header.names
        self.columns = [name for name in names if name and not is_index(name)]
        if self._header.units:
            self.units = dict(zip(names, self._header.units, strict=True))

    def batches(
        self, columns: Sequence[str], progress: Progress = silent
    ) -> Iterator[pa.RecordBatch]:
        """Yield the given columns as text; see `TableFile.batches`."""
        size = max(self.path.stat().st_size, 1)
        raw = pa.OSFile(str(self.path))
        try:
            reader = pv.open_csv(
                pa.CompressedInputStream(raw, "gzip") if self._gzipped else raw,
                read_options=pv.ReadOptions(
                    block_size=_BLOCK,
                    skip_rows=self._header.line - 1,
                    column_names=self._header.distinct_names,
                    skip_rows_after_names=self._header.rows + self._header.blank,
                ),
                parse_options=pv.ParseOptions(
                    delimiter=self._header.delimiter, newlines_in_values=True
                ),
                convert_options=pv.ConvertOptions(
                    column_types=dict.fromkeys(self._header.distinct_names, pa.string()),
                    include_columns=list(columns),
                    null_values=[""],
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=True,
                ),
            )
            for batch in reader:
                yield batch
                progress(min(raw.tell() / size, 1.0), f"Reading {self.path.name}")
        except (pa.ArrowInvalid, pa.ArrowKeyError, OSError) as error:
            raise self._explain(error) from None
        finally:
            raw.close()

    def where(self, row: int) -> str:
        """Return the line of a row; the header is line 1."""
        line = self._find_line(lambda number, _: number == row)
        return f"line {line} of {self.path.name}"

    def _check_text(self) -> None:
        try:
            with self._open_bytes() as file:
                start = file.read(1 << 16)
        except (OSError, EOFError, zlib.error):
            raise LabError(
                f"{self.path.name} is a damaged gzip file; compress the table again."
            ) from None
        if not start.strip():
            raise self._empty()
        if start.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise LabError(f"{self.path.name} is UTF-16 text; save it as CSV in UTF-8.")
        if start.lstrip()[:1] in {b"{", b"["}:
            raise LabError(f"{self.path.name} is JSON, not a table; save it as CSV or Parquet.")
        if b"\0" in start:
            raise LabError(
                f"{self.path.name} is a binary file, not a table; save the table as CSV in UTF-8 "
                "or as Parquet."
            )

    def _read_header(self) -> Header:
        try:
            with self._open_text() as file:
                header = read_header(file)
        except UnicodeDecodeError:
            raise self._not_utf8() from None
        if header is None:
            raise self._empty()
        named = False
        for number, column in enumerate(header.names, 1):
            # Nameless columns at the left are an index, as pandas writes it.
            named = named or bool(column.strip())
            if named and not column.strip():
                raise LabError(
                    f"Line {header.line} of {self.path.name}: column {number} has no name; give it "
                    "one."
                )
            if named and column in header.names[: number - 1]:
                raise LabError(
                    f"Line {header.line} of {self.path.name}: the name {column!r} occurs twice; "
                    "rename one."
                )
        if not named:
            raise self._empty()
        return header

    def _explain(self, error: Exception) -> LabError:
        """Find the line that pyarrow could not read."""
        width = len(self._header.names)
        try:
            if self._find_line(lambda *_: True) is None:
                return self.without_rows()
            line = self._find_line(lambda _, cells: len(cells) != width)
        except LabError as cause:
            return cause
        if line is None:
            return LabError(
                f"{self.path.name} cannot be read as CSV ({str(error).splitlines()[0][:120]}); "
                "save it as CSV in UTF-8 with quotes around cells that hold commas."
            )
        return LabError(
            f"Line {line} of {self.path.name} has another number of cells than the header's "
            f"{width}; correct that line."
        )

    def _find_line(self, matches: Callable[[int, list[str]], bool]) -> int | None:
        """Return the line on which the first record that matches begins.

        As in pyarrow, blank lines are not records, and a quoted cell may span lines.

        Args:
            matches: called with the record's number, from 0, and its cells.
        """
        line = 0
        number = -self._header.rows
        try:
            with self._open_text() as file:
                for _ in range(self._header.line - 1):
                    line += bool(file.readline())
                reader = csv.reader(file, delimiter=self._header.delimiter)
                for cells in reader:
                    if cells and number >= 0 and matches(number, cells):
                        return line + 1
                    number += bool(cells)
                    line = self._header.line - 1 + reader.line_num
        except UnicodeDecodeError:
            raise self._not_utf8() from None
        except (OSError, EOFError, zlib.error, csv.Error):
            raise LabError(
                f"{self.path.name} cannot be read beyond line {line}; save or compress it again."
            ) from None
        return None

    def _empty(self) -> LabError:
        return LabError(f"{self.path.name} is empty; choose a table with a header line and rows.")

    def _not_utf8(self) -> LabError:
        line = 0
        with self._open_bytes() as file:
            for line, content in enumerate(file, 1):  # noqa: B007  used after the loop
                try:
                    content.decode()
                except UnicodeDecodeError:
                    break
        return LabError(
            f"Line {line} of {self.path.name} is not UTF-8 text; save the table as CSV in UTF-8."
        )

    def _open_bytes(self) -> BinaryIO:
        if self._gzipped:
            return cast("BinaryIO", gzip.GzipFile(self.path))
        return self.path.open("rb")

    def _open_text(self) -> TextIO:
        return io.TextIOWrapper(self._open_bytes(), encoding="utf-8-sig", newline="")
