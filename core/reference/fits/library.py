"""AtomRef with names: those that users keep in the lab's home, one JSON file each."""

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
_TAKEN = ("chgnet-", "this-")
"""What the names of chgnet's own AtomRef, and of a page's fit, begin with."""


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
    if name.startswith(_TAKEN):
        raise LabError(
            f"{name!r}: names that begin with {' or '.join(_TAKEN)} stand for AtomRef that are not "
            "kept; choose another name."
        )
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
        LabError: It is neither, or a row of the table is no element's energy; or no functional is
            given for a table.
    """
    if not name.lower().endswith(".csv"):
        return AtomRef.from_json(content, name=name)
    if not functional.strip():
        raise LabError(f"{name}: a table does not tell its functional; give it, such as r2SCAN.")
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
