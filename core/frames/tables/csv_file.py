"""CSV files, plain or compressed: read by pyarrow, searched for the line of an error by csv."""

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Final, TextIO

import pyarrow as pa
import pyarrow.csv as pv

from core.errors import LabError
from core.frames.tables.compression import (
    BrokenStreamError,
    ByteStream,
    ExpandsError,
    head_of,
    open_bytes,
)
from core.frames.tables.header import (
    MOST_COLUMNS,
    Header,
    has_blanks_between_cells,
    read_header,
)
from core.frames.tables.tabular import (
    TableFile,
    has_decimal_points,
    is_index,
    shows_decimal_commas,
)
from core.progress import Progress, silent

_BLOCK = 16 << 20
_LOOKED_AT: Final = 1 << 28
"""Bytes of a file by which its encoding is told."""

_WINDOWS: Final = "cp1252"
_UTF_16: Final = "utf-16"
_BOMS: Final = ((codecs.BOM_UTF16_LE, _UTF_16), (codecs.BOM_UTF16_BE, _UTF_16))
csv.field_size_limit(1 << 30)  # A structure of many atoms is longer than the default allows.


class CsvFile(TableFile):
    """A CSV file with a header line; commas, semicolons, tabs, bars or blanks between cells.

    It may be compressed, and is in UTF-8, in UTF-16 with a byte order mark, or else in
    Windows-1252. Lines before the header that begin with # are comments, and the line after it may
    hold the columns' units. All columns are read as text and empty cells as null, so that an error
    in a number can name its line.
    """

    def __init__(self, path: Path) -> None:
        """Read the header.

        Raises:
            LabError: if it is empty, binary or in another encoding, or has blank or repeated column
                names.
        """
        self.path = path
        self._check_text()
        self._encoding = self._find_encoding()
        if self._encoding == _WINDOWS:
            self.notes = ["The text is not UTF-8 and was read as Windows-1252."]
        self._has_blanks = False
        if self._encoding != _UTF_16:
            with self._beginning() as file:
                self._has_blanks = has_blanks_between_cells(file)
        with self._beginning() as file:
            self._header = self._checked(read_header(file))
        names = self._header.names
        self.columns = [name for name in names if name.strip() and not is_index(name)]
        if self._header.units:
            self.units = dict(zip(names, self._header.units, strict=True))

    @cached_property
    def has_decimal_commas(self) -> bool:  # type: ignore[override]
        """Whether numbers of its first rows show it, or semicolons and no decimal points do.

        Programs part cells with semicolons where commas are decimal ones.
        """
        head = self.head()
        columns = [head.column(name) for name in self.columns]
        if self._header.delimiter == ";" and not any(map(has_decimal_points, columns)):
            return True
        return any(map(shows_decimal_commas, columns))

    def batches(
        self, columns: Sequence[str], progress: Progress = silent
    ) -> Iterator[pa.RecordBatch]:
        """Yield the given columns as text; see `TableFile.batches`."""
        nameless = [self._header.distinct_names[place] for place in self._header.nameless]
        try:
            with self._open() as stream:
                # Buffered, a read is filled: pyarrow takes what the first one brings for its first
                # block, which must hold everything above the rows.
                reader = pv.open_csv(
                    pa.PythonFile(io.BufferedReader(_Readable(stream)), "r"),
                    read_options=pv.ReadOptions(
                        block_size=_BLOCK,
                        skip_rows=self._header.line - 1,
                        column_names=self._header.distinct_names,
                        skip_rows_after_names=self._header.rows + self._header.blank,
                        encoding="utf8" if self._encoding == "utf-8-sig" else self._encoding,
                    ),
                    parse_options=pv.ParseOptions(
                        delimiter=self._header.delimiter, newlines_in_values=True
                    ),
                    convert_options=pv.ConvertOptions(
                        column_types=dict.fromkeys(self._header.distinct_names, pa.string()),
                        include_columns=[*columns, *nameless],
                        null_values=[""],
                        strings_can_be_null=True,
                        quoted_strings_can_be_null=True,
                    ),
                )
                for batch in reader:
                    for place, name in zip(self._header.nameless, nameless, strict=True):
                        if batch.column(name).null_count < batch.num_rows:
                            raise self._nameless(place)
                    yield batch.select(list(columns))
                    progress(stream.share, f"Reading {self.path.name}")
        except ExpandsError as error:
            raise self._broken(error) from None
        except (pa.ArrowInvalid, pa.ArrowKeyError, OSError, BrokenStreamError) as error:
            raise self._explain(error) from None

    def where(self, row: int) -> str:
        """Return the line of a row; the header is line 1."""
        line = self._find_line(lambda number, _: number == row)
        return f"line {line} of {self.path.name}"

    def _check_text(self) -> None:
        start = head_of(self.path)
        if not start.strip():
            try:
                with open_bytes(self.path) as stream:
                    stream.read(1)
            except BrokenStreamError as error:
                raise self._broken(error) from None
            raise self._empty()
        if start.startswith(tuple(bom for bom, _ in _BOMS)):
            return
        if start.lstrip()[:1] in {b"{", b"["}:
            raise LabError(
                f"{self.path.name} is JSON of a form that is not known, neither structures with "
                "energies nor rows with formulas; save it as extended XYZ, CSV or Parquet."
            )
        if b"\0" in start:
            raise LabError(
                f"{self.path.name} is a binary file, not a table; save the table as CSV in UTF-8 "
                "or as Parquet."
            )

    def _find_encoding(self) -> str:
        """Return the encoding of the file, as Python names it."""
        head = head_of(self.path, 4)
        for bom, name in _BOMS:
            if head.startswith(bom):
                return name
        decoders = {
            "utf-8-sig": codecs.getincrementaldecoder("utf-8")(),
            _WINDOWS: codecs.getincrementaldecoder(_WINDOWS)(),
        }
        done = 0
        try:
            with open_bytes(self.path) as stream:
                while done < _LOOKED_AT and (part := stream.read(1 << 20)):
                    done += len(part)
                    for name, decoder in list(decoders.items()):
                        try:
                            decoder.decode(part)
                        except UnicodeDecodeError:
                            del decoders[name]
                    if len(decoders) < 2:
                        break
        except BrokenStreamError:
            pass
        return next(iter(decoders), "utf-8-sig")

    @contextmanager
    def _beginning(self) -> Iterator[TextIO]:
        """Open the file for a look at its first lines."""
        try:
            with self._open_text() as file:
                yield file
        except UnicodeDecodeError:
            raise self._not_utf8() from None
        except BrokenStreamError as error:
            raise self._broken(error) from None

    def _checked(self, header: Header | None) -> Header:
        if header is None:
            raise self._empty()
        if len(header.names) > MOST_COLUMNS:
            raise LabError(
                f"Line {header.line} of {self.path.name} has {len(header.names):,} cells; a table "
                f"may have {MOST_COLUMNS:,} columns, so leave the others out."
            )
        if header.repeated:
            raise LabError(
                f"Line {header.line} of {self.path.name}: the name {header.repeated!r} occurs "
                "twice; rename one."
            )
        if not any(map(str.strip, header.names)):
            raise self._empty()
        if header.names == [header.names[0]] and len(header.names[0].split()) > 1:
            raise LabError(
                f"Line {header.line} of {self.path.name} is one cell, {header.names[0][:60]!r}; "
                "in a table, put commas, semicolons or tabs between the columns, and # before a "
                "line that stands above their names; of the output of a program, write the frames "
                "as extended XYZ, as by ase.io.write('frames.extxyz', …)."
            )
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
        # A row with fewer cells is short, and so may be the only one that differs.
        is_longer = self._find_line(lambda number, cells: number == 0 and len(cells) > width)
        if is_longer and self._find_line(lambda _, cells: len(cells) == width) is None:
            return LabError(
                f"The header, line {self._header.line} of {self.path.name}, has {width:,} cells "
                f"and line {line} another number; name every column, and delete what stands above "
                "the names."
            )
        return LabError(
            f"Line {line} of {self.path.name} has another number of cells than the header's "
            f"{width}; correct that line, also its quotes."
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
        except (OSError, BrokenStreamError, csv.Error):
            raise LabError(
                f"{self.path.name} cannot be read beyond line {line}; save or compress it again."
            ) from None
        return None

    def _nameless(self, place: int) -> LabError:
        return LabError(
            f"Line {self._header.line} of {self.path.name}: column {place + 1} has no name; give "
            "it one."
        )

    def _empty(self) -> LabError:
        return LabError(f"{self.path.name} is empty; choose a table with a header line and rows.")

    def _broken(self, error: BrokenStreamError) -> LabError:
        return LabError(f"{self.path.name} cannot be read ({error}); compress the table again.")

    def _not_utf8(self) -> LabError:
        line = 0
        try:
            with open_bytes(self.path) as stream, io.BufferedReader(_Readable(stream)) as file:
                for line, content in enumerate(file, 1):  # noqa: B007  used after the loop
                    content.decode()
        except BrokenStreamError as error:
            return self._broken(error)
        except UnicodeDecodeError:
            pass
        return LabError(
            f"Line {line} of {self.path.name} is not UTF-8 text; save the table as CSV in UTF-8."
        )

    @contextmanager
    def _open(self) -> Iterator["ByteStream | _Tabbed"]:
        with open_bytes(self.path) as stream:
            yield _Tabbed(stream) if self._has_blanks else stream

    @contextmanager
    def _open_text(self) -> Iterator[TextIO]:
        with self._open() as stream:
            file = io.BufferedReader(_Readable(stream))
            yield io.TextIOWrapper(file, encoding=self._encoding, newline="")


class _Readable(io.RawIOBase):
    """A stream of bytes as a file of Python."""

    def __init__(self, stream: "ByteStream | _Tabbed") -> None:
        self._stream = stream

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill a buffer and return how many bytes were read."""
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class _Tabbed:
    """A stream of text with one tab where there were blanks."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._line = b""
        self._ready = b""

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, none at the end."""
        while not self._ready and (part := self._stream.read(size)):
            *lines, self._line = (self._line + part).split(b"\n")
            self._ready = b"".join(_tabbed(line) + b"\n" for line in lines)
        if not self._ready:  # the end, where a line may lack its break
            self._ready, self._line = _tabbed(self._line), b""
        data, self._ready = self._ready[:size], self._ready[size:]
        return data

    @property
    def share(self) -> float:
        """Share of the file that has been read, from 0 to 1."""
        return self._stream.share


def _tabbed(line: bytes) -> bytes:
    return re.sub(rb"[ \t]+", b"\t", line.strip())
