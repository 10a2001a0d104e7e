"""Extended XYZ, frame by frame; a broken frame is left out and reading goes on at the next."""

import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from core.errors import LabError
from core.frames.schema import DFT
from core.frames.sources.records import Record, RecordSource, Refused, present
from core.frames.sources.xyz_text import lattice_of, parse_atoms, parse_comment, pbc_of
from core.frames.tables.compression import BrokenStreamError, ByteStream, head_of, open_bytes
from core.frames.tables.tabular import CellError
from core.frames.units import UnknownUnitError, unit_named
from core.progress import Progress

_LABELS: Final[tuple[Literal["energy", "forces", "stress"], ...]] = ("energy", "forces", "stress")
_CHUNK: Final = 1 << 20
_LONGEST_LINE: Final = 1 << 26
_MOST_ATOMS: Final = 1_000_000
_LAMMPS: Final = "LAMMPS"
_OF_LAMMPS: Final = frozenset({"Timestep", "Potential_energy"})
_QM9: Final = frozenset({"U0", "U", "H", "G", "Cv"})
_ATOM: Final = re.compile(rb"\s*[A-Za-z0-9]{1,3}(?:\s+[-+0-9.][-+0-9.eEdD]*){3}")


class ExtendedXyz(RecordSource):
    """Frames of extended XYZ with any keys.

    Six numbers of stress are in ASE's order (xx yy zz yz xz xy), energies are totals of the cell,
    stress has ASE's sign, a virial QUIP's (−V × stress); units are not part of the format.
    """

    form = "extxyz"
    title = "extended XYZ"
    stress_order = "ase"

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether a file begins with a number of atoms, a comment and an atom or a cell."""
        lines = head_of(path).removeprefix(b"\xef\xbb\xbf").split(b"\n")
        begin = next((place for place, line in enumerate(lines) if not _is_gap(line)), None)
        if begin is None or not _is_count(lines[begin]) or len(lines) < begin + 2:
            return False
        comment = lines[begin + 1]
        if b"\0" in comment:
            return False
        atoms = lines[begin + 2 : begin + 3]
        return re.search(rb"(?i)\b(properties|lattice)\s*=", comment) is not None or (
            bool(atoms) and _ATOM.match(atoms[0]) is not None
        )

    def records(self, progress: Progress) -> Iterator[Record | Refused]:
        """Yield the frames."""
        with open_bytes(self.path) as stream:
            lines = _Lines(stream)
            number = 0
            while (line := lines.next_frame()) is not None:
                where = f"frame {number} (line {lines.number:,}) of {self.path.name}"
                item = self._record(where, line, lines)
                if not number and isinstance(item, Record):
                    self._learn(item.values)
                yield item
                number += 1
                if not number % 256:
                    progress(stream.share, f"{number:,} frames read")
            if lines.broken:
                yield Refused(where=f"the rest of {self.path.name}", why=lines.broken)

    def notes(self) -> list[str]:
        """Say what LAMMPS means by its labels."""
        if self.labels != _LAMMPS:
            return []
        note = (
            "The labels are those of a potential in LAMMPS. Its stress, a pressure in the units of "
            "the run (bar with units metal), is left out; a key stress_GPa of -1e-4 times it is "
            "taken."
        )
        return [note]

    def without_energies(self, keys: Sequence[str]) -> LabError:
        """Return the error for a file whose keys hold no energy."""
        if set(keys) >= _QM9:
            return LabError(
                f"{self.path.name} has the keys of QM9, whose energies are in Hartree and of which "
                "several could be meant; choose one, as with --map energy=U0 --unit energy=Ha/cell."
            )
        return super().without_energies(keys)

    def _learn(self, values: Mapping[str, Any]) -> None:
        """Take units and the model from the keys "units" and "arch", which janus-core writes."""
        stated = values.get("units")
        stated = stated if isinstance(stated, dict) else {}
        units: dict[str, str] = {}
        for label in _LABELS:
            unit = str(stated.get(label, ""))
            with suppress(UnknownUnitError):
                unit_named(label, unit)
                units |= {key: unit for key in values if key == label or key.endswith(f"_{label}")}
        self.key_units = units
        if isinstance(model := values.get("arch"), str) and self.labels == DFT:
            self.labels = model
        if values.keys() >= _OF_LAMMPS:
            self.labels = _LAMMPS
            self.mapping = {"stress": ""}

    def _record(self, where: str, line: bytes, lines: "_Lines") -> Record | Refused:
        try:
            return self._read(where, line, lines)
        except CellError as error:
            lines.give_back_to_next_frame()
            return Refused(where=where, why=str(error))

    @staticmethod
    def _read(where: str, line: bytes, lines: "_Lines") -> Record:
        if not _is_count(line):
            raise CellError("it does not begin with a number of atoms")
        n = int(line)
        comment = lines.take(1)
        if not 0 < n <= _MOST_ATOMS or not comment:
            raise CellError(
                "the file breaks off after its number of atoms"
                if not comment
                else "it has no atoms"
                if n == 0
                else f"it states {n:,} atoms, more than {_MOST_ATOMS:,}"
                if n < 10**15
                else f"it states more than {_MOST_ATOMS:,} atoms"
            )
        atoms = lines.take(n)
        if len(atoms) < n:
            raise CellError(f"it states {n:,} atoms, and the file breaks off after {len(atoms):,}")
        keys = parse_comment(comment[0].decode(errors="replace"))
        lower = {key.lower(): key for key in reversed(keys)}
        properties = keys.pop(lower.get("properties", ""), None)
        lattice, pbc = (keys.pop(lower.get(key, ""), None) for key in ("lattice", "pbc"))
        if lattice is None and np.size(keys.get(lower.get("cell", ""), ())) == 9:
            lattice = keys.pop(lower["cell"])
        columns = parse_atoms(None if properties is None else str(properties), atoms)
        vectors = []
        while (following := lines.following()).startswith(b"VEC"):
            vectors += following.split()[1:4]
            lines.take(1)
        if len(vectors) == 9 and lattice is None:
            lattice = np.array(list(map(_number_or_text, vectors)))
        if not _is_count(following) and len(following.split()) == len(atoms[-1].split()):
            raise CellError(f"it states {n:,} atoms, but more lines follow than these")
        cell = None if lattice is None else lattice_of(lattice)
        if cell is None and any(pbc_of(pbc) or ()):
            raise CellError('it states pbc and no Lattice="ax ay az bx by bz cx cy cz"')
        if properties is None and not keys and (text := comment[0].strip()):
            keys["comment"] = _number_or_text(text)
        return Record(
            where=where,
            atomic_numbers=columns.pop("numbers"),
            lattice=cell,
            positions=columns.pop("positions"),
            pbc=pbc_of(pbc) or ((cell is not None),) * 3,
            values=present({**keys, **columns}),
        )


class _Lines:
    """Lines of a stream, of which those of a broken frame can be given back.

    Attributes:
        number: number of the line at which the current frame begins, from 1.
        broken: why the file ended before its end, empty if it did not.
    """

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._lines: deque[bytes] = deque()
        self._rest = b""
        self._is_open = True
        self._n_taken = 0
        self._frame: list[bytes] = []
        self.number = 0
        self.broken = ""

    def next_frame(self) -> bytes | None:
        """Return the first line of the next frame, None at the end."""
        while line := self._take():
            if not _is_gap(line[0]):
                self._frame = []
                self.number = self._n_taken
                return line[0].lstrip(b"\xef\xbb\xbf")
        return None

    def take(self, n: int) -> list[bytes]:
        """Return the next lines, fewer at the end."""
        while len(self._lines) < n and self._is_open:
            self._fill()
        pop = self._lines.popleft
        taken = [pop() for _ in range(min(n, len(self._lines)))]
        self._n_taken += len(taken)
        self._frame += taken
        return taken

    def following(self) -> bytes:
        """Return the line that follows, without gaps, and leave it there; empty at the end."""
        while True:
            while not self._lines and self._is_open:
                self._fill()
            if not self._lines or not _is_gap(self._lines[0]):
                return self._lines[0] if self._lines else b""
            self._take()

    def give_back_to_next_frame(self) -> None:
        """Go on at the next line that looks like the first one of a frame."""
        frame = self._frame
        for place, line in enumerate(frame):
            if _is_count(line) and place:
                self._lines.extendleft(reversed(frame[place:]))
                self._n_taken -= len(frame) - place
                return
        while (line := self.following()) and not _is_count(line):
            self._take()

    def _take(self) -> list[bytes]:
        while not self._lines and self._is_open:
            self._fill()
        if not self._lines:
            return []
        self._n_taken += 1
        return [self._lines.popleft()]

    def _fill(self) -> None:
        try:
            data = self._stream.read(_CHUNK)
        except BrokenStreamError as error:
            self.broken, data = str(error), b""
        if not data:
            self._is_open = False
            if self._rest:
                self._lines.append(self._rest)
            return
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > _LONGEST_LINE:
            self.broken, self._rest, self._is_open = "a line does not end", b"", False
        self._lines.extend(lines)


def _is_count(line: bytes) -> bool:
    word = line.strip()
    return word.isdigit() and len(word) < 19


def _is_gap(line: bytes) -> bool:
    word = line.strip()
    return not word or word.startswith(b"#")


def _number_or_text(text: bytes) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text.decode(errors="replace")
