"""OUTCAR, read line by line."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from core.frames.vasp.settings import Settings, element_of
from core.frames.vasp.steps import Step, StepError, number_of, rows_of

_HEAD: Final = re.compile(rb"^\s*vasp\.\d|^\s*POTCAR:\s+\S+|executed on .* date ", re.MULTILINE)
_LONGEST_LINE: Final = 1 << 20
_MOST_TAGS: Final = 5000
_MOST_TYPES: Final = 1000
_MOST_ATOMS: Final = 1_000_000
_TAG: Final = re.compile(r"([A-Za-z][A-Za-z0-9_]*)\s*=\s*([^\s;]+)")
_PER_TYPE: Final = re.compile(r"LDAU[UJ]\s*=(.*)")
_ITERATION: Final = re.compile(r"Iteration\s*(\d+|\*+)\s*\(\s*(\d+|\*+)\s*\)")
_ANNOUNCE: Final = (
    "direct lattice vectors",
    "IVDW",
    "General timing and accounting",
    "FORCE on cell",
    "ML FORCE on cell",
    "POSITION",
    "in kB",
    "energy ",
    "magnetization (",
)
_MAGNETIZATION: Final = re.compile(r"magnetization \(([xyz])\)")
_ROUNDING: Final = 2e-6
# Places in the six numbers of "in kB", XX YY ZZ XY YZ ZX, row by row.
_ORDER: Final = (0, 3, 5, 3, 1, 4, 5, 4, 2)


def looks_like_outcar(head: bytes) -> bool:
    """Return whether a file that begins like this is an OUTCAR."""
    return len(_HEAD.findall(head[: 1 << 14])) > 1 and b"<modeling" not in head[:4096]


class OutcarReader:
    """The steps of an OUTCAR.

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
        self._lines = _lines(chunks)
        self._in_header = True
        self._section: dict[str, str] = self.settings.parameters
        self._potcars: list[str] = []
        self._n = 0
        self._step: Step | None = None
        self._lattice: np.ndarray | None = None
        self._electronic = np.nan
        self._block = ""
        self._in_learned = False
        self._learned_waits = False
        self._moments: dict[str, np.ndarray] = {}

    @property
    def is_in_step(self) -> bool:
        """Whether the file ended within an ionic step."""
        return self._step is not None

    def steps(self) -> Iterator[Step]:
        """Yield the steps as they are complete."""
        try:
            for line in self._lines:
                text = line.strip()
                if not text or text[0] in "0123456789.|+*":
                    continue
                if text[0] == "-":
                    if _ITERATION.search(text):
                        yield from self._begin()
                    elif "aborting loop" in text and "not reached" in text and self._step:
                        self._step.is_unconverged = True
                    continue
                if self._in_header:
                    self._header(text)
                if text.startswith(_ANNOUNCE):
                    yield from self._read(text)
        except StepError as error:
            self.problem = str(error)
        yield from self._flush(is_over=self.is_whole)
        if self._learned_waits:
            yield self._learned()

    def _header(self, text: str) -> None:
        if text.startswith("INCAR:"):
            self._section = self.settings.incar
        elif text.startswith("POTCAR:"):
            self._section = self.settings.parameters
            self._potcars = [*self._potcars, text.removeprefix("POTCAR:").strip()][:_MOST_TYPES]
        elif text.startswith("TITEL") and len(self.settings.titles) < _MOST_TYPES:
            self.settings.titles.append(text.partition("=")[2].strip())
        elif text.startswith("LEXCH") and not self.settings.exchange:
            value = (text.partition("=")[2].split() or [""])[0]
            # Behind the POTCARs' tags, VASP shows a number of its own.
            self.settings.exchange = "" if value.isdigit() and value != "91" else value
        elif text.startswith("LDA+U is selected"):
            self.settings.parameters["LDAU"] = "T"
        elif text.startswith("ions per type"):
            self._elements(text.partition("=")[2].split())
        elif "=" in text and len(self._section) < _MOST_TAGS:
            for name, value in _TAG.findall(text):
                if name == "GGA" and not value.isalnum():
                    continue  # old POTCARs have numbers of this name
                every = _PER_TYPE.search(text) if name in {"LDAUU", "LDAUJ"} else None
                self._section.setdefault(name.upper(), every[1] if every else value)

    def _elements(self, counts: list[str]) -> None:
        titles = self.settings.titles or self._potcars
        self.settings.titles = titles = titles[: len(counts)]
        if not all(count.isdigit() for count in counts) or len(titles) < len(counts):
            raise StepError("it does not say how many atoms of which elements it has")
        if sum(map(int, counts)) > _MOST_ATOMS:
            raise StepError("it has more atoms than any calculation of VASP")
        self.symbols = [
            symbol
            for title, count in zip(titles, counts, strict=True)
            for symbol in [element_of("", title)] * int(count)
        ]

    def _begin(self) -> Iterator[Step]:
        """Count an electronic step, which begins a new ionic step if the last one is over."""
        self._in_header = False
        step = self._step
        if step is not None and (step.forces is not None or self._block):
            yield from self._flush(is_over=True)
            step = None
        if step is None:
            self._step = step = Step(index=self._n)
            self._electronic = np.nan
        step.n_electronic += 1
        self._learned_waits = False

    def _read(self, text: str) -> Iterator[Step]:
        """Take what a line announces."""
        if text.startswith("direct lattice vectors"):
            rows = [next(self._lines, "") for _ in range(3)]
            self._lattice = self._checked(rows, 3, "lattice vectors")
        elif text.startswith("IVDW"):
            kinds = re.findall(r"=\s*(\d+)", text)
            self.settings.parameters.setdefault("IVDW", "".join(kinds[:1]))
        elif text.startswith("General timing and accounting"):
            self.is_whole = True
        elif text.startswith(("ML FORCE on cell", "FORCE on cell")):
            self._in_learned = text.startswith("ML")
        elif text.startswith("POSITION") and "TOTAL-FORCE" in text:
            rows = self._table()
            if "(ML)" in text:
                yield from self._flush(is_over=False)
                if self._learned_waits:
                    yield self._learned()
                self._learned_waits = True
            elif self._step is not None:
                self._forces(self._step, rows)
        elif self._step is not None:
            self._labels(self._step, text)

    def _labels(self, step: Step, text: str) -> None:
        """Take energies, stress and magmoms."""
        if text.startswith("in kB") and not self._in_learned:
            six = self._checked([text], 6, "stress", begin=2)
            step.stress = None if six is None else six[0, _ORDER].reshape(3, 3)
        elif text.startswith("energy without entropy"):
            self._electronic = number_of(text.rpartition("=")[2])
        elif text.startswith("energy  without entropy"):
            self._block = text.rpartition("=")[2]
        elif match := _MAGNETIZATION.match(text):
            columns = [" ".join(row.split()[-1:]) for row in self._table()]
            moments = self._checked(columns, 1, "magmoms")
            self._moments[match[1]] = np.empty(0) if moments is None else moments[:, 0]

    def _table(self) -> list[str]:
        """Return the lines between the next line of dashes and another, or an empty one.

        A magnetization of one atom has no total below it, and so no dashes.
        """
        rows: list[str] = []
        n_lines = 0
        for line in self._lines:
            if line.lstrip().startswith("---"):
                n_lines += 1
                if n_lines > 1:
                    break
            elif rows and not line.strip():
                break
            elif n_lines:
                rows.append(line)
            if len(rows) > _MOST_ATOMS:
                raise StepError("it has more atoms than any calculation of VASP")
        return rows

    def _forces(self, step: Step, rows: list[str]) -> None:
        both = self._checked(rows, 6, "positions or forces")
        step.lattice = self._lattice
        if both is not None:
            step.positions, step.forces = both[:, :3], both[:, 3:]

    def _checked(
        self, rows: list[str], columns: int, what: str, *, begin: int = 0
    ) -> np.ndarray | None:
        """Return rows of numbers; None where they are broken, which the step then says."""
        try:
            return rows_of(rows, columns, what, begin=begin)
        except StepError as error:
            if self._step is not None:
                self._step.problem = str(error)
            return None

    def _learned(self) -> Step:
        self._learned_waits = False
        return Step(index=self._n, is_learned=True)

    def _flush(self, *, is_over: bool) -> Iterator[Step]:
        """Yield the step that was read, if VASP ended it or nothing of it is missing."""
        step = self._step
        has_labels = bool(self._block), step is not None and step.positions is not None
        if step is None or not (all(has_labels) or (is_over and any(has_labels))):
            return  # without any, its electronic steps are those of a linear response
        energy = number_of(self._block)
        step.energy = None if np.isnan(energy) else energy
        if step.energy is not None and np.isfinite(self._electronic):
            step.added = step.energy - self._electronic
            if abs(step.added) < _ROUNDING:  # VASP 4 rounds the energy of the whole step
                step.energy, step.added = float(self._electronic), 0.0
        if "y" in self._moments and "z" in self._moments:
            step.magmoms = _columns([self._moments.get(axis, np.empty(0)) for axis in "xyz"])
        else:
            step.magmoms = self._moments.get("x")
        step.is_unconverged |= self.settings.is_unconverged(step.n_electronic)
        if step.problem is None and step.positions is None:
            step.problem = "it has no forces"
        self._n += 1
        self._step, self._block, self._moments = None, "", {}
        yield step


def _columns(columns: list[np.ndarray]) -> np.ndarray | None:
    return np.stack(columns, axis=1) if len({len(one) for one in columns}) == 1 else None


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Yield the lines of a file.

    Raises:
        StepError: if a line is longer than any of VASP, so that the file is another one.
    """
    rest = ""
    for chunk in chunks:
        *lines, rest = (rest + chunk.decode("latin-1")).split("\n")
        yield from lines
        if len(rest) > _LONGEST_LINE:
            raise StepError("it has a line that is longer than any of VASP")
    if rest:
        yield rest
