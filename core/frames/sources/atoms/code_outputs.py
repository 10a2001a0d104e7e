"""Outputs of Quantum ESPRESSO, FHI-aims, CASTEP, GPAW, ORCA, Gaussian and NWChem, read by ASE."""

import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from ase import Atoms
from ase.io import aims

from core.frames.functionals import canonical_functional, functional_of
from core.frames.sources.atoms.output_steps import CodeOutput, filler, unreadable
from core.frames.sources.records import RecordSource
from core.frames.tables.tabular import CellError


class QuantumEspresso(CodeOutput):
    """An output of pw.x; its total stress has the sign of a pressure, which ASE reverses."""

    form = "espresso-out"
    title = "Quantum ESPRESSO output"
    mark = re.compile(rb"Program PWSCF")
    run = re.compile(r"^ *Program PWSCF", re.MULTILINE)
    begin = re.compile(
        r"^(?:CELL_PARAMETERS.*\n(?:.*\n){3}[ \t]*\n)?ATOMIC_POSITIONS", re.MULTILINE
    )
    results = re.compile(r"^! +total energy|^ *Forces acting on atoms", re.MULTILINE)

    def _whole(self, file: io.TextIOBase) -> str:
        # ASE gives up a whole output where it cannot read the bands, which nobody needs here.
        return _BANDS.sub("", super()._whole(file))

    def _steps(self, file: io.TextIOBase) -> Iterator[Atoms | CellError]:
        text = self._whole(file)
        yield from self._runs(text)
        if "JOB DONE" not in text:
            raise CellError("the output breaks off in the step after the last one that is taken")

    def _functional(self, head: str) -> str | None:
        match = re.search(r"Exchange-correlation\s*=\s*([^(\n]+)", head)
        if match is None:
            return None
        has_u = re.search(r"Hubbard U|LDA\+U calculation|DFT\+U|U\( *[A-Z]", head) is not None
        return functional_of_espresso(match[1], has_u=has_u, dispersion=head)


def functional_of_espresso(text: str, *, has_u: bool, dispersion: str) -> str | None:
    """Return the functional of a run of Quantum ESPRESSO, None where it is not known.

    Args:
        text: what the run calls it.
        has_u: whether it has a Hubbard U.
        dispersion: text that names the correction for dispersion, if there is one.
    """
    name = _OF_ESPRESSO.get(" ".join(text.upper().split())) or functional_of(text)
    if name is None:
        return None
    found = re.search(r"(?:DFT|Grimme)-D(2|3)", dispersion, re.IGNORECASE)
    return name + ("+U" if has_u else "") + (f"-D{found[1]}" if found else "")


_BANDS: Final = re.compile(
    "^.*End of (?:self-consistent|band structure) calculation.*\\n", re.MULTILINE
)
_OF_ESPRESSO: Final = {
    # Modules/funct.f90: exchange, correlation, and their gradient corrections.
    "PBE": "PBE",
    "SLA PW PBE PBE": "PBE",
    "SLA PW PBX PBC": "PBE",
    "PBESOL": "PBEsol",
    "SLA PW PSX PSC": "PBEsol",
    "SLA PW RPB PBC": "RPBE",
    "SLA PW REVX PBC": "revPBE",
    "SLA PW GGX GGC": "PW91",
    "SLA PZ NOGX NOGC": "LDA",
    "SLA PW NOGX NOGC": "LDA",
    "PZ": "LDA",
    "B88 LYP": "BLYP",
    "SLA LYP B88 BLYP": "BLYP",
    "PBE0": "PBE0",
    "PB0X PW PB0X PBC": "PBE0",
    "HSE": "HSE06",
    "SCAN": "SCAN",
    "R2SCAN": "r2SCAN",
}


_OF_AIMS: Final = {"many_body_dispersion": "MBD", "vdw_correction_hirshfeld": "TS"}


class FhiAims(CodeOutput):
    """An output of FHI-aims: all-electron energies, stress as ASE's."""

    form = "aims-output"
    title = "FHI-aims output"
    mark = re.compile(
        rb"Invoking FHI-aims|Reading geometry description geometry\.in|FHI-aims version"
    )
    tags = (r"^\s*xc\s+(?:libxc\s+)?(\S+)", r"XC:\s+Using\s+(.+)")

    def _functional(self, head: str) -> str | None:
        name = super()._functional(head)
        for pattern, dispersion in _OF_AIMS.items():
            if name and re.search(rf"^\s*{pattern}", head, re.MULTILINE):
                return f"{name}-{dispersion}"
        return name

    def _steps(self, file: io.TextIOBase) -> Iterator[Atoms | CellError]:
        lines = iter(file)
        try:
            yield from self._chunks(aims.get_aims_out_chunks(lines, aims.get_header_chunk(lines)))
        except Exception as error:  # noqa: BLE001  ASE's readers raise anything
            yield unreadable(error)

    def _chunks(self, chunks: Iterator[aims.AimsOutCalcChunk]) -> Iterator[Atoms | CellError]:
        for chunk in chunks:
            text = "\n".join(chunk.lines[-400:])
            is_end = "Have a nice day" in text
            try:
                atoms = chunk.atoms
                results = atoms.calc.results if atoms.calc is not None else {}
            except Exception as error:  # noqa: BLE001  ASE's readers raise anything
                yield unreadable(error)
                continue
            if is_end and not results.get("energy"):
                continue  # what follows the last step of a relaxation
            if results.get("forces") is None and not is_end:
                atoms.calc = None
            yield atoms


_STEP_OF_CASTEP: Final = re.compile(
    r"^.*(?:BFGS: (?:starting|improving) iteration|Starting MD iteration).*", re.MULTILINE
)
_OF_CASTEP: Final = {
    "Perdew Burke Ernzerhof": "PBE",
    "PBE for solids": "PBEsol",
    "Local Density": "LDA",
    "Perdew Wang (1991)": "PW91",
}


class Castep(CodeOutput):
    """An output of CASTEP (.castep)."""

    form = "castep-castep"
    title = "CASTEP output"
    mark = re.compile(rb"\| +CCC +AA|Welcome to (?:Academic Release|Materials Studio) CASTEP")
    run = re.compile(r"^ *\| +CCC +AA", re.MULTILINE)
    begin = _STEP_OF_CASTEP
    end = "Finalisation time"
    results = re.compile(r"^.*(?:Final (?:free )?energy|Forces \*|Stress Tensor \*)", re.MULTILINE)

    def _steps(self, file: io.TextIOBase) -> Iterator[Atoms | CellError]:
        yield from self._runs(self._whole(file))

    def _parts(self, text: str) -> list[str]:
        # Where the name of a step begins one, ASE looks for another before it.
        return [_STEP_OF_CASTEP.sub("", part) for part in super()._parts(text)]

    def _read(self, text: str) -> Sequence[Atoms | CellError]:
        # ASE reads no run that has not come to its end.
        ending = "" if self.end in text else f"{filler(text)} {self.end}   =      0.00 s\n"
        return super()._read(text + ending)

    def _functional(self, head: str) -> str | None:
        match = re.search(r"using functional\s*:\s*(.+)", head)
        if match is None:
            return None
        known = (name for words, name in _OF_CASTEP.items() if words in match[1])
        name = next(known, None) or functional_of(match[1])
        if name and (found := re.search(r"SEDC with\s*:\s*(\S+) correction scheme", head)):
            dispersion = {"G06": "D2", "MBD*": "MBD"}.get(found[1], found[1])
            return canonical_functional(f"{name}-{dispersion}")
        return name


class CastepMd(CodeOutput):
    """A trajectory of molecular dynamics of CASTEP (.md), with free energies."""

    form = "castep-md"
    title = "CASTEP molecular dynamics"
    mark = re.compile(rb"<-- T *\r?\n(?:[^\n]*<-- P *\r?\n)?[^\n]*<-- h")

    def _steps(self, file: io.TextIOBase) -> Iterator[Atoms | CellError]:
        *blocks, rest = re.split(r"\n[ \t]*\n", file.read())
        for block in blocks:
            if "<--" in block:
                yield from self._read(f" BEGIN header\n END header\n\n{block}\n\n")
        if "<--" in rest:
            yield CellError("the file breaks off in it")


class CastepGeom(CastepMd):
    """A trajectory of an optimization of CASTEP (.geom), with free energies."""

    form = "castep-geom"
    title = "CASTEP geometry optimization"
    mark = re.compile(rb"<-- (?:c|E) *\r?\n[^\n]*<-- h")


class Gpaw(CodeOutput):
    """A text output of GPAW."""

    form = "gpaw-out"
    title = "GPAW output"
    mark = re.compile(rb"___ ___ ___ _ _ _")
    tags = (r"^\s*xc:\s*\{?(?:name:\s*)?([\w-]+)",)
    begin = re.compile(r"^Positions:$", re.MULTILINE | re.IGNORECASE)


class Orca(CodeOutput):
    """An output of ORCA."""

    form = "orca-output"
    title = "ORCA output"
    mark = re.compile(rb"\* O   R   C   A \*")
    begin = re.compile(r"^CARTESIAN COORDINATES \(ANGSTROEM\)", re.MULTILINE)
    end = "ORCA TERMINATED NORMALLY"

    def _read(self, text: str) -> Sequence[Atoms | CellError]:
        # ASE takes a step that has come to its end, and nothing behind it.
        step = re.split("ORCA GEOMETRY RELAXATION STEP|ORCA TERMINATED NORMALLY", text)[0]
        return super()._read(f"{step}\n{filler(step)}{self.end}\n")


class Gaussian(CodeOutput):
    """An output of Gaussian.

    Forces have the axes of the input orientation. Where an output gives positions in the standard
    orientation alone, the forces are left out.
    """

    form = "gaussian-out"
    title = "Gaussian output"
    mark = re.compile(rb"Entering Gaussian System")
    end = "Normal termination"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._n_turned = 0

    def notes(self) -> list[str]:
        """Return how many steps lack forces because of their axes."""
        turned = (
            f"The forces of {self._n_turned:,} steps are left out, for the positions are given in "
            "the standard orientation alone, which has other axes."
        )
        return [*super().notes(), *([turned] if self._n_turned else [])]

    def _parts(self, text: str) -> list[str]:
        # ASE reads up to the archive at the end of the first job.
        text, archive, _ = text.partition("1\\1\\GINC")
        text += self.end * bool(archive)
        self._n_turned = 0
        return super()._parts(text)

    def _begin(self, text: str) -> re.Pattern[str] | None:
        patterns = (
            re.compile(f"^ *{name} orientation:", re.MULTILINE)
            for name in ("Input", "Z-Matrix", "Standard")
        )
        return next((pattern for pattern in patterns if pattern.search(text)), None)

    def _read(self, text: str) -> Sequence[Atoms | CellError]:
        is_turned = "Input orientation:" not in text and "Z-Matrix orientation:" not in text
        if is_turned and (found := _FORCES.findall(text)):
            self._n_turned += len(found)
            text = _FORCES.sub("", text)
        steps = super()._read(text)
        with_energy = [one for one in steps if isinstance(one, CellError) or _energy_of(one)]
        # What an optimization ends with is a geometry without an energy.
        return with_energy if with_energy or self.end in text else steps


class Nwchem(CodeOutput):
    """An output of NWChem, cut where it prints a geometry: ASE would take the next one's energy."""

    form = "nwchem-out"
    title = "NWChem output"
    mark = re.compile(rb"Northwest Computational Chemistry Package")
    begin = re.compile(r'^[ \t]+Geometry "', re.MULTILINE)
    end = "Total times  cpu"


def _energy_of(atoms: Atoms) -> float | None:
    """Return the energy of a step, None if it has none."""
    energy: float | None = atoms.calc.results.get("energy") if atoms.calc is not None else None
    return energy


_FORCES: Final = re.compile(r"^ *Center +Atomic +Forces.*\n", re.MULTILINE)

CODES: Final[tuple[type[RecordSource], ...]] = (
    QuantumEspresso,
    FhiAims,
    Castep,
    CastepMd,
    CastepGeom,
    Gpaw,
    Orca,
    Gaussian,
    Nwchem,
)
"""Codes whose outputs ASE reads."""
