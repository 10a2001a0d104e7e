"""The library of saved AtomRef: JSON files in the lab's home, named by users."""

import io
import re
from pathlib import Path

import numpy as np

from core.elements import INDEX, N_ELEMENTS
from core.errors import LabError
from core.home import atomrefs_dir
from core.reference.fits.atomref import AtomRef
from core.reference.fits.element_table import element_energies, read_element_table

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_RESERVED = ("chgnet-", "this-")
"""Prefixes of the names of chgnet's own AtomRef, and of the fits of a page."""


def saved_atomrefs() -> dict[str, AtomRef]:
    """Return the saved AtomRef by name, without files that cannot be read."""
    atomrefs = {}
    for path in sorted(atomrefs_dir().glob("*.json")):
        try:
            atomrefs[path.stem] = AtomRef.read(path)
        except LabError:
            continue
    return atomrefs


def save_atomref(name: str, atomref: AtomRef) -> Path:
    """Save an AtomRef under a name and return its file.

    Raises:
        LabError: if the name is not valid, reserved or taken.
    """
    path = _path(name)
    if name.startswith(_RESERVED):
        raise LabError(
            f"{name!r}: names that begin with {' or '.join(_RESERVED)} are reserved; choose "
            "another name."
        )
    if path.exists():
        raise LabError(
            f"There is already an AtomRef {name!r}; choose another name or delete it first."
        )
    atomref.write(path)
    return path


def delete_atomref(name: str) -> None:
    """Delete a saved AtomRef.

    Raises:
        LabError: if there is none of this name.
    """
    path = _path(name)
    if not path.is_file():
        saved = ", ".join(saved_atomrefs()) or "none yet"
        raise LabError(f"There is no AtomRef {name!r} to delete; saved are: {saved}.")
    path.unlink()


def read_atomref(content: bytes, *, name: str, functional: str = "") -> AtomRef:
    """Read an AtomRef from a file of the lab (JSON) or from a table from elsewhere (CSV).

    Args:
        content: the file.
        name: file name, for its suffix and for error messages.
        functional: level of theory of a table, which does not contain it.

    Raises:
        LabError: if it is neither, a row of the table is not the energy of an element, or no
            functional is given for a table.
    """
    if not name.lower().endswith(".csv"):
        return AtomRef.from_json(content, name=name)
    if not functional.strip():
        raise LabError(f"{name}: a table does not contain its functional; give it, such as r2SCAN.")
    table = read_element_table(io.BytesIO(content), name=name)
    energies = element_energies(table, functional, name=name)
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


def _path(name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise LabError(
            f"{name!r} cannot name an AtomRef; use lower-case letters, digits, '.', '_' and '-', "
            "with a letter or digit first."
        )
    return atomrefs_dir() / f"{name}.json"
