"""Extended XYZ, read by ASE."""

from collections.abc import Iterator
from pathlib import Path

import ase.io

from core.frames.sources.records import Record, RecordSource, Refused
from core.progress import Progress


class ExtendedXyz(RecordSource):
    """Frames of extended XYZ with any keys."""

    form = "extxyz"
    title = "extended XYZ"
    stress_order = "ase"

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether a file begins with a number of atoms and a line of properties."""
        if not path.is_file():
            return False
        with path.open("rb") as file:
            head = file.read(1 << 16).split(b"\n", 2)
        return len(head) > 1 and head[0].strip().isdigit() and b"Properties=" in head[1]

    def records(self, progress: Progress) -> Iterator[Record | Refused]:
        """Yield the frames."""
        del progress
        for number, atoms in enumerate(ase.io.iread(self.path, index=":", format="extxyz")):
            values = {**atoms.info, **atoms.arrays}
            if atoms.calc is not None:
                values |= atoms.calc.results
            yield Record(
                where=f"frame {number} of {self.path.name}",
                atomic_numbers=atoms.numbers,
                lattice=atoms.cell.array if atoms.cell.rank == 3 else None,
                positions=atoms.positions,
                pbc=(bool(atoms.pbc[0]), bool(atoms.pbc[1]), bool(atoms.pbc[2])),
                values=values,
            )
