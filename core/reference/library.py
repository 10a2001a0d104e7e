"""AtomRef with names: those that users keep in the lab's home, one JSON file each."""

import csv
import io
import re
from pathlib import Path

import numpy as np

from core.elements import INDEX, N_ELEMENTS
from core.errors import LabError
from core.home import atomrefs_dir
from core.reference.atomref import AtomRef

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_SYMBOL_HEADS = ("symbol", "element")
_ENERGY_HEADS = ("energy", "energy_ev_per_atom", "atomref", "e0")


def saved_atomrefs() -> dict[str, AtomRef]:
    """Return the kept AtomRef by name; a file that cannot be read is passed over."""
    found = {}
    for path in sorted(atomrefs_dir().glob("*.json")):
        try:
            found[path.stem] = AtomRef.read(path)
        except LabError:
            continue
    return found


def save_atomref(name: str, atomref: AtomRef) -> Path:
    """Keep an AtomRef under a name and return its file.

    Raises:
        LabError: A bad name, or one that is taken.
    """
    path = _path(name)
    if path.exists():
        raise LabError(
            f"There is an AtomRef {name!r} already; choose another name or delete that one first."
        )
    atomref.write(path)
    return path


def delete_atomref(name: str) -> None:
    """Delete a kept AtomRef.

    Raises:
        LabError: There is none of this name.
    """
    path = _path(name)
    if not path.is_file():
        known = ", ".join(saved_atomrefs()) or "none yet"
        raise LabError(f"There is no AtomRef {name!r} to delete; kept are: {known}.")
    path.unlink()


def read_atomref(content: bytes, *, name: str, functional: str = "") -> AtomRef:
    """Read an AtomRef from a file of the lab (JSON) or from a table from elsewhere (CSV).

    Args:
        content: The file.
        name: Its name, for messages; its ending tells which of the two it is.
        functional: Level of theory of a table, which does not tell it itself.

    Raises:
        LabError: It is neither, or the table has an element twice, an unknown one, or an energy
            that is no finite number; or no functional is given for a table.
    """
    if not name.lower().endswith(".csv"):
        return AtomRef.from_json(content, name=name)
    if not functional.strip():
        raise LabError(f"{name}: a table does not tell its functional; give it, such as r2SCAN.")
    energies = read_energies(content, name=name)
    values = np.zeros(N_ELEMENTS)
    values[[INDEX[symbol] for symbol in energies]] = list(energies.values())
    return AtomRef(
        functional=functional.strip(),
        method="given",
        energies=values,
        counts=np.zeros(N_ELEMENTS, dtype=int),
        n=0,
        rank=0,
        condition=np.inf,
    )


def read_energies(content: bytes, *, name: str) -> dict[str, float]:
    """Read a CSV table of one energy an element.

    Args:
        content: The file: a column symbol (or element) and a column energy, eV/atom.
        name: Its name, for messages.

    Returns:
        Energies in eV/atom by symbol; rows without an energy are left out.

    Raises:
        LabError: A column is missing, an element is unknown or there twice, an energy is no finite
            number, or there is none at all.
    """
    try:
        rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    except (UnicodeDecodeError, csv.Error):
        raise LabError(f"{name}: is not text; give a CSV table of symbol and energy.") from None
    heads = {str(head).strip().lower(): head for head in (rows[0] if rows else {})}
    symbol_head = next((heads[one] for one in _SYMBOL_HEADS if one in heads), None)
    energy_head = next((heads[one] for one in _ENERGY_HEADS if one in heads), None)
    if symbol_head is None or energy_head is None:
        raise LabError(
            f"{name}: lacks a column symbol or a column energy; name them so in its first line."
        )
    energies: dict[str, float] = {}
    for line, row in enumerate(rows, start=2):
        symbol, text = (row[symbol_head] or "").strip(), (row[energy_head] or "").strip()
        if symbol not in INDEX:
            raise LabError(f"{name}: line {line}: {symbol!r} is no element from H to Pu; mend it.")
        if symbol in energies:
            raise LabError(f"{name}: line {line}: {symbol} is there twice; keep one of them.")
        if not text:
            continue
        try:
            energies[symbol] = float(text)
        except ValueError:
            energies[symbol] = np.nan
        if not np.isfinite(energies[symbol]):
            raise LabError(f"{name}: line {line}: {text!r} is no energy; give a number in eV/atom.")
    if not energies:
        raise LabError(f"{name}: holds no energy; give at least one.")
    return energies


def _path(name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise LabError(
            f"{name!r} cannot name an AtomRef; use lower-case letters, digits, '.', '_' and '-', "
            "with a letter or digit first."
        )
    return atomrefs_dir() / f"{name}.json"
