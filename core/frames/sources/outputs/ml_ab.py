"""Training data of VASP's machine-learned force fields (ML_AB, ML_ABN)."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np

from core.elements import INDEX
from core.frames.sources.records import Record, RecordSource, Refused
from core.frames.tables.compression import BrokenStreamError, head_of, open_bytes
from core.frames.tables.tabular import CellError
from core.frames.vasp.settings import element_of
from core.frames.vasp.steps import StepError, rows_of
from core.progress import Progress

_MARK: Final = re.compile(
    rb"\s*\d+\.\d+\s+Version\s*\n[\s*]*The number of configurations", re.IGNORECASE
)
_FIRST: Final = re.compile(r"^\s*Configuration num\.", re.MULTILINE)
_STROKES: Final = re.compile(r"[-=*]{20,}$")
_LARGEST: Final = 1 << 28
"""Bytes of one configuration."""

_TITLES: Final = MappingProxyType(
    {
        "atom types and atom numbers": "types",
        "primitive lattice vectors": "lattice",
        "atomic positions": "positions",
        "total energy": "energy",
        "forces": "forces",
        "xx yy zz": "diagonal",
        "xy yz zx": "others",
        "system name": "system",
    }
)
_NEEDED: Final = MappingProxyType(
    {
        "types": "types of atoms",
        "lattice": "lattice vectors",
        "positions": "positions",
        "energy": "total energy",
        "forces": "forces",
        "diagonal": "stress",
        "others": "whole stress",
    }
)
"""Sections that every configuration has."""


class MlAb(RecordSource):
    """Configurations with free energies in eV, forces in eV/Å, stress in kBar with VASP's sign.

    See https://www.vasp.at/wiki/index.php/ML_AB. The file does not name the functional.
    """

    form = "ml-ab"
    title = "training data of VASP's force fields"
    mapping = MappingProxyType({"energy": "energy", "forces": "forces", "stress": "stress"})
    units = MappingProxyType({"energy": "eV/cell", "forces": "eV/Å", "stress": "kBar"})
    units_are_known = True
    stress_order = "vasp"
    corrections = "none"

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether a file begins with a version and the number of configurations."""
        return _MARK.match(head_of(path, 1 << 12)) is not None

    def records(self, progress: Progress) -> Iterator[Record | Refused]:
        """Yield the configurations."""
        number = 0
        try:
            for text in _configurations(self.path, progress):
                number += 1
                where = f"configuration {number} of {self.path.name}"
                try:
                    yield _record(text, where)
                except (CellError, StepError) as error:
                    yield Refused(where=where, why=str(error))
        except BrokenStreamError as error:
            yield Refused(where=f"the rest of {self.path.name}", why=str(error))

    def notes(self) -> list[str]:
        """Return which energies the file has."""
        return ["The energies of ML_AB are free energies, with the entropy of the smearing."]


def _configurations(path: Path, progress: Progress) -> Iterator[str]:
    """Yield the text of each configuration, from behind its title.

    Raises:
        BrokenStreamError: if the file breaks off.
    """
    rest, is_begun = "", False
    with open_bytes(path) as stream:
        while data := stream.read(1 << 20):
            rest += data.decode(errors="replace").replace("\r\n", "\n")
            *whole, rest = _FIRST.split(rest)
            for text in whole:
                if is_begun:
                    yield text
                is_begun = True
            if len(rest) > _LARGEST:
                raise BrokenStreamError("a configuration does not end")
            progress(stream.share, f"{stream.share:.0%} of {path.name} read")
    if is_begun:
        yield rest


def _record(text: str, where: str) -> Record:
    sections = _sections(text)
    missing = next((name for name in _NEEDED if name not in sections), None)
    if missing is not None:
        raise CellError(f"it has no {_NEEDED[missing]}, as where a file breaks off")
    symbols = [symbol for line in sections["types"] for symbol in _of_type(line.split())]
    n = len(symbols)
    lattice = rows_of(sections["lattice"], 3, "lattice vectors")
    positions = rows_of(sections["positions"], 3, "positions")
    if lattice.shape != (3, 3) or len(positions) != n:
        raise CellError(f"it does not have a lattice and positions of its {n:,} atoms")
    forces = rows_of(sections["forces"], 3, "forces")
    if len(forces) != n:
        raise CellError(f"it has {len(forces):,} forces for {n:,} atoms")
    stress = rows_of([sections["diagonal"][0], sections["others"][0]], 3, "stress")
    values = {
        "energy": float(rows_of(sections["energy"][:1], 1, "energy")[0, 0]),
        "forces": forces,
        "stress": stress.reshape(6),
        "system": " ".join(sections.get("system", [])),
    }
    return Record(
        where=where,
        atomic_numbers=np.array([INDEX[symbol] + 1 for symbol in symbols]),
        lattice=lattice,
        positions=positions,
        values=values,
    )


def _sections(text: str) -> Mapping[str, list[str]]:
    """Return the lines of each section by its name; a title stands between lines of strokes."""
    found: dict[str, list[str]] = {}
    name = ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    strokes = [_STROKES.match(line) is not None for line in lines]
    for place, line in enumerate(lines):
        if strokes[place]:
            continue
        is_between = place > 0 and strokes[place - 1] and strokes[place + 1 : place + 2] == [True]
        if is_between and line[0].isalpha() and lines[place + 1].startswith("-"):
            title = line.lower()
            name = next((key for begin, key in _TITLES.items() if title.startswith(begin)), "")
        elif name:
            found.setdefault(name, []).append(line)
    return found


def _of_type(words: list[str]) -> list[str]:
    """Return the symbol of a type as often as it has atoms."""
    symbol = element_of(words[0])
    if symbol not in INDEX:
        raise CellError(f"it contains {words[0][:20]!r}, which is not an element from H to Pu")
    if len(words) < 2 or not words[1].isdecimal() or int(words[1][:9]) > 1_000_000:
        raise CellError("its types of atoms have no numbers")
    return [symbol] * int(words[1])
