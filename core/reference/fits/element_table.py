"""Tables from users, with one energy per element: CSV, or a dictionary in JSON."""

import math
import re
import warnings
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any, BinaryIO

import orjson
import pandas as pd

from core.boxed import reading
from core.elements import INDEX, N_ELEMENTS, SYMBOLS
from core.errors import LabError
from core.files import small_content
from core.frames.functionals import functional_of, is_functional, same_functional
from core.frames.schema import MOST_ENERGY
from core.frames.tables.literals import parse_literal
from core.frames.tables.tabular import UNIT_WORDS, CellError
from core.frames.units import UnknownUnitError, unit_in_name, words_without_units

_NEEDED = ("symbol", "energy")

_SYNONYMS = {
    "element": "symbol",
    "el": "symbol",
    "z": "symbol",
    "number": "symbol",
    "atomic_number": "symbol",
    "e0": "energy",
    "energy_ev": "energy",
    "energy_per_atom": "energy",
    "species": "symbol",
    "atom": "symbol",
    "atomic number": "symbol",
}
"""Other names of the needed columns."""


_ENERGY_WORDS = frozenset(
    {"e", "e0", "e0s", "energy", "energies", "reference", "ref", "atomic", "isolated", "free"}
)


def read_element_table(file: Path | BinaryIO, *, name: str = "") -> pd.DataFrame:
    """Read energies of elements, all as text, with column names in lower case.

    Args:
        file: the file, or its content: CSV with columns symbol (or atomic number) and energy, or
            a column per functional; a dictionary such as {"H": -1.2} or {"1": -1.2} in JSON or
            Python, also one per functional as {"PBE": {"H": -1.2}}; or an AtomRef in JSON.
        name: name of the content in error messages.

    Raises:
        LabError: if it cannot be read, or is neither.
    """
    name = name or str(getattr(file, "name", file) if not isinstance(file, Path) else file)
    try:
        content = small_content(file) if isinstance(file, Path) else file.read()
    except OSError as error:
        raise LabError(
            f"{name} cannot be read ({error.strerror}); choose a file of references."
        ) from None
    with reading(name):
        return _table(content, name)


def _table(content: bytes, name: str) -> pd.DataFrame:
    """Return the content of a file as a table of text."""
    if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return _from_dictionary(content, name)
    text, separator, has_head = _as_csv(content, name)
    try:
        # As text: the symbol of sodium must not read as a missing value.
        # No index: lines that end in a comma would make one of the symbols. Pandas warns of the
        # empty cells that they lose.
        with warnings.catch_warnings(action="ignore", category=pd.errors.ParserWarning):
            table = pd.read_csv(
                StringIO(text),
                sep=separator,
                names=None if has_head else list(_NEEDED),
                dtype=str,
                keep_default_na=False,
                index_col=False,
            )
    except (ValueError, pd.errors.ParserError):
        raise LabError(
            f"{name} is not a CSV table; give columns symbol and energy (eV/atom), or a "
            'dictionary such as {"H": -1.2}.'
        ) from None
    table = _in_ev(table, name).rename(columns=lambda column: str(column).strip().lower())
    if not table.columns.is_unique:
        twice = table.columns[table.columns.duplicated()][0]
        raise LabError(f"{name} has two columns {twice!r}; keep one of them.")
    known = set(table.columns)
    return table.rename(
        columns={
            column: needed
            for column, needed in _SYNONYMS.items()
            if column in known and needed not in known
        }
    )


def _as_csv(content: bytes, name: str) -> tuple[str, str, bool]:
    """Return text without comments, its separator, and whether it has a row of names."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise LabError(f"{name} is not a CSV table in UTF-8; save it as one.") from None
    lines = [line for line in text.splitlines() if line.strip()]
    rows = [line for line in lines if not line.lstrip().startswith("#")]
    first = rows[0] if rows else ""
    separator = next((one for one in (";", "\t", ",") if one in first), r"\s+")
    if separator in {";", "\t", r"\s+"}:
        rows = [re.sub(r"(?<=\d),(?=\d)", ".", row) for row in rows]
    cells = re.split(separator, first.strip())
    has_head = not (len(cells) == 2 and _symbol(cells[0].strip()) in INDEX and _is_number(cells[1]))
    return "\n".join(rows), separator, has_head


def _is_number(text: str) -> bool:
    return not math.isnan(_number(text))


def _in_ev(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return a table whose column of energies is called energy and holds eV.

    Columns such as "Energy (Ha)" and E0_eV say the unit, which an isolated atom has per atom, or a
    column such as energy_unit says it in every row.
    """
    stated = _unit_in_rows(table, name)
    energies = [column for column in table.columns if column.strip().lower() == "energy"]
    if energies and not stated:
        return table
    energies = energies or [column for column in table.columns if _is_energy(column)]
    if len(energies) != 1:
        return table
    try:
        unit = unit_in_name("energy", energies[0], below=stated)
    except UnknownUnitError as error:
        raise LabError(f"{name}, column {energies[0]!r}: {error}") from None
    table = table.rename(columns={energies[0]: "energy"})
    if unit is not None and unit.factor != 1:
        numbers = table["energy"].map(_number)
        table["energy"] = table["energy"].where(numbers.isna(), (numbers * unit.factor).map(repr))
    return table


def _is_energy(column: str) -> bool:
    return column != "" and not set(words_without_units(column)) - _ENERGY_WORDS


def _unit_in_rows(table: pd.DataFrame, name: str) -> str:
    """Return the unit that a column states in all rows, "" without such a column."""
    for column in table.columns:
        words = set(words_without_units(column))
        if words & UNIT_WORDS and words <= UNIT_WORDS | _ENERGY_WORDS:
            texts = [text for text in table[column].dropna().str.strip().unique() if text]
            if len(texts) > 1:
                raise LabError(
                    f"{name}: column {column!r} states different units ({', '.join(texts[:5])}); "
                    "convert the energies to one unit."
                )
            return texts[0] if texts else ""
    return ""


def _from_dictionary(content: bytes, name: str) -> pd.DataFrame:
    """Return a dictionary of energies as a table of text."""
    values: Any = None
    try:
        values = orjson.loads(content)
    except orjson.JSONDecodeError:
        # Literals only: nothing in the file is run.
        with suppress(CellError, UnicodeDecodeError):
            values = parse_literal(content.decode("utf-8-sig"), problem="no dictionary")
    if isinstance(values, dict):
        # As {"E0s": {"H": -1.2}}, a name that is no functional's.
        inner = values.get("energies", next(iter(values.values()), None))
        is_named = "energies" in values or (
            len(values) == 1 and not is_functional(str(next(iter(values))))
        )
        if is_named and isinstance(inner, dict):
            values = inner
    if not isinstance(values, dict):
        values = {"": None}
    by_functional = {"": values}
    if values and all(isinstance(value, dict) for value in values.values()):
        by_functional = values
    rows = [
        (functional, str(key), value)
        for functional, energies in by_functional.items()
        for key, value in energies.items()
    ]
    if any(value is None or isinstance(value, dict | list | bool) for _, _, value in rows):
        raise LabError(
            f"{name} is not a dictionary of energies; write one number in eV per element, such as "
            '{"H": -1.2, "O": -3.1} or {"1": -1.2, "8": -3.1}.'
        )
    table = pd.DataFrame(
        {
            "functional": [functional for functional, _, _ in rows],
            "symbol": [symbol for _, symbol, _ in rows],
            "energy": [str(value) for _, _, value in rows],
        },
        dtype=str,
    )
    return table if by_functional is values else table.drop(columns="functional")


def element_energies(
    rows: pd.DataFrame, functional: str, *, only: bool = True, name: str
) -> dict[str, float]:
    """Return the energies of one functional in a table.

    Args:
        rows: as `read_element_table` returns them: columns symbol and energy (eV/atom), one row
            per element; a column functional distinguishes several functionals.
        functional: functional of the energies. Without a column functional, all rows are used.
        only: whether the table is used for this functional alone; otherwise it must have a
            column functional.
        name: name of the table in error messages.

    Returns:
        Energies in eV/atom by symbol.

    Raises:
        LabError: if a column is missing, or a row is not the energy of an element.
    """
    if "energy" not in rows.columns and (column := _of_functional(rows, functional)):
        rows = rows.rename(columns={column: "energy"}).drop(columns="functional", errors="ignore")
    for column in _NEEDED:
        if column not in rows.columns:
            raise LabError(
                f"{name} has no column {column!r}; give columns symbol and energy (eV/atom)."
            )
    if "functional" in rows.columns:
        same = rows["functional"].map(lambda name: same_functional(str(name), functional))
        if not same.any():
            raise LabError(f"{name} has no row of {functional}; add rows with that functional.")
        rows = rows[same]
    elif not only:
        raise LabError(
            f"{name} does not say which functional its energies belong to; add a column functional."
        )
    energies: dict[str, float] = {}
    for place, symbol, text in zip(rows.index, rows["symbol"], rows["energy"], strict=True):
        # The header is line 1 of the file.
        row = f"{name}, line {place + 2}"
        element = _symbol(symbol.strip())
        if element not in INDEX:
            raise LabError(f"{row}: {symbol!r} is not an element from H to Pu; write it like Fe.")
        energy = _number(text)
        if not abs(energy) <= MOST_ENERGY:
            raise LabError(
                f"{row}: {text[:40]!r} is not an energy of an atom; give a number in eV/atom."
            )
        if element in energies:
            raise LabError(f"{row}: {symbol} occurs twice; keep one energy per element.")
        energies[element] = energy
    if not energies:
        raise LabError(f"{name} contains no element; give one row per element.")
    return energies


def _of_functional(rows: pd.DataFrame, functional: str) -> str | None:
    """Return the column that is called like a functional, None without one or with several."""
    for column in rows.columns:
        if column == functional.strip().lower():
            return str(column)
    named = {str(column): functional_of(str(column)) for column in rows.columns}
    alike = [column for column, name in named.items() if name and same_functional(name, functional)]
    return alike[0] if len(alike) == 1 else None


def _symbol(text: str) -> str:
    """Return the symbol of an atomic number; other text as it is."""
    number = int(text) if text.isdecimal() and len(text) < 4 else 0
    return SYMBOLS[number - 1] if 1 <= number <= N_ELEMENTS else text


def _number(text: str) -> float:
    try:
        return float(re.sub("[\u2212\u2013]", "-", text.strip()))
    except ValueError:
        return float("nan")
