"""vasprun.xml, read as a stream.

The file is parsed by expat as it comes; sections that are large and of no use here, such as
eigenvalues, are cut out before, so that neither memory nor time depends on them.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

import numpy as np

from core.frames.vasp.settings import Settings, element_of
from core.frames.vasp.steps import KBAR_PER_EV_A3, Step, StepError, number_of, rows_of

_HEAD: Final = re.compile(rb"<modeling[\s>]")
# VASP does not escape the title of a calculation, which may hold & or <.
_USELESS: Final = re.compile(
    rb"<(eigenvalues|eigenvalues_kpoints_opt|projected|projected_kpoints_opt|dos|kpoints|"
    rb"dielectricfunction|dynmat)[\s>]|<(i)[^<>]*name=\"SYSTEM\"|"
    rb"<(array) name=\"born_charges\"|<(varray) name=\"opticaltransitions\""
)
_LONGEST_TAG: Final = 200
_DEEPEST: Final = 40
_LONGEST_TEXT: Final = 1 << 16
_MOST_ATOMS: Final = 1_000_000
_MOST_VALUES: Final = 100_000
"""Tags, electronic steps and cells of a row that a file may have, far more than VASP writes."""
_ROUNDING: Final = 1e-6
_ARRAYS: Final = {
    "basis": "lattice",
    "positions": "positions",
    "forces": "forces",
    "stress": "stress",
    "atoms": "",
    "atomtypes": "",
}
"""Name of an array to the field of a step that it holds."""


def looks_like_vasprun(head: bytes) -> bool:
    """Return whether a file that begins like this is a vasprun.xml."""
    return _HEAD.search(head[:4096]) is not None


@dataclass(slots=True)
class _Raw:
    """What was read of a step.

    Attributes:
        fields: name of a field of `Step` to its rows.
        electronic: `e_fr_energy` and `e_0_energy` of each electronic step.
        energies: the energies of the whole step.
    """

    fields: dict[str, list[str]] = field(default_factory=dict)
    electronic: list[tuple[float, float]] = field(default_factory=list)
    energies: dict[str, str] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        return bool(self.energies) and {"lattice", "positions"} <= self.fields.keys()


class VasprunReader:
    """The steps of a vasprun.xml.

    Attributes:
        settings: tags of the calculation, filled as the file is read.
        symbols: element of each atom.
        is_whole: whether the file was read to its proper end.
        problem: what is wrong with the file from some place on, None if nothing is.
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.settings = Settings()
        self.symbols: list[str] = []
        self.is_whole = False
        self.problem: str | None = None
        self._chunks = chunks
        self._ready: list[Step] = []
        self._n = 0
        self._tags: list[str] = []
        self._name = ""
        self._text: list[str] | None = None
        self._length = 0
        self._cells: list[str] = []
        self._rows: list[str] = []
        self._array = ""
        self._structure = ""
        self._types: list[tuple[str, int]] | None = None
        self._in_calculation = False
        self._n_in_calculation = 0
        self._raw = _Raw()
        self._energies: dict[str, str] = {}

    def steps(self) -> Iterator[Step]:
        """Yield the steps as they are complete."""
        parser = expat.ParserCreate(encoding="ISO-8859-1")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = _refuse_doctype
        try:
            for piece in _useful(self._chunks):
                parser.Parse(piece)
                yield from self._ready
                self._ready.clear()
        except expat.ExpatError as error:
            if not self.is_whole:
                self.problem = f"the XML is damaged ({expat.ErrorString(error.code)})"
        except StepError as error:
            self.problem = str(error)
        yield from self._ready
        self._ready.clear()
        if not self.is_whole:
            self._finish(is_over=False)
            yield from self._ready

    @property
    def is_in_step(self) -> bool:
        """Whether the file ended within an ionic step."""
        return bool(self._raw.electronic or self._raw.fields)

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._tags.append(tag)
        if len(self._tags) > _DEEPEST:
            raise StepError("it is nested deeper than any file of VASP")
        name = attributes.get("name", "")
        if tag in {"v", "i", "c"}:
            self._name, self._text, self._length = name.strip(), [], 0
        elif tag in {"varray", "array"}:
            self._array, self._rows = name if name in _ARRAYS else "", []
        elif tag == "structure":
            self._structure = name
            if not name and "lattice" in self._raw.fields:
                self._finish()
        elif tag == "scstep":
            if "lattice" in self._raw.fields:
                self._finish()
            self._energies = {}
        elif tag == "energy":
            self._energies = {}
        elif tag == "calculation":
            self._finish()
            self._raw = _Raw()
            self._in_calculation, self._n_in_calculation = True, 0

    def _characters(self, text: str) -> None:
        if self._text is not None:
            self._text.append(text)
            self._length += len(text)
            if self._length > _LONGEST_TEXT:
                raise StepError("it has a value that is longer than any of VASP")

    def _end(self, tag: str) -> None:
        self._tags.pop()
        if self._text is not None and tag in {"v", "i", "c"}:
            self._value(tag, "".join(self._text))
            self._text = None
        elif tag == "rc":
            self._row("\t".join(self._cells))
            self._cells = []
        elif tag == "array":
            self._atoms()
        elif tag == "varray":
            if self._array and self._is_of_step():
                self._raw.fields[_ARRAYS[self._array]] = self._rows
            self._array, self._rows = "", []
        elif tag == "structure":
            self._structure = ""
        elif tag == "energy":
            if self._tags[-1:] == ["scstep"]:
                free, zero = (self._energies.get(key, "") for key in ("e_fr_energy", "e_0_energy"))
                self._raw.electronic.append((number_of(free), number_of(zero)))
            else:
                self._raw.energies = self._energies
            self._energies = {}
        elif tag == "calculation":
            self._finish()
            self._in_calculation = False
        elif not self._tags:
            self._finish()
            self.is_whole = True

    def _value(self, tag: str, text: str) -> None:
        if tag == "c":
            self._cells.append(text.strip())
        elif self._array:
            self._row(text)
            return
        elif "incar" in self._tags:
            self.settings.incar.setdefault(self._name.upper(), text.strip())
        elif "parameters" in self._tags:
            # The first NELM is that of the ground state.
            self.settings.parameters.setdefault(self._name.upper(), text.strip())
        elif self._tags[-1:] == ["energy"]:
            self._energies[self._name] = text
        else:
            return
        held = (self._cells, self.settings.incar, self.settings.parameters, self._raw.electronic)
        if max(map(len, held)) > _MOST_VALUES:
            raise StepError("it has more values than any calculation of VASP")

    def _row(self, text: str) -> None:
        if not self._array:
            return
        self._rows.append(text)
        if len(self._rows) > _MOST_ATOMS:
            raise StepError("it has more atoms than any calculation of VASP")

    def _is_of_step(self) -> bool:
        return not self._structure and "incar" not in self._tags and "kpoints" not in self._tags

    def _atoms(self) -> None:
        """Take the elements, at the end of the arrays of atominfo."""
        rows = [row.split("\t") for row in self._rows]
        if self._array == "atoms" and all(len(row) == 2 for row in rows):
            self._types = [(row[0], int(row[1]) - 1) for row in rows if row[1].isdigit()]
        elif self._array == "atomtypes" and self._types is not None:
            self.settings.titles = [row[4] if len(row) > 4 else "" for row in rows]
            titles = dict(enumerate(self.settings.titles))
            self.symbols = [element_of(name, titles.get(kind, "")) for name, kind in self._types]
        if not self.symbols and self._types:
            self.symbols = [element_of(name) for name, _ in self._types]
        self._array, self._rows = "", []

    def _finish(self, *, is_over: bool = True) -> None:
        """Make a step of what was read since the last one.

        Args:
            is_over: whether VASP ended the step, so that it counts even if something is missing.
        """
        raw = self._raw
        if not raw.is_complete and not (is_over and self._in_calculation and self.is_in_step):
            return
        self._raw = _Raw()
        if not raw.fields and self._n_in_calculation:
            return  # electronic steps of a linear response, which follow those of the ground state
        self._n_in_calculation += 1
        n = len(raw.electronic)
        step = Step(
            index=self._n,
            n_electronic=n,
            is_unconverged=self.settings.is_unconverged(n),
            is_learned=not n and (not self._in_calculation or self.settings.is_set("ML_LMLFF")),
        )
        self._n += not step.is_learned
        try:
            self._fill(step, raw)
        except StepError as error:
            step.problem = str(error)
        self._ready.append(step)

    def _fill(self, step: Step, raw: _Raw) -> None:
        if not raw.is_complete:
            raise StepError("it has no structure or no energy")
        step.lattice = lattice = rows_of(raw.fields["lattice"], 3, "lattice vectors")
        step.frac_coords = rows_of(raw.fields["positions"], 3, "positions")
        if "forces" in raw.fields:
            step.forces = rows_of(raw.fields["forces"], 3, "forces")
        if "stress" in raw.fields:
            step.stress = rows_of(raw.fields["stress"], 3, "stress")
        volume = abs(float(np.linalg.det(lattice))) if lattice.shape == (3, 3) else 0.0
        work = self.settings.number("PSTRESS") / KBAR_PER_EV_A3 * volume
        step.energy, step.added = _energy(raw, work)


def _energy(raw: _Raw, work: float) -> tuple[float | None, float]:
    """Return the energy extrapolated to zero smearing, and what the electronic one lacks of it.

    VASP 5 writes the entropy as `e_0_energy` of the whole step, and the electronic steps lack
    dispersion, so that the difference of the last electronic step is added to `e_fr_energy`, as
    ASE does. `e_fr_energy` contains P·V where PSTRESS is set; that of electronic steps and an
    OUTCAR's do not (https://gitlab.com/ase/ase/-/merge_requests/2685).

    Args:
        raw: the step.
        work: P·V, eV.
    """
    free, zero, plain = (
        number_of(raw.energies.get(key, "")) for key in ("e_fr_energy", "e_0_energy", "e_wo_entrp")
    )
    if not raw.electronic:
        low, high = sorted((free, plain))
        is_between = low - _ROUNDING <= zero <= high + _ROUNDING
        energy, added = (zero if is_between else plain) - work, 0.0
    else:
        last_free, last_zero = raw.electronic[-1]
        is_added = abs(free - last_free) > _ROUNDING  # not NaN either
        added = free - last_free - work if is_added else 0.0
        energy = last_zero + added
    return (None, 0.0) if np.isnan(energy) else (energy, added)


def _refuse_doctype(*_: object) -> None:
    raise StepError("it declares a document type, which VASP does not, so it is not read")


def _useful(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the bytes without the sections that are of no use."""
    rest, end = b"", b""
    for chunk in chunks:
        rest += chunk
        place = 0
        while place < len(rest):
            if end:
                found = rest.find(end, place)
                if found < 0:
                    place = max(place, len(rest) - len(end))
                    break
                place, end = found + len(end), b""
            match = _USELESS.search(rest, place)
            if match is None:
                # The rest may begin such a section.
                last = rest.rfind(b"<", max(place, len(rest) - _LONGEST_TAG))
                last = len(rest) if last < 0 else last
                yield rest[place:last]
                place = last
                break
            yield rest[place : match.start()]
            place, end = match.end(), b"</" + next(filter(None, match.groups())) + b">"
        rest = rest[place:]
    if not end:
        yield rest
