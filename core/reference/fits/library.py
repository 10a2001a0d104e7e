"""The library of saved AtomRef: JSON files in the lab's home, named by users."""

import io
import json
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from core import access
from core.boxed import reading
from core.elements import INDEX, N_ELEMENTS, SYMBOLS
from core.errors import LabError
from core.files import disk_errors, small_content
from core.frames.registry import open_frame_set
from core.frames.store import FrameSet
from core.home import atomrefs_dir
from core.reference.fits.atomref import AtomRef
from core.reference.fits.element_table import element_energies, read_element_table
from core.reference.fits.isolated import ISOLATED, isolated_energies

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_FIELDS = frozenset({"energies", "method", "functional", "version"})
"""Keys of an AtomRef of the lab, which no dictionary of energies has."""
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
    access.require("launch", f"save AtomRef {name}")
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
    access.require("delete", f"delete AtomRef {name}")
    if not path.is_file():
        saved = ", ".join(saved_atomrefs()) or "none yet"
        raise LabError(f"There is no AtomRef {name!r} to delete; saved are: {saved}.")
    path.unlink()


def read_atomref(content: bytes, *, name: str, functional: str = "") -> AtomRef:
    """Read an AtomRef from a file of the lab (JSON), or from a table from elsewhere.

    Args:
        content: the file: an AtomRef, a dictionary of energies by symbol or atomic number, or CSV.
        name: file name, for error messages.
        functional: level of theory of a table, which does not contain it.

    Raises:
        LabError: if it is none of these, an entry is not the energy of an element, or no
            functional is given for a table.
    """
    with reading(name):
        is_atomref = _is_atomref(content)
    if is_atomref:
        return AtomRef.from_json(content, name=name)
    if not functional.strip():
        raise LabError(f"{name}: a table does not contain its functional; give it, such as r2SCAN.")
    table = read_element_table(io.BytesIO(content), name=name)
    return given_atomref(element_energies(table, functional, name=name), functional)


def given_atomref(energies: Mapping[str, float], functional: str) -> AtomRef:
    """Return an AtomRef of given energies.

    Args:
        energies: eV/atom by symbol.
        functional: their level of theory.
    """
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


def own_energies(text: str, *, functional: str, data: FrameSet | None = None) -> dict[str, float]:
    """Return reference energies that a user names.

    Args:
        text: a saved AtomRef, a file as of `read_atomref`, or ISOLATED for the isolated atoms of
            the data set ("isolated:NAME" for those of another one).
        functional: functional whose energies are taken from a table of several.
        data: the data set.

    Returns:
        eV/atom by symbol; elements without one are left out.

    Raises:
        LabError: if there is nothing of this name, or it cannot be read.
    """
    start, _, name = text.partition(":")
    frames = open_frame_set(name) if start == ISOLATED and name else data
    if start == ISOLATED and frames is not None:
        return isolated_energies(
            frames, frames.fractions(), frames.energies(), name=frames.card.name
        )
    if (saved := atomrefs_dir() / f"{text}.json").is_file() and _NAME.fullmatch(text):
        return energies_of(AtomRef.read(saved))
    if not Path(text).is_file():
        names = ", ".join([ISOLATED, *saved_atomrefs()])
        raise LabError(
            f"{text} is neither a saved AtomRef nor a file; saved are: {names}; or give a "
            "dictionary of energies by element (JSON), a CSV table, or a file that atomref --out "
            "wrote."
        )
    access.check_file(text)
    with disk_errors(Path(text)):
        content = small_content(Path(text))
    if _is_atomref(content):
        return energies_of(AtomRef.from_json(content, name=text))
    return element_energies(
        read_element_table(io.BytesIO(content), name=text), functional, name=text
    )


def energies_of(atomref: AtomRef) -> dict[str, float]:
    """Return the references of an AtomRef by symbol, eV/atom, without those it does not have."""
    return {SYMBOLS[i]: float(atomref.energies[i]) for i in np.flatnonzero(atomref.has_energy)}


def _is_atomref(content: bytes) -> bool:
    """Return whether a file is meant as an AtomRef of the lab."""
    try:
        # Numbers of any size, of which the reader then says that they are too large.
        values = json.loads(content, parse_int=float)
    except (ValueError, RecursionError):
        return False
    return isinstance(values, dict) and bool(_FIELDS & values.keys())


def _path(name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise LabError(
            f"{name!r} cannot name an AtomRef; use lower-case letters, digits, '.', '_' and '-', "
            "with a letter or digit first."
        )
    return atomrefs_dir() / f"{name}.json"
