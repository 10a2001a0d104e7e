"""CSV tables from users, with one energy per element."""

import warnings
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd

from core.elements import INDEX
from core.errors import LabError

_NEEDED = ("symbol", "energy")


def read_element_table(file: Path | BinaryIO, *, name: str = "") -> pd.DataFrame:
    """Read a CSV file of energies of elements, all as text, with column names in lower case.

    Args:
        file: the file, or its content.
        name: name of the content in error messages.

    Raises:
        LabError: if it cannot be read, or is not a table.
    """
    name = name or str(getattr(file, "name", file) if not isinstance(file, Path) else file)
    try:
        # As text: the symbol of sodium must not read as a missing value.
        # No index: lines that end in a comma would make one of the symbols. Pandas warns of the
        # empty cells that they lose.
        with warnings.catch_warnings(action="ignore", category=pd.errors.ParserWarning):
            table = pd.read_csv(file, dtype=str, keep_default_na=False, index_col=False)
    except OSError as error:
        raise LabError(
            f"{name} cannot be read ({error.strerror}); choose a CSV file of references."
        ) from None
    except (ValueError, pd.errors.ParserError):
        raise LabError(
            f"{name} is not a CSV table; give columns symbol and energy (eV/atom)."
        ) from None
    table = table.rename(columns=lambda column: str(column).strip().lower())
    if not table.columns.is_unique:
        twice = table.columns[table.columns.duplicated()][0]
        raise LabError(f"{name} has two columns {twice!r}; keep one of them.")
    return table


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
    for column in _NEEDED:
        if column not in rows.columns:
            raise LabError(
                f"{name} has no column {column!r}; give columns symbol and energy (eV/atom)."
            )
    if "functional" in rows.columns:
        same = rows["functional"].str.strip().str.casefold() == functional.strip().casefold()
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
        element = symbol.strip()
        if element not in INDEX:
            raise LabError(f"{row}: {symbol!r} is not an element from H to Pu; write it like Fe.")
        energy = _number(text)
        if not np.isfinite(energy):
            raise LabError(f"{row}: {text!r} is not an energy; give a number in eV/atom.")
        if element in energies:
            raise LabError(f"{row}: {symbol} occurs twice; keep one energy per element.")
        energies[element] = energy
    if not energies:
        raise LabError(f"{name} contains no element; give one row per element.")
    return energies


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
