"""Structures of aenet: XCrySDen's format with the energy in a comment and forces behind atoms."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from core.elements import INDEX, N_ELEMENTS
from core.frames.sources.records import Record, RecordSource, Refused
from core.frames.tables.compression import head_of
from core.frames.tables.tabular import CellError
from core.progress import Progress, report

_ENERGY: Final = re.compile(
    r"^\s*#\s*total energy\s*=\s*(\S+)\s*(?:eV)?\s*$", re.IGNORECASE | re.MULTILINE
)
_BEGINS: Final = re.compile(
    rb"\s*(?:#[^\n]*\n\s*)*(?:CRYSTAL|SLAB|POLYMER|MOLECULE|ATOMS|DIM-GROUP)[ \t\r]*\n"
)
_PERIODIC: Final = {"CRYSTAL": 3, "SLAB": 2, "POLYMER": 1, "MOLECULE": 0}
_LARGEST: Final = 1 << 26


class AenetStructures(RecordSource):
    """One structure per file, or a folder of such files: energy in eV, forces in eV/Å.

    See https://ann.atomistic.net/documentation/#structural-energy-reference-data.
    """

    form = "xsf"
    title = "aenet structures"
    mapping = MappingProxyType({"energy": "energy", "forces": "forces"})
    units_are_known = True

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether a file, or the first .xsf file of a folder, begins as XSF."""
        if path.is_dir():
            path = next(iter(sorted(path.glob("*.xsf"))), path)
        return _BEGINS.match(head_of(path, 1 << 12)) is not None

    def records(self, progress: Progress) -> Iterator[Record | Refused]:
        """Yield the structures, file by file."""
        files = sorted(self.path.glob("**/*.xsf")) if self.path.is_dir() else [self.path]
        for number, file in enumerate(files):
            where = str(file.relative_to(self.path)) if self.path.is_dir() else file.name
            try:
                yield _record(head_of(file, _LARGEST).decode(errors="replace"), where)
            except CellError as error:
                yield Refused(where=where, why=str(error))
            except (ValueError, IndexError):
                yield Refused(where=where, why="one of its lines cannot be read")
            if not number % 64:
                report(progress, number, len(files), "files read")


def _record(text: str, where: str) -> Record:
    lines = [line.split() for line in text.splitlines() if not line.lstrip().startswith("#")]
    lines = [words for words in lines if words]
    places = {words[0].upper(): place for place, words in reversed(list(enumerate(lines)))}
    if "ANIMSTEPS" in places:
        raise CellError("it has several structures; aenet reads one per file")
    n_periodic = next((n for key, n in _PERIODIC.items() if key in places), 0)
    lattice = None
    if "PRIMVEC" in places and n_periodic:
        begin = places["PRIMVEC"] + 1
        lattice = np.array(lines[begin : begin + 3], dtype=np.float64).reshape(3, 3)
    if "PRIMCOORD" in places:
        begin = places["PRIMCOORD"] + 1
        n = int(lines[begin][0])
        atoms = lines[begin + 1 : begin + 1 + n]
        if len(atoms) < n:
            raise CellError(f"it states {n:,} atoms, but has lines for {len(atoms):,}")
    else:
        atoms = lines[places.get("ATOMS", len(lines)) + 1 :]
    if not atoms:
        raise CellError("it has no atoms")
    values: dict[str, Any] = {}
    if match := _ENERGY.search(text):
        values["energy"] = match[1]
    table = np.array([words[1:] for words in atoms], dtype=np.float64)
    if table.shape[1] >= 6:
        values["forces"] = table[:, 3:6]
    return Record(
        where=where,
        atomic_numbers=np.array([_number(words[0]) for words in atoms]),
        lattice=lattice,
        positions=table[:, :3],
        pbc=(n_periodic > 0, n_periodic > 1, n_periodic > 2),
        values=values,
    )


def _number(word: str) -> int:
    number = int(word) if word.isdecimal() else INDEX.get(word, -1) + 1
    if not 1 <= number <= N_ELEMENTS:
        raise CellError(f"it contains {word[:20]!r}, which is not an element from H to Pu")
    return number
