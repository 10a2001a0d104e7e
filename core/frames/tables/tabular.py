"""A table file that is read in batches and can name the place of each of its rows."""

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import LabError
from core.frames.functionals import words_of
from core.frames.schema import MOST_ENERGY, EnergyColumn
from core.frames.units import Label, Unit, UnknownUnitError, unit_named
from core.progress import Progress, silent

HEAD_ROWS = 1000
_MISSING = frozenset(
    re.findall(r"\S+", "na n/a nan null none - -- #n/a #na <na> nat -nan 1.#ind 1.#qnan")
) | {"", "#n/a n/a"}
_LONGEST_MISSING = 40
_LONGEST_NUMBER = 1000
_MISSING_TEXTS = pa.array(sorted(_MISSING))
_INDEX = re.compile(r"Unnamed: \d+|__index_level_\d+__")
UNIT_WORDS = frozenset({"unit", "units"})
"""Words in the name of a column that states units."""
_OF_ENERGIES = frozenset({"energy", "energies", "e", "of"})
_MINUSES = "[\u2212\u2013\uff0d]"
_FORTRAN = r"^([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))[dD]([+-]?[0-9]+)$"
_DECIMAL_COMMA = r"^([+-]?[0-9]*),([0-9]+(?:[eE][+-]?[0-9]+)?)$"
# One comma of which it is open what it is, and the numbers without one that part thousands there.
_ONE_GROUP = r"^[+-]?[1-9][0-9]{0,2},[0-9]{3}$"
_HUNDREDS = r"^[+-]?[1-9][0-9]{2}$"
_SPACED = r"^[+-]?[0-9]{1,3}(?:[ '\x{2019}\x{a0}\x{202f}][0-9]{3})+(?:[.,][0-9]*)?$"
_SPACES = r"[ '\x{2019}\x{a0}\x{202f}]"
# Between groups of three digits, and what then is the decimal mark: numbers that hold both, or the
# first one twice, show how the whole column is to be read.
_GROUPED = {
    mark: (
        rf"^[+-]?[0-9]{{1,3}}(?:[{mark}][0-9]{{3}})+(?:[{point}][0-9]*)?$",
        rf"^[+-]?[0-9]{{1,3}}(?:(?:[{mark}][0-9]{{3}})+[{point}][0-9]+|(?:[{mark}][0-9]{{3}}){{2,}})$",
    )
    for mark, point in ((",", "."), (".", ","))
}


class CellError(Exception):
    """What is wrong with the value of one cell; the caller adds the place and the remedy."""


class TableFile(ABC):
    """A CSV or Parquet file, opened but not read.

    Attributes:
        path: the file.
        columns: names of its columns, without an index that pandas wrote.
        units: what a second header row says of columns' units; empty without such a row.
        notes: what the user should know of how the file is read, as sentences.
        grouped: columns of numbers read so far that part thousands, with the mark that does.
        has_decimal_commas: whether the file shows that commas in its numbers are decimal ones.
    """

    path: Path
    columns: list[str]
    notes: Sequence[str] = ()
    units: Mapping[str, str] = MappingProxyType({})
    energies: Mapping[str, EnergyColumn] = MappingProxyType({})
    grouped: Mapping[str, str] = MappingProxyType({})
    has_decimal_commas: bool = False

    @abstractmethod
    def batches(
        self, columns: Sequence[str], progress: Progress = silent
    ) -> Iterator[pa.RecordBatch]:
        """Yield the given columns batch by batch.

        Raises:
            LabError: if a row cannot be read, with its place in the file.
        """

    @abstractmethod
    def where(self, row: int) -> str:
        """Return the place of a row, counted from 0 without the header, as "line 7 of x.csv"."""

    def read(self, columns: Sequence[str], progress: Progress = silent) -> pa.Table:
        """Read the given columns as a whole.

        Raises:
            LabError: if the table has no rows, or a row cannot be read.
        """
        batches = list(self.batches(columns, progress))
        if not sum(batch.num_rows for batch in batches):
            raise self.without_rows()
        return pa.Table.from_batches(batches)

    def head(self) -> pa.Table:
        """Read the first rows of every column.

        Raises:
            LabError: if there are none.
        """
        for batch in self.batches(self.columns):
            if batch.num_rows:
                return pa.Table.from_batches([batch.slice(0, HEAD_ROWS)])
        raise self.without_rows()

    def listed(self) -> str:
        """Return the names of the columns for a sentence; one may be a text of many lines."""
        return ", ".join(_cut(" ".join(name.split())) for name in self.columns)

    def unit_of(self, label: Label, column: str) -> str:
        """Return the unit that the file states beside a column's name, "" if it states none.

        A second header row states it or, for energies, a column such as energy_unit, which names
        one unit in all rows.

        Raises:
            LabError: if the rows of such a column name different units.
        """
        if column in self.units or label != "energy":
            return self.units.get(column, "")
        known = _OF_ENERGIES.union(words_of(column))
        words = {name: set(words_of(name)) for name in self.columns if name != column}
        others = {name: said - UNIT_WORDS for name, said in words.items() if said & UNIT_WORDS}
        fitting = [name for name, said in others.items() if said <= known]
        if not fitting:
            return ""
        # The one that shares most words with the column, as energy_pbe_unit beside unit.
        name = max(fitting, key=lambda one: len(others[one]))
        unit = self._unit_in_rows(name, is_vague=not others[name])
        self.units = {**self.units, column: unit}
        return unit

    def _unit_in_rows(self, name: str, *, is_vague: bool) -> str:
        """Return the one unit of energy in a column; "" if a vague name holds something else."""
        first, stated = "", None
        for row, value in enumerate(self.read([name]).column(0).to_pylist()):
            if is_missing(value):
                continue
            unit = _unit(str(value))
            if unit is None and is_vague:
                return ""
            if first and unit != stated:
                raise self.fail(
                    row,
                    f"column {name!r} states {_shorten(value)}, and {first!r} in a row above",
                    "convert the energies to one unit",
                )
            first, stated = first or str(value), unit
        return first

    def numbers(
        self,
        name: str,
        column: pa.ChunkedArray | pa.Array,
        *,
        rows: Sequence[int] | np.ndarray | None = None,
    ) -> np.ndarray:
        """Convert values of a column to floats, (n,), NaN where missing.

        Args:
            name: the column's name.
            column: its values, (n,).
            rows: rows of the file that hold them, (n,); by default the first ones.

        Raises:
            LabError: if a value is not a finite number, or one of two that its comma allows, with
                its place in the file.
        """
        values, bad = parse_numbers(column)
        if pa.types.is_string(column.type) and (mark := _mark_of_groups(_with_minus(column))):
            self.grouped = {**self.grouped, name: mark}
        elif name in self.grouped and has_decimal_commas(column):
            bad = 0  # as thousands before, as decimals here
        if bad is not None:
            problem = f"{_shorten(column[bad].as_py())} in column {name!r} is not a finite number"
            remedy = "correct it or leave the cell empty"
        elif (bad := self.open_comma(column)) is not None:
            text = column[bad].as_py().strip()
            whole, point = text.replace(",", ""), text.replace(",", ".")
            problem = f"{text!r} in column {name!r} may mean {whole} or {point}"
            remedy = "write the numbers of that column without commas"
        else:
            return values
        raise self.fail(bad if rows is None else int(rows[bad]), problem, remedy)

    def open_comma(self, column: pa.ChunkedArray | pa.Array) -> int | None:
        """Return the first row whose comma may be a decimal one or part thousands, or None.

        Numbers from 100 to 999 beside 1,066 tell that it parts thousands, other numbers of the
        file that it is a decimal one.

        Args:
            column: values of a column, (n,).
        """
        if not pa.types.is_string(column.type) or not _holds(column, ","):
            return None
        texts = pc.utf8_trim_whitespace(_with_minus(column))
        if not _has_open_commas(texts) or _has_hundreds(texts) != self.has_decimal_commas:
            return None
        return int(pc.index(pc.match_substring_regex(texts, _ONE_GROUP), value=True).as_py())

    def sha256(self) -> str:
        """Return the SHA-256 of the file."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def fail(self, row: int, problem: str, remedy: str) -> LabError:
        """Return the error for a row, in one sentence."""
        where = self.where(row)
        return LabError(f"{where[0].upper()}{where[1:]}: {problem}; {remedy}.")

    def possible(self, name: str, energies: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return energies, (n,) eV/atom, of rows in the file, (n,), which atoms may have.

        Raises:
            LabError: if an energy is larger than any.
        """
        for beyond in np.flatnonzero(np.abs(energies) > MOST_ENERGY):
            problem = f"the {name} of {energies[beyond]:g} eV/atom is larger than any"
            raise self.fail(int(rows[beyond]), problem, "correct it, or leave the cell empty")
        return energies

    def without_rows(self) -> LabError:
        """Return the error for a table without rows."""
        return LabError(f"{self.path.name} has a header but no rows; add rows with data.")


def _unit(text: str) -> Unit | None:
    try:
        return unit_named("energy", text)
    except UnknownUnitError:
        return None


def is_missing(value: object) -> bool:
    """Return whether a cell is empty or holds a word for a missing value, such as <NA>."""
    if not isinstance(value, str):
        return value is None
    # A structure may be megabytes of text.
    return len(value) < _LONGEST_MISSING and value.strip().lower() in _MISSING


def is_number(cell: str) -> bool:
    """Return whether a text alone is a number to `parse_numbers`."""
    values, bad = parse_numbers(pa.array([cell]))
    return bad is None and bool(values[0] == values[0])


def is_index(name: str) -> bool:
    """Return whether a column is named as pandas names an index without a name."""
    return bool(_INDEX.fullmatch(name))


def parse_numbers(column: pa.ChunkedArray | pa.Array) -> tuple[np.ndarray, int | None]:
    """Convert a column to floats.

    Empty cells and words such as na, nan, null, none, <NA>, #N/A and - are missing values. U+2212
    and an en dash are minuses, D an exponent as Fortran writes it, and a comma a decimal one if no
    cell has a point.

    Args:
        column: numbers, or text that should be numbers, (n,).

    Returns:
        The values, (n,), NaN where missing, and the first row that is not a finite number or None.
    """
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_null(column.type):
        return np.full(len(column), np.nan), None
    if pa.types.is_string(column.type):
        # Megabytes of a structure would be searched for the marks of numbers.
        is_long = pc.greater(pc.binary_length(column), _LONGEST_NUMBER)
        column = pc.if_else(is_long, pa.scalar("a text", column.type), column)
        column = pc.utf8_trim_whitespace(column)
        missing = pc.is_in(pc.utf8_lower(column), _MISSING_TEXTS)
        column = pc.if_else(missing, pa.scalar(None, column.type), column)
        try:
            values = _floats(column)
        except pa.ArrowInvalid:
            column = _plain_numbers(column)
            texts = column.to_numpy(zero_copy_only=False)
            values = pd.to_numeric(pd.Series(texts, dtype=object), errors="coerce").to_numpy(float)
            bad = np.isnan(values) & column.is_valid().to_numpy(zero_copy_only=False)
            if bad.any():
                return values, int(np.argmax(bad))
    else:
        try:
            values = _floats(column)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return np.full(len(column), np.nan), 0
    infinite = np.isinf(values)
    return values, int(np.argmax(infinite)) if infinite.any() else None


def shows_decimal_commas(column: pa.ChunkedArray) -> bool:
    """Return whether a column is numbers with commas that can only be decimal ones."""
    return (
        has_decimal_commas(column)
        and parse_numbers(column)[1] is None
        and not _has_open_commas(pc.utf8_trim_whitespace(_with_minus(column)))
    )


def has_decimal_points(column: pa.ChunkedArray) -> bool:
    """Return whether a column is text of numbers, some with a decimal point."""
    return (
        pa.types.is_string(column.type)
        and _holds(column, ".")
        and _mark_of_groups(_with_minus(column)) != "."
        and parse_numbers(column)[1] is None
    )


def has_decimal_commas(column: pa.ChunkedArray | pa.Array) -> bool:
    """Return whether `parse_numbers` reads commas of a column as decimal points."""
    if not pa.types.is_string(column.type):
        return False
    texts = pc.utf8_trim_whitespace(_with_minus(column))
    if _holds(texts, "."):
        return _mark_of_groups(texts) == "."
    return _mark_of_groups(texts) is None and bool(
        pc.any(pc.match_substring_regex(texts, _DECIMAL_COMMA)).as_py()
    )


def missing_cells(column: pa.ChunkedArray) -> np.ndarray:
    """Return which cells are empty or hold a word for a missing value, (n,) booleans."""
    if pa.types.is_string(column.type):
        texts = pc.utf8_lower(pc.utf8_trim_whitespace(column.fill_null("")))
        return np.asarray(pc.is_in(texts, _MISSING_TEXTS).to_numpy())
    return np.asarray(pc.is_null(column, nan_is_null=True).to_numpy())


def _plain_numbers(column: pa.Array) -> pa.Array:
    """Return texts of numbers with a plain minus, exponent and decimal point."""
    column = pc.replace_substring_regex(_with_minus(column), _FORTRAN, r"\1e\2")
    closed = pc.replace_substring_regex(column, _SPACES, "")
    column = pc.if_else(pc.match_substring_regex(column, _SPACED), closed, column)
    if mark := _mark_of_groups(column):
        whole = pc.replace_substring(column, mark, "")
        parted = pc.match_substring_regex(column, _GROUPED[mark][0])
        column = pc.if_else(parted, whole, column)
    if _holds(column, "."):
        return column
    return pc.replace_substring_regex(column, _DECIMAL_COMMA, r"\1.\2")


def _with_minus(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    return pc.replace_substring_regex(column, _MINUSES, "-")


def _mark_of_groups(texts: pa.Array | pa.ChunkedArray) -> str | None:
    """Return the comma or point that parts thousands in all numbers that have it, or None."""
    for mark, (grouped, sure) in _GROUPED.items():
        if pc.any(pc.match_substring_regex(texts, sure)).as_py():
            others = pc.and_not(
                pc.match_substring(texts, mark), pc.match_substring_regex(texts, grouped)
            )
            return None if pc.any(others).as_py() else mark
    return "," if _has_open_commas(texts) and _has_hundreds(texts) else None


def _has_open_commas(texts: pa.Array | pa.ChunkedArray) -> bool:
    """Return whether all numbers with a comma are like 1,066, and none shows what it is."""
    if not _holds(texts, ",") or _holds(texts, "."):
        return False
    groups = pc.match_substring_regex(texts, _ONE_GROUP)
    return not pc.any(pc.and_not(pc.match_substring(texts, ","), groups)).as_py()


def _holds(texts: pa.Array | pa.ChunkedArray, mark: str) -> bool:
    return bool(pc.any(pc.match_substring(texts, mark)).as_py())


def _has_hundreds(texts: pa.Array | pa.ChunkedArray) -> bool:
    return bool(pc.any(pc.match_substring_regex(texts, _HUNDREDS)).as_py())


def _floats(column: pa.Array) -> np.ndarray:
    floats = column.cast(pa.float64())
    return np.array(floats.to_numpy(zero_copy_only=False), dtype=np.float64)


def _shorten(value: object) -> str:
    """Quote a value for a sentence, cut to a readable length."""
    text = repr(value) if isinstance(value, str) else str(value)
    return _cut(text)


def _cut(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}…"
