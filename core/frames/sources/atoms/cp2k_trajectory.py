"""Trajectories of CP2K: positions and energies in one file, forces and cells beside it."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
from pymatgen.core import Lattice

from core.frames.functionals import functional_of
from core.frames.schema import PERIODIC
from core.frames.sources.extended_xyz import ExtendedXyz
from core.frames.sources.records import Record, RecordSource, Refused
from core.frames.tables.compression import head_of
from core.frames.units import BOHR
from core.progress import Progress, silent

_COMMENT: Final = re.compile(rb"\A\s*\d+[ \t]*\r?\n[ \t]*i = +\d+,[^\n]*\bE = +[-+\d.]")
_EXTENDED: Final = re.compile(
    rb"\A\s*\d+[ \t]*\r?\n[^\n]*\bStep=\d+ Time=[\d.]+ Energy=[-+\d.]+\s*\n"
)
_NAME: Final = re.compile(r"(.+)-(pos|frc|vel)-(\d+)(\.(?:ext)?xyz(?:\.\w+)?)")
_CELL: Final = re.compile(r"(?ims)^\s*&CELL\b(.*?)^\s*&END")
_UNIT: Final = re.compile(r"\[\s*(\w+)\s*\]")
_MOVES: Final = re.compile(r"(?im)^\s*(?:ENSEMBLE\s+NPT|RUN_TYPE\s+CELL_OPT)")
_LARGEST_INPUT: Final = 1 << 22


class Cp2kTrajectory(RecordSource):
    """PROJECT-pos-1.xyz of CP2K, or its folder: positions in Å, energies in Ha, forces in Ha/bohr.

    Forces are those of the same step in PROJECT-frc-1.xyz. Cells are those of extended XYZ, or of
    PROJECT-1.cell; without them that of the input, where the cell does not change
    (https://manual.cp2k.org, MOTION/PRINT).
    """

    form = "cp2k-xyz"
    title = "CP2K trajectory"
    units = MappingProxyType({"energy": "Ha/cell", "forces": "Ha/bohr"})
    units_are_known = True

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._file = _file_of(path) or path
        is_extended = _EXTENDED.match(head_of(self._file)) is not None
        self.mapping = MappingProxyType(
            {
                "frame_id": "frame_id",
                "material_id": "project",
                "energy": "Energy" if is_extended else "E",
                "forces": "forces",
            }
        )
        self._input = self._text_of_input()
        names = re.findall(r"(?i)&XC_FUNCTIONAL[ \t]+([\w-]+)", self._input)
        self.functional = functional_of(names[0]) if len(set(names)) == 1 else None
        if self.functional and re.search(r"(?im)^\s*TYPE\s+DFTD3", self._input):
            self.functional += "-D3"

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether the first frame of a file, or of the one in a folder, is of CP2K."""
        file = _file_of(path)
        if file is None:
            return False
        head = head_of(file)
        return any(pattern.match(head) for pattern in (_COMMENT, _EXTENDED))

    def records(self, progress: Progress) -> Iterator[Record | Refused]:
        """Yield the steps of the file of positions."""
        name = self._project()
        positions = self._beside("pos")
        if positions is None:
            yield Refused(
                where=self._file.name, why="it has forces or velocities without their positions"
            )
            return
        cells, constant = self._cells(), self._constant_cell()
        if not cells and constant is None and self.mapping["energy"] == "E":
            yield Refused(where=self._file.name, why=self._without_cell())
            return
        forces = _Forces(self._beside("frc"))
        for record in ExtendedXyz(positions).records(progress):
            if isinstance(record, Refused):
                yield record
                continue
            if record.lattice is None:
                lattice, pbc = cells.get(_step_of(record), constant or (None, PERIODIC))
                if lattice is None:
                    why = "the file of cells does not have its step"
                    yield Refused(where=record.where, why=why)
                    continue
                record.lattice, record.pbc = lattice, pbc
            # The steps of one trajectory belong to one material.
            record.values |= {"project": name, "frame_id": f"{name}-{_step_of(record)}"}
            if (own := forces.of(record)) is not None:
                record.values["forces"] = own
            yield record

    def notes(self) -> list[str]:
        """Return which labels are missing, and why."""
        notes = []
        if self._beside("frc") is None:
            notes.append(
                "CP2K writes forces to PROJECT-frc-1.xyz, which is not beside the positions."
            )
        stress = self._file.with_name(f"{self._project()}-1.stress")
        if stress.is_file():
            # pv_total of virial_methods.F: virial, kinetic energy and constraints.
            notes.append(
                f"{stress.name} is left out, for it contains the motion of the atoms; stresses of "
                "the forces alone are in the output of the run."
            )
        return notes

    def _beside(self, kind: str) -> Path | None:
        """Return the file of positions or forces, None if there is none."""
        match = _NAME.fullmatch(self._file.name)
        if match is None:
            return self._file if kind == "pos" else None
        project, _, image, suffix = match.groups()
        path = self._file.with_name(f"{project}-{kind}-{image}{suffix}")
        return path if path.is_file() else None

    def _project(self) -> str:
        match = _NAME.fullmatch(self._file.name)
        return match[1] if match else self._file.stem

    def _without_cell(self) -> str:
        project = self._project()
        return (
            f"its cell is not known; put {project}-1.cell, which CP2K writes with MOTION/PRINT/"
            f"CELL, or the input {project}.inp beside it"
        )

    def _cells(self) -> Mapping[int, tuple[np.ndarray, tuple[bool, bool, bool]]]:
        """Return the cells of the file of cells by step, none without it."""
        path = self._file.with_name(f"{self._project()}-1.cell")
        if not path.is_file():
            return {}
        pbc = _periodic(self._input)
        rows = (line.split() for line in path.read_text(errors="replace").splitlines())
        cells = {}
        for row in rows:
            try:
                cells[int(row[0])] = np.array(row[2:11], dtype=np.float64).reshape(3, 3), pbc
            except (ValueError, IndexError):
                continue  # the head, or a line that breaks off
        return cells

    def _text_of_input(self) -> str:
        """Return the input of the run, which is named after the project or the only one."""
        folder, project = self._file.parent, self._project()
        named = [folder / f"{project}.inp", folder / f"{project}-1.restart"]
        others = sorted(folder.glob("*.inp"))
        found = [one for one in named if one.is_file()] or (others if len(others) == 1 else [])
        return head_of(found[0], _LARGEST_INPUT).decode(errors="replace") if found else ""

    def _constant_cell(self) -> tuple[np.ndarray, tuple[bool, bool, bool]] | None:
        """Return the cell of the input, None if there is none or the run changes it."""
        match = _CELL.search(self._input)
        if match is None or _MOVES.search(self._input):
            return None
        words = {line.split()[0].upper(): line for line in match[1].splitlines() if line.strip()}
        try:
            if "ABC" in words:
                angles = _numbers(words.get("ALPHA_BETA_GAMMA", "90 90 90"))
                lattice = Lattice.from_parameters(*_numbers(words["ABC"]), *angles).matrix
            else:
                lattice = np.array([_numbers(words[axis]) for axis in "ABC"])
        except (KeyError, ValueError, TypeError):
            return None
        return (lattice, _periodic(match[1])) if lattice.shape == (3, 3) else None


class _Forces:
    """The forces of a file beside the positions, taken step by step."""

    def __init__(self, path: Path | None) -> None:
        items = ExtendedXyz(path).records(silent) if path else iter(())
        self._records = (item for item in items if isinstance(item, Record))
        self._next = next(self._records, None)

    def of(self, record: Record) -> np.ndarray | None:
        """Return the forces of a step, (n, 3) Ha/bohr, None if the file does not have them."""
        step = _step_of(record)
        while self._next is not None and _step_of(self._next) < step:
            self._next = next(self._records, None)
        found = self._next
        if found is None or _step_of(found) != step:
            return None
        self._next = next(self._records, None)
        if not np.array_equal(found.atomic_numbers, record.atomic_numbers):
            return None
        return found.positions


def _step_of(record: Record) -> int:
    step = record.values.get("i", record.values.get("Step"))
    return step if isinstance(step, int) else -1


def _file_of(path: Path) -> Path | None:
    """Return a file, or the one of positions in a folder, None if there is none or several."""
    if not path.is_dir():
        return path if path.is_file() else None
    found = sorted(path.glob("*-pos-*xyz"))
    return found[0] if len(found) == 1 and found[0].is_file() else None


def _numbers(line: str) -> list[float]:
    """Return the three numbers of a line of the input, lengths in Å."""
    unit = _UNIT.search(line)
    factor = BOHR if unit and unit[1].lower() == "bohr" else 1.0
    words = _UNIT.sub(" ", line.partition("!")[0].partition("#")[0]).split()
    return [float(word) * factor for word in words if not word[:1].isalpha()][:3]


def _periodic(text: str) -> tuple[bool, bool, bool]:
    match = re.search(r"(?im)^\s*PERIODIC\s+(\w+)", text)
    axes = match[1].upper() if match else "XYZ"
    x, y, z = (axis in axes and axes != "NONE" for axis in "XYZ")
    return x, y, z
