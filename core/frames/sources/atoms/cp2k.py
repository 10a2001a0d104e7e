"""Outputs of CP2K, which ASE does not read."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from core.elements import INDEX
from core.frames.functionals import functional_of
from core.frames.sources.records import Record, RecordSource, Refused
from core.frames.tables.compression import BrokenStreamError, head_of, open_bytes
from core.frames.tables.tabular import CellError
from core.frames.units import BOHR
from core.progress import Progress

_MARK: Final = re.compile(rb"CP2K\| version string|PROGRAM STARTED AT[\s\S]*CP2K\|")
_NUMBER: Final = r"[-+]?\d[\d.]*(?:[ED][-+]?\d+)?"
_VECTOR: Final = re.compile(
    rf"CELL\| Vector ([abc]) \[angstrom\]:?\s+((?:{_NUMBER}\s+){{3}})", re.IGNORECASE
)
_ENERGY: Final = re.compile(r"ENERGY\| Total FORCE_EVAL.*\s(\S+)\s*$")
_UNCONVERGED: Final = "SCF run NOT converged"
_POSITIONS: Final = re.compile(r"ATOMIC COORDINATES IN (angstrom|bohr)", re.IGNORECASE)
_FORCES: Final = re.compile(r"ATOMIC FORCES(?: in)? \[(\S+?)\]", re.IGNORECASE)
_STRESS: Final = re.compile(r"STRESS TENSOR \[(\w+)\]", re.IGNORECASE)
_PRESSURES: Final = {"gpa": 1.0, "bar": 1e-4, "kbar": 0.1}
_FORCE_UNITS: Final = frozenset({"a.u.", "hartree/bohr"})


@dataclass
class _Step:
    symbols: list[str] = field(default_factory=list)
    positions: list[list[float]] = field(default_factory=list)
    energy: float | None = None
    forces: list[list[float]] = field(default_factory=list)
    stress: list[list[float]] = field(default_factory=list)
    n_energies: int = 0
    is_converged: bool = True


class Cp2k(RecordSource):
    """An output of CP2K: energy in Ha, forces in Ha/bohr, stress in GPa with a pressure's sign.

    A frame is what follows a list of coordinates. Steps of molecular dynamics and of optimizations
    print none, and are left out.
    """

    form = "cp2k"
    title = "CP2K output"
    mapping = MappingProxyType({"energy": "energy", "forces": "forces", "stress": "stress"})
    units = MappingProxyType({"energy": "Ha/cell", "forces": "Ha/bohr", "stress": "-GPa"})
    units_are_known = True
    is_calculation = True

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        head = head_of(path, 1 << 20).decode(errors="replace")
        names = re.findall(r"^\s*FUNCTIONAL\| (?!ROUTINE|[A-Z]\.)([\w-]+)", head, re.MULTILINE)
        self._axes = _periodic_axes(head)
        self.functional = functional_of(" ".join(dict.fromkeys(names))) if names else None
        if "PADE" in names:
            self.functional = "LDA"
        if self.functional and re.search(r"vdW POTENTIAL\|.*DFT-D3", head):
            self.functional += "-D3"

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether a file begins as an output of CP2K."""
        return path.is_file() and _MARK.search(head_of(path, 1 << 16)) is not None

    def records(self, progress: Progress) -> Iterator[Record | Refused]:
        """Yield what follows each list of coordinates."""
        reader, number, n_without = _Reader(), 0, 0
        broken = ""
        lines = _lines(self.path, progress)
        while True:
            try:
                line = next(lines, None)
            except BrokenStreamError as error:
                line, broken = None, str(error)
            step = reader.take(line)
            if step is not None:
                where = f"step {number} of {self.path.name}"
                number += 1
                n_without += max(step.n_energies - 1, 0)
                try:
                    yield _record(step, reader.cell, self._axes, where)
                except CellError as error:
                    yield Refused(where=where, why=str(error))
            if line is None:
                break
        if n_without:
            yield Refused(
                where=f"{n_without:,} further steps of {self.path.name}",
                why="the output does not print their positions; give PROJECT-pos-1.xyz",
            )
        if broken:
            yield Refused(where=f"the rest of {self.path.name}", why=broken)


class _Reader:
    """Takes lines and gives a step when the next begins or the lines end.

    Attributes:
        cell: lattice vectors, (3, 3), Å, of the step that was given.
    """

    def __init__(self) -> None:
        self.cell = np.zeros((3, 3))
        self._next_cell = np.zeros((3, 3))
        self._step: _Step | None = None
        self._block = ""
        self._scale = 1.0

    def take(self, line: str | None) -> _Step | None:
        """Take a line, None at the end; return the step that it ends, if any."""
        if line is None:
            return self._finish()
        if match := _POSITIONS.search(line):
            done = self._finish()
            self._step, self._block = _Step(), "positions"
            self._scale = BOHR if match[1].lower() == "bohr" else 1.0
            return done
        if match := _VECTOR.search(line):
            vector = [float(word) for word in match[2].split()]
            self._next_cell["abc".index(match[1].lower())] = vector
        elif self._step is not None:
            self._read(self._step, line)
        return None

    def _finish(self) -> _Step | None:
        step, self._step = self._step, None
        self.cell = self._next_cell.copy()
        return step

    def _read(self, step: _Step, line: str) -> None:
        is_first = step.n_energies <= 1
        if match := _ENERGY.search(line):
            step.n_energies += 1
            if step.n_energies == 1:
                step.energy = _float(match[1])
            self._block = ""
        elif _UNCONVERGED in line:
            step.is_converged &= step.energy is not None
        elif (match := _FORCES.search(line)) and "SUM" not in line:
            is_known = match[1].lower() in _FORCE_UNITS
            self._block = "forces" if is_first and is_known and not step.forces else ""
        elif match := _STRESS.search(line):
            self._scale = _PRESSURES.get(match[1].lower(), 0.0)
            is_first = is_first and not step.stress and self._scale > 0
            self._block = "stress" if is_first else ""
        elif self._block:
            self._read_row(step, line.replace("FORCES|", " ").replace("STRESS|", " ").split())

    def _read_row(self, step: _Step, words: list[str]) -> None:
        if self._block == "positions":
            # steps of the orbital transformation, "1 OT CG …", have words in these columns
            is_atom = len(words) >= 7 and words[0].isdigit() and words[1].isdigit()
            if is_atom and ((symbol := words[2].capitalize()) in INDEX or symbol.isalpha()):
                step.symbols.append(symbol)
                step.positions.append([_float(word) * self._scale for word in words[4:7]])
        elif self._block == "forces" and len(words) >= 4 and words[0].isdigit():
            begin = 3 if len(words) == 6 and words[1].isdigit() else 1
            step.forces.append([_float(word) for word in words[begin : begin + 3]])
        elif self._block == "stress" and len(words) == 4 and words[0].lower() in {"x", "y", "z"}:
            step.stress.append([_float(word) * self._scale for word in words[1:]])
        elif words and words[0] in {"SUM", "Sum"}:
            self._block = ""


def _periodic_axes(head: str) -> tuple[bool, bool, bool]:
    match = re.search(r"POISSON\|\s+Periodicity:?\s+(\w+)", head)
    axes = match[1].upper() if match else "XYZ"
    return ("X" in axes, "Y" in axes, "Z" in axes)


def _record(step: _Step, cell: np.ndarray, pbc: tuple[bool, bool, bool], where: str) -> Record:
    if not step.positions:
        raise CellError("it lists no positions")
    if step.energy is None or not step.is_converged:
        why = "its SCF run did not converge" if step.energy is not None else "it has no energy"
        raise CellError(why)
    if unknown := next((one for one in step.symbols if one not in INDEX), None):
        raise CellError(f"it contains {unknown[:20]!r}, which is not an element from H to Pu")
    values: dict[str, Any] = {"energy": step.energy}
    if step.forces:
        values["forces"] = np.array(step.forces)
    if len(step.stress) == 3:
        values["stress"] = np.array(step.stress)
    has_cell = bool(np.any(cell))
    return Record(
        where=where,
        atomic_numbers=np.array([INDEX[symbol] + 1 for symbol in step.symbols]),
        lattice=cell if has_cell else None,
        positions=np.array(step.positions),
        pbc=pbc if has_cell else (False,) * 3,
        values=values,
    )


def _lines(path: Path, progress: Progress) -> Iterator[str]:
    with open_bytes(path) as stream:
        rest = b""
        while data := stream.read(1 << 20):
            lines = (rest + data).split(b"\n")
            rest = lines.pop()[-(1 << 20) :]
            for line in lines:
                yield line.decode(errors="replace").rstrip("\r")
            progress(stream.share, f"{stream.share:.0%} of {path.name} read")
        yield rest.decode(errors="replace")


def _float(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return float("nan")
