"""Text of CIF and POSCAR, looked at before a library reads it."""

import re
from typing import Final, Literal

from core.frames.tables.tabular import CellError

MOST_IN_CIF: Final = 3000
"""Atoms of a CIF with their images by symmetry; its reader's time grows as the square of them."""
MOST_OPERATIONS: Final = 384
"""Operations that a CIF may list: a magnetic space group has up to twice those of Fm-3m."""
MOST_BLOCKS: Final = 100
"""Blocks of data in a CIF; its reader takes milliseconds for each one that has no structure."""
MOST_IN_POSCAR: Final = 200_000
"""Atoms of a POSCAR."""

_POWER = re.compile(r"^[^\n]*[\w)]\s*\*\*", re.MULTILINE)


def check_text(
    text: str, kind: Literal["cif", "poscar"], *, most_in_cif: int = MOST_IN_CIF
) -> None:
    """Refuse a CIF or POSCAR that would take a library more time or memory than it is worth.

    Args:
        text: the text.
        kind: what it is.
        most_in_cif: atoms that a CIF may have.

    Raises:
        CellError: if it has too many atoms or operations, states another number of atoms than it
            lists, or does not name its elements, each with a number of atoms.
    """
    if kind == "cif":
        _check_cif(text, most_in_cif)
    else:
        _check_poscar(text)


def _check_cif(text: str, most: int) -> None:
    blocks = len(re.findall(r"^\s*data_", text, re.MULTILINE | re.IGNORECASE))
    if blocks > MOST_BLOCKS:
        raise CellError(f"the CIF has {blocks:,} blocks of data, of which {MOST_BLOCKS} are read")
    operations = _rows(text, "_symmetry_equiv_pos", "_space_group_symop")
    if operations > MOST_OPERATIONS:
        raise CellError(
            f"the CIF lists {operations:,} symmetry operations, and no space group has more than "
            f"{MOST_OPERATIONS}"
        )
    if _POWER.search(text):
        raise CellError("the CIF has a power where coordinates are only added and multiplied")
    atoms = _rows(text, "_atom_site_fract") * max(operations, 1)
    if atoms > most:
        raise CellError(
            f"the CIF lists {atoms:,} atoms with their images, of which at most {most:,} "
            "are read; write it as POSCAR or as a pymatgen dictionary"
        )


def _rows(text: str, *beginnings: str) -> int:
    """Return the number of lines below the heads of loops with a name that begins so."""
    longest = 0
    rows, is_in = 0, False
    for line in text.splitlines():
        words = line.lstrip().lower()
        if words.startswith("loop_"):
            rows, is_in = 0, False
        elif words.startswith("_"):
            is_in = is_in or words.startswith(beginnings)
            rows = 0
        elif is_in and words and not words.startswith(("#", "data_")):
            rows += 1
            longest = max(longest, rows)
    return longest


def _check_poscar(text: str) -> None:
    lines = text.splitlines()
    counts = _counts(lines)
    if len(counts) > MOST_IN_POSCAR or any(len(word) > 9 for word in counts):
        raise CellError("the POSCAR states more atoms than it can hold")
    n = sum(map(int, counts))
    if n > MOST_IN_POSCAR:
        raise CellError(
            f"the POSCAR states {n:,} atoms, of which at most {MOST_IN_POSCAR:,} are read"
        )
    if n > len(lines):
        raise CellError(f"the POSCAR states {n:,} atoms and has {len(lines):,} lines")
    if not names_elements(text):
        raise CellError("the POSCAR does not name its elements")
    names = re.split("[!#]", lines[5], maxsplit=1)[0].split() if counts else []
    if names and not names[0].isdecimal() and len(names) != len(counts):
        raise CellError(
            f"the POSCAR names {len(names)} elements ({' '.join(names)[:40]}) and states numbers "
            f"of atoms for {len(counts)} ({' '.join(counts)[:40]})"
        )


def _counts(lines: list[str]) -> list[str]:
    """Return the numbers of atoms of each element, in line 6 or 7."""
    for line in lines[5:7]:
        words = line.split()
        counts = [word for word in words if word.isdecimal()]
        if counts and counts[0] == words[0]:
            return counts
    return []


def names_elements(poscar: str) -> bool:
    """Return whether a POSCAR names its elements, in line 6 or behind its coordinates."""
    lines = poscar.splitlines()
    words = lines[5].split() if len(lines) > 5 else []
    if not words or not all(word.isdecimal() for word in words):
        return True
    coordinates = [line.split() for line in lines[7:] if len(line.split()) >= 3]
    behind = [line[-1] for line in coordinates[: sum(map(int, words[:100]))] if line]
    return len(behind) > 0 and all(re.fullmatch("[A-Z][a-z]?", word) for word in behind)


def formula_in_cif(text: str) -> str | None:
    """Return the formula that a CIF of one structure states, None if it states none."""
    match = re.search(
        r"^\s*_chemical_formula_sum\s+(?:'([^']*)'|\"([^\"]*)\"|(\S+))", text, re.MULTILINE
    )
    formula = next(filter(None, match.groups()), "").strip() if match else ""
    return formula if re.match("[A-Z]", formula) else None


def is_cif(text: str) -> bool:
    """Return whether text is a CIF."""
    return "_cell_length_a" in text


def is_poscar(text: str) -> bool:
    """Return whether text is a POSCAR."""
    lines = text.splitlines()
    try:
        float(lines[1].split()[0])
        return all(len([float(x) for x in line.split()[:3]]) == 3 for line in lines[2:5])
    except (IndexError, ValueError):
        return False


def has_other_symmetry(cif: str) -> bool:
    """Return whether a CIF states a space group other than P1."""
    match = re.search(
        r"^\s*_(?:symmetry_space_group_name_H-M|space_group_name_H-M_alt)\s+(.+)$",
        cif,
        re.MULTILINE,
    )
    name = re.sub(r"[^A-Za-z0-9/-]", "", match[1]) if match else ""
    return name not in {"", "P1"}
