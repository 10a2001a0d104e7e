"""The head of a CSV file: comments, the line of names, its delimiter, and a row of units."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain, islice, takewhile
from typing import TextIO

from core.frames.tables.tabular import is_index, is_number
from core.frames.units import BASE, UnknownUnitError, unit_named

_DELIMITERS = ",;\t|"
_BLANK = f"{_DELIMITERS} \r\n"
_COMMENT = "#"
_MOST_COMMENTS = 10_000
_ROWS_LOOKED_AT = 20
MOST_COLUMNS = 10_000
"""Columns of a table; one with more is taken for damaged."""
INDEX = "index"
"""Name given to a nameless index of texts."""
_DASHES = frozenset({"", "-", "–", "—", "none"})


@dataclass(kw_only=True, frozen=True, slots=True)
class Header:
    """What precedes the rows of a CSV file.

    Attributes:
        line: line of the names, from 1.
        delimiter: what separates cells.
        names: names of the columns, empty for an index without a name.
        units: the cells of the row of units below the names; empty without such a row.
        rows: number of records that are no data: the names, and the units if there are any.
        blank: blank lines between the two.
    """

    line: int
    delimiter: str
    names: list[str]
    units: list[str] = field(default_factory=list)
    rows: int = 1
    blank: int = 0

    @property
    def distinct_names(self) -> list[str]:
        """The names, with nameless columns told apart."""
        return [name if name.strip() else f"\0{n}" for n, name in enumerate(self.names)]

    @property
    def repeated(self) -> str | None:
        """The first name that occurs twice, None if all differ."""
        seen: set[str] = set()
        for name in map(str.strip, self.names):
            if name and name in seen:
                return name
            seen.add(name)
        return None

    @property
    def nameless(self) -> list[int]:
        """Places of the nameless columns right of the first name, which must be empty."""
        named = next((n for n, name in enumerate(self.names) if name.strip()), len(self.names))
        return [n for n, name in enumerate(self.names) if n > named and not name.strip()]


def read_header(file: TextIO) -> Header | None:
    """Read the head of a CSV file.

    Lines at the top that begin with # are comments; Excel's line "sep=;", titles with empty cells
    behind them, and lines of empty cells are left out. The last comment holds the names if it has
    as many cells as the line below, and that line has a number.

    Returns:
        The header; None if there is nothing but comments.
    """
    comment, comment_line = "", 0
    for number, line in enumerate(islice(file, _MOST_COMMENTS), 1):
        if line.lstrip().startswith(_COMMENT):
            comment, comment_line = line, number
        elif line.strip(_BLANK) and not (number == 1 and line.lower().startswith("sep=")):
            if _is_title(line):
                continue
            header = _in_comment(comment_line, comment, line)
            return header or _header(number, line, file)
    return None


def has_blanks_between_cells(file: TextIO) -> bool:
    """Return whether blanks part the cells, as pandas prints tables and numpy saves them.

    There are as many words in the head, which may be a comment, as in every row, and no delimiter.
    """
    lines = [line for line in islice(file, _ROWS_LOOKED_AT) if line.strip()]
    n_comments = sum(1 for _ in takewhile(lambda one: one.lstrip().startswith(_COMMENT), lines))
    above, rows = lines[:n_comments], [line.split() for line in lines[n_comments:]]
    if any(mark in line for line in lines[n_comments:] for mark in f'{_DELIMITERS}"'):
        return False
    head = above[-1].strip().lstrip(_COMMENT).split() if above else []
    if not rows or len(head) != len(rows[0]):
        head, *rows = rows or [[]]
    return (
        bool(rows)
        and len(head) > 1
        and all(len(row) == len(head) for row in rows)
        and any(map(is_number, rows[0]))
        and not any(map(is_number, head))
    )


def _is_title(line: str) -> bool:
    """Return whether only the first of several cells is filled."""
    first, *others = _cells(line.strip("\r\n"), _delimiter(line))
    return len(others) > 1 and bool(first.strip()) and not any(cell.strip() for cell in others)


def _in_comment(number: int, comment: str, first_row: str) -> Header | None:
    """Return the header if the names stand in a comment above the first row."""
    text = comment.strip().lstrip("#").lstrip()
    delimiter = _delimiter(text)
    names, cells = _cells(text, delimiter), _cells(first_row, delimiter)
    if (
        len(names) != len(cells)
        or not 2 <= len(names) <= MOST_COLUMNS
        or not any(map(is_number, cells))
    ):
        return None
    return Header(line=number, delimiter=delimiter, names=_stripped(names))


def _header(number: int, line: str, file: TextIO) -> Header:
    below = next(file, "")
    delimiter = _delimiter(line, below)
    records = csv.reader(chain([line, below], file), delimiter=delimiter)
    names = next(records)
    if len(names) > MOST_COLUMNS:
        return Header(line=number, delimiter=delimiter, names=names)
    blank = 0
    units: list[str] = []
    for cells in records:
        if cells:
            units = _stripped(cells)
            break
        blank += 1
    names = _fitted(names, units)
    first_row = next(filter(None, records), [])
    if not _are_units(names, units, first_row):
        return Header(line=number, delimiter=delimiter, names=_with_index(names, units))
    names = _with_index(names, first_row)
    return Header(line=number, delimiter=delimiter, names=names, units=units, rows=2, blank=blank)


def _fitted(names: list[str], row: Sequence[str]) -> list[str]:
    """Return names with as many cells as a row, where only one of them ends in a delimiter."""
    if len(row) == len(names) + 1 and not row[-1].strip():
        return [*names, ""]
    return names[:-1] if len(row) == len(names) - 1 and not names[-1].strip() else names


def _with_index(names: list[str], row: Sequence[str]) -> list[str]:
    """Return names with one for a nameless index of pandas that holds text, which may be ids."""
    is_nameless = bool(names) and (not names[0].strip() or is_index(names[0]))
    is_text = bool(row) and bool(row[0].strip()) and not is_number(row[0])
    return [INDEX, *names[1:]] if is_nameless and is_text and INDEX not in names else names


def _delimiter(line: str, below: str = "") -> str:
    """Return the delimiter that parts two lines into equally many cells, else the most."""

    def cells(delimiter: str) -> tuple[bool, int]:
        n = len(_cells(line, delimiter))
        return n > 1 and n == len(_cells(below, delimiter)), n

    return max(_DELIMITERS, key=cells)


def _cells(line: str, delimiter: str) -> list[str]:
    """Split one line, quotes respected."""
    return next(csv.reader([line], delimiter=delimiter), [])


def _stripped(cells: Sequence[str]) -> list[str]:
    return [cell.strip() for cell in cells]


def _are_units(names: Sequence[str], cells: Sequence[str], below: Sequence[str]) -> bool:
    """Return whether a record holds units: no numbers, and a unit above a number or a list."""
    if len(cells) != len(names) or len(below) != len(names) or any(map(is_number, cells)):
        return False
    return any(
        _is_unit(cell) and (is_number(value) or value.lstrip().startswith(("[", "array(")))
        for cell, value in zip(cells, below, strict=True)
    )


def _is_unit(cell: str) -> bool:
    text = cell.strip().strip("()[]")
    if text.lower() in _DASHES:
        return False
    for label in BASE:
        try:
            unit_named(label, text)
        except UnknownUnitError:
            continue
        return True
    return False
