"""Text of structures that a user pastes: what it is, and a file of it."""

from io import BytesIO
from pathlib import Path
from typing import Final

from core.errors import LabError
from core.frames.tables.structure_text import is_cif, is_poscar
from core.frames.uploads import keep_upload

MOST: Final = 2_000_000
"""Characters of pasted text; more is better given as a file."""


def keep_pasted(text: str) -> Path:
    """Store pasted text under a name that says what it is, and return its path.

    Args:
        text: CIF, POSCAR, extended XYZ or JSON.

    Raises:
        LabError: if it is none of these, or too long.
    """
    if len(text) > MOST:
        raise LabError(
            f"The pasted text has {len(text):,} characters, more than {MOST:,}; upload it as a "
            "file."
        )
    return keep_upload(f"pasted.{_ending(text)}", BytesIO(_trimmed(text).encode()))


def _trimmed(text: str) -> str:
    """Return text without the empty lines around it, of which a POSCAR's first may be one."""
    return text if is_poscar(text) else text.strip() + "\n"


def _ending(text: str) -> str:
    begin = text.lstrip()
    if begin[:1] in {"{", "["}:
        return "json"
    if is_cif(text):
        return "cif"
    if begin.split("\n", 1)[0].strip().isdecimal():
        return "extxyz"
    if is_poscar(text) or is_poscar(begin):
        return "vasp"
    raise LabError(
        "The pasted text is not recognised as a structure; paste a whole CIF, POSCAR, extended XYZ "
        "or JSON of pymatgen."
    )
