"""Excel workbooks, read by openpyxl row by row: the sheet that holds a table of energies."""

import csv
import datetime as dt
import io
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from core.errors import LabError
from core.frames.column_names import NAMES, energy_column, plain_name
from core.frames.functionals import functional_of
from core.frames.tables.header import Header, read_header
from core.frames.tables.tabular import HEAD_ROWS, TableFile, is_index
from core.progress import Progress, silent
from core.sealed import UNREADABLE

ZIP_MAGIC: Final = b"PK\x03\x04"
OLD_MAGIC: Final = b"\xd0\xcf\x11\xe0"
_BATCH_ROWS: Final = 8192
_HEAD: Final = 60
_MOST_BYTES: Final = 1 << 32

_OF_A_DAMAGED_SHEET: Final = (
    *(OSError, ValueError, KeyError, zipfile.BadZipFile, SyntaxError),
    # openpyxl gives attributes of XML to its constructors as they are.
    *(TypeError, AttributeError),
)

_OTHERS: Final = {
    "xl/workbook.bin": "is a binary Excel workbook (.xlsb); save it as .xlsx or CSV",
    "content.xml": "is an OpenDocument file; save it as .xlsx or CSV",
}


class ExcelFile(TableFile):
    """One sheet of an Excel workbook; formulas count with the values that Excel saved.

    Of several sheets the first whose header names energies counts, else the first with a table.
    Rows above the header with fewer than two cells, such as a title, are left out. All columns are
    text, as in CSV. Sheets named after functionals are not chosen among.
    """

    def __init__(self, path: Path) -> None:
        """Find the sheet and read its header.

        Raises:
            LabError: if it is no workbook that can be read, has no table, or its table has blank or
                repeated column names; or if sheets are named after several functionals.
        """
        self.path = path
        _check(path)
        with _workbook(path) as book:
            heads = {sheet.title: _head(sheet) for sheet in book.worksheets}
        tables = {title: head for title, head in heads.items() if head is not None}
        if not tables:
            raise LabError(
                f"{path.name} has no sheet with a table; choose a workbook with a header line and "
                "rows."
            )
        named = [title for title, head in tables.items() if _names_energies(head[0].names)]
        functionals = {functional_of(title) for title in named} - {None}
        if len(functionals) > 1:
            raise LabError(
                f"{path.name} has a table on each of the sheets {' and '.join(named)}, which are "
                "named after functionals; save the one to import as a file of its own."
            )
        self.sheet = next(iter([*named, *tables]))
        self._header, self._above = tables[self.sheet]
        self._check_names()
        if len(heads) > 1:
            others = ", ".join(title for title in heads if title != self.sheet)
            self.notes = [f"Sheet {self.sheet!r} was read; not read: {others}."]
        names = self._header.names
        self.columns = [name for name in names if name and not is_index(name)]
        if self._header.units:
            self.units = dict(zip(names, self._header.units, strict=True))
        self._check_formulas()

    def batches(
        self, columns: Sequence[str], progress: Progress = silent
    ) -> Iterator[pa.RecordBatch]:
        """Yield the given columns as text; see `TableFile.batches`."""
        places = [self._header.names.index(name) for name in columns]
        rows = self._rows()
        n = 0
        while batch := list(islice(rows, _BATCH_ROWS)):
            n += len(batch)
            texts = [
                [_text(row[place]) if place < len(row) else None for _, row in batch]
                for place in places
            ]
            arrays = [pa.array(column, pa.string()) for column in texts]
            yield pa.RecordBatch.from_arrays(arrays, names=list(columns))
            progress(min(n / max(self._n_rows, n), 1.0), f"Reading {self.path.name}")

    def where(self, row: int) -> str:
        """Return the row as Excel counts it."""
        place, _ = next(islice(self._rows(), row, None), (0, ()))
        return f"row {place} of sheet {self.sheet!r} of {self.path.name}"

    def _rows(self, *, formulas: bool = False) -> Iterator[tuple[int, tuple[Any, ...]]]:
        """Yield number, as Excel counts, and cells of every row below the header with any cell."""
        first = self._above + self._header.line + self._header.rows + self._header.blank
        with _workbook(self.path, formulas=formulas) as book:
            sheet = book[self.sheet]
            self._n_rows = sheet.max_row or 0
            rows = sheet.iter_rows(min_row=first, values_only=True)
            try:
                for number, row in enumerate(rows, first):
                    if any(cell is not None for cell in row):
                        yield number, row
            except _OF_A_DAMAGED_SHEET:
                raise _damaged(self.path) from None

    def _check_names(self) -> None:
        where = f"sheet {self.sheet!r} of {self.path.name}"
        names = [name.strip() for name in self._header.names]
        if twice := self._header.repeated:
            raise LabError(f"The name {twice!r} occurs twice in {where}; rename one.")
        # Of a name above several merged cells only the first one holds it.
        nameless = self._header.nameless
        for _, row in islice(self._rows(), HEAD_ROWS) if nameless else ():
            for place, cell in enumerate(row):
                # Words right of the last name are remarks.
                is_inside = any(names[place:]) or isinstance(cell, (int, float))
                if cell is not None and place in nameless and is_inside:
                    raise LabError(f"Column {place + 1} of {where} has no name; give it one.")

    def _check_formulas(self) -> None:
        """Raise LabError if a formula near the top has no saved value."""
        head = zip(self._rows(), self._rows(formulas=True), strict=False)
        for (number, values), (_, formulas) in islice(head, HEAD_ROWS):
            for value, formula in zip(values, formulas, strict=False):
                if value is None and isinstance(formula, str) and formula.startswith("="):
                    raise LabError(
                        f"Row {number} of sheet {self.sheet!r} of {self.path.name} holds the "
                        f"formula {formula[:40]!r} without its value; open the file in Excel and "
                        "save it."
                    )


def _check(path: Path) -> None:
    """Raise LabError if a file is no workbook, or one that would fill the memory."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = {one.filename for one in archive.infolist()}
            size = sum(one.file_size for one in archive.infolist())
    except UNREADABLE:
        raise _damaged(path) from None
    for name, problem in _OTHERS.items():
        if name in names:
            raise LabError(f"{path.name} {problem}.")
    if "xl/workbook.xml" not in names:
        raise LabError(
            f"{path.name} is an archive, not a table; unpack it and name the files in it."
        )
    if size > _MOST_BYTES:
        raise LabError(
            f"{path.name} holds {size >> 30} GB unpacked, too much for a workbook; save the table "
            "as CSV or Parquet."
        )


@contextmanager
def _workbook(path: Path, *, formulas: bool = False) -> Iterator[Any]:
    import openpyxl  # noqa: PLC0415  only workbooks need it

    try:
        with warnings.catch_warnings(action="ignore"):  # of styles and extensions it leaves out
            book = openpyxl.load_workbook(
                path, read_only=True, data_only=not formulas, keep_links=False
            )
    except Exception:  # noqa: BLE001  openpyxl raises anything for a damaged workbook
        raise _damaged(path) from None
    try:
        yield book
    finally:
        book.close()


def _head(sheet: Any) -> tuple[Header, int] | None:
    """Return the header of a sheet and the number of rows above it, None without a table."""
    try:
        rows = [
            [_text(cell) or "" for cell in row]
            for row in sheet.iter_rows(max_row=_HEAD, values_only=True)
        ]
    except _OF_A_DAMAGED_SHEET:
        return None
    above = next((i for i, row in enumerate(rows) if sum(map(bool, row)) > 1), None)
    if above is None:
        # A table of one column, if it is more than a title.
        above = next((i for i, row in enumerate(rows) if any(row)), None)
        if above is None or len(rows) < above + 2:
            return None
    used = max(place for row in rows[above:] for place, cell in enumerate(row, 1) if cell)
    text = io.StringIO(newline="")
    csv.writer(text).writerows(row[:used] for row in rows[above:])
    text.seek(0)
    header = read_header(text)
    return None if header is None else (header, above)


def _names_energies(names: Sequence[str]) -> bool:
    """Return whether the names of columns are those of a table that could be imported."""
    plain = set(map(plain_name, names))
    has_formula = bool(plain & {*NAMES["formula"], *NAMES["structure"]})
    return has_formula and any(energy_column(name, of_cells=True) for name in names)


def _text(cell: Any) -> str | None:
    """Return a cell as text, None where it is empty."""
    if cell is None or cell == "":
        return None
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, (dt.datetime, dt.date, dt.time)):
        return cell.isoformat()
    return str(cell)


def _damaged(path: Path) -> LabError:
    return LabError(f"{path.name} is a damaged workbook; save or download it again.")
