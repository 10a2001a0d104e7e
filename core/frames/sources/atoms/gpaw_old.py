"""Restart files of GPAW before version 1: tar archives of arrays, which info.xml describes."""

import math
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from ase.units import Bohr, Hartree

from core.frames.functionals import canonical_functional
from core.frames.sources.atoms.rows import UNITS, atomic_numbers
from core.frames.sources.records import Record, RecordSource, Refused, present
from core.frames.tables.compression import head_of
from core.frames.tables.tabular import CellError
from core.progress import Progress

_INFO: Final = "info.xml"
_LARGEST: Final = 1 << 26
"""Bytes of a member that is read; wave functions are larger and not read."""
_MEMBERS: Final = 1000
_TAG: Final = re.compile(r"<(gpaw_io|parameter|array|dimension)\s+([^<>]*)>")
_ATTRIBUTE: Final = re.compile(r'(\w+)\s*=\s*"([^"]*)"')
_KINDS: Final = {"int": "i", "float": "f", "complex": "c", "bool": "b"}
_ERRORS: Final = (tarfile.TarError, OSError, LookupError, ValueError, TypeError)


class OldGpawRestart(RecordSource):
    """A restart file of GPAW 0.x: one structure with its results, in atomic units.

    gpaw/io/tar.py of GPAW 0.11 writes a parameter or an array for each quantity.
    """

    form = "gpw-0"
    title = "GPAW restart file before version 1"
    units = UNITS
    units_are_known = True

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            with tarfile.open(path) as archive:
                name = _Info(archive).parameters.get("XCFunctional", "LDA")
        except _ERRORS:
            return  # damaged, which the records then say
        self.functional = canonical_functional(name)

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether a file is an archive with GPAW's info.xml."""
        return is_old_restart(path)

    def records(self, progress: Progress) -> Iterator[Record | Refused]:
        """Yield the structure."""
        del progress
        name = self.path.name
        try:
            with tarfile.open(self.path) as archive:
                yield _record(_Info(archive), name)
        except CellError as error:
            yield Refused(where=name, why=str(error))
        except _ERRORS as error:
            why = (str(error).splitlines() or [""])[0][:80]
            yield Refused(where=name, why=f"the file is damaged ({why})")


def is_old_restart(path: Path) -> bool:
    """Return whether a file is an archive with GPAW's info.xml."""
    if not path.is_file() or head_of(path, 262)[257:] != b"ustar":
        return False
    try:
        with tarfile.open(path, "r:") as archive:
            members = (archive.next() for _ in range(_MEMBERS))
            for member in iter(lambda: next(members, None), None):
                if member.name == _INFO:
                    file = archive.extractfile(member)
                    return file is not None and b"<gpaw_io" in file.read(200)
    except (tarfile.TarError, OSError):
        return path.suffix.lower() == ".gpw"
    return False


class _Info:
    """What info.xml says, and the arrays that it describes."""

    def __init__(self, archive: tarfile.TarFile) -> None:
        self._archive = archive
        self.parameters: dict[str, str] = {}
        self._arrays: dict[str, tuple[str, str, list[int]]] = {}
        self._order = "<"
        shape: list[int] = []
        for tag, text in _TAG.findall(self._bytes(_INFO).decode()):
            given = dict(_ATTRIBUTE.findall(text))
            if tag == "gpaw_io":
                self._order = ">" if given.get("endianness") == "big" else "<"
            elif tag == "parameter":
                self.parameters[given["name"]] = given["value"]
            elif tag == "array":
                shape = []
                kind, size = _KINDS[given["type"]], given.get("itemsize", "")
                self._arrays[given["name"]] = kind, size, shape
            else:
                shape.append(int(given["length"]))

    def number(self, name: str) -> float | None:
        """Return a quantity, which is a parameter or an array of no dimension."""
        if name in self.parameters:
            return float(self.parameters[name])
        found = self.array(name)
        return None if found is None else float(found)

    def array(self, name: str) -> np.ndarray | None:
        """Return an array, None if there is none."""
        if name not in self._arrays:
            return None
        kind, size, shape = self._arrays[name]
        content = self._bytes(name)
        # the first versions of the form do not state it
        size = size or str(len(content) // max(math.prod(shape), 1))
        return np.frombuffer(content, np.dtype(f"{self._order}{kind}{size}")).reshape(shape)

    def _bytes(self, name: str) -> bytes:
        member = self._archive.getmember(name)
        file = self._archive.extractfile(member)
        if file is None or member.size > _LARGEST:
            raise CellError(f"its part {name} cannot be read")
        return file.read()


def _record(info: _Info, name: str) -> Record:
    numbers, positions, cell = (
        info.array(key) for key in ("AtomicNumbers", "CartesianPositions", "UnitCell")
    )
    if numbers is None or positions is None or cell is None:
        raise CellError("it has no structure")
    periodic = info.array("BoundaryConditions")
    pbc = [True] * 3 if periodic is None else periodic.astype(bool).tolist()
    forces, energy = info.array("CartesianForces"), info.number("PotentialEnergy")
    return Record(
        where=name,
        atomic_numbers=atomic_numbers(numbers),
        lattice=cell * Bohr,
        positions=positions * Bohr,
        pbc=(pbc[0], pbc[1], pbc[2]),
        values=present(
            {
                "energy": None if energy is None else energy * Hartree,
                "forces": None if forces is None else forces * Hartree / Bohr,
            }
        ),
    )
