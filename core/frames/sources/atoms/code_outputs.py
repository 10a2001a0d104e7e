"""Outputs of Quantum ESPRESSO, FHI-aims, CASTEP, GPAW, ORCA, Gaussian and NWChem, read by ASE.

ASE holds a whole output in memory, except for FHI-aims; larger ones than a limit are refused.
"""

import io
import re
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import IO, ClassVar, Final, cast

import ase.io
from ase import Atoms
from ase.io import aims

from core.frames.functionals import canonical_functional, functional_of
from core.frames.sources.atoms.atoms_records import record_of_atoms
from core.frames.sources.atoms.rows import UNITS
from core.frames.sources.records import Record, RecordSource, Refused
from core.frames.tables.compression import BrokenStreamError, head_of, open_bytes
from core.frames.tables.tabular import CellError
from core.progress import Progress

_HEAD: Final = 1 << 20
_IN_MEMORY: Final = 1 << 26
_LARGEST: Final = 1 << 30


class CodeOutput(RecordSource):
    """An output of a code, one frame per ionic step that has an energy.

    Attributes:
        mark: what the beginning of an output contains.
        tags: patterns of the functional, the first group of which names it.
    """

    title = "output of a code"
    stress_order = "ase"
    units = UNITS
    units_are_known = True
    mark: ClassVar[re.Pattern[bytes]]
    tags: ClassVar[tuple[str, ...]] = ()

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.functional = self._functional(head_of(path, _HEAD).decode(errors="replace"))
        self._broken = ""

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether a file begins as an output of the code."""
        head = head_of(path, 1 << 15) if path.is_file() else b""
        return b"\0" not in head and cls.mark.search(head) is not None

    def records(self, progress: Progress) -> Iterator[Record | Refused]:
        """Yield the steps."""
        name, number = self.path.name, 0
        try:
            with self._text(progress) as file, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                for atoms in _quietly(self._atoms(file)):
                    where = f"step {number} of {name}"
                    number += 1
                    try:
                        yield self._checked(atoms, where)
                    except CellError as error:
                        yield Refused(where=where, why=str(error))
        except CellError as error:
            yield Refused(where=name, why=str(error))
        except Exception as error:  # noqa: BLE001  ASE's readers raise anything
            why = (str(error).splitlines() or [""])[0][:80] or type(error).__name__
            yield Refused(
                where=f"{name} from step {number} on",
                why=f"the output breaks off or is not as ASE expects it ({why})",
            )
        if self._broken:
            yield Refused(where=f"the rest of {name}", why=self._broken)

    def _atoms(self, file: io.TextIOBase) -> Iterator[Atoms]:
        yield from ase.io.iread(cast("IO[str]", file), index=":", format=self.form)

    def _checked(self, atoms: Atoms, where: str) -> Record:
        record = record_of_atoms(atoms, where)
        if {"energy", "free_energy"}.isdisjoint(record.values):
            raise CellError("it has no energy: the step is not finished or not converged")
        return record

    def _functional(self, head: str) -> str | None:
        for pattern in self.tags:
            if match := re.search(pattern, head, re.MULTILINE | re.IGNORECASE):
                return functional_of(match[1])
        return None

    @contextmanager
    def _text(self, progress: Progress) -> Iterator[io.TextIOBase]:
        """Open the output as text, decompressed beside memory where it is large.

        Raises:
            CellError: if it is too large.
        """
        size = 0
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as spooled, open_bytes(self.path) as stream:
            try:
                while data := stream.read(1 << 20):
                    spooled.write(data)
                    size += len(data)
                    progress(stream.share / 2, f"{size >> 20:,} MB read")
                    if size > _LARGEST:
                        raise CellError(
                            f"the output is larger than {_LARGEST >> 30} GiB; split it by steps"
                        )
            except BrokenStreamError as error:
                self._broken = str(error)
            spooled.seek(0)
            yield io.TextIOWrapper(spooled, encoding="utf-8", errors="replace")


class QuantumEspresso(CodeOutput):
    """An output of pw.x; its total stress has the sign of a pressure, which ASE reverses."""

    form = "espresso-out"
    title = "Quantum ESPRESSO output"
    mark = re.compile(rb"Program PWSCF")

    def _atoms(self, file: io.TextIOBase) -> Iterator[Atoms]:
        # ASE gives up a whole output where it cannot read the bands, which nobody needs here.
        text = "".join(line for line in file if not _BANDS.search(line))
        yield from ase.io.iread(io.StringIO(text), index=":", format=self.form)
        if "JOB DONE" not in text:
            raise CellError("the output breaks off in the step after the last one that is taken")

    def _functional(self, head: str) -> str | None:
        match = re.search(r"Exchange-correlation\s*=\s*([^(\n]+)", head)
        if match is None:
            return None
        words = match[1].upper().split()
        name = _OF_ESPRESSO.get(" ".join(words)) or functional_of(match[1])
        if name and re.search(r"Hubbard U|LDA\+U calculation|DFT\+U|U\( *[A-Z]", head):
            name = f"{name}+U"
        if name and (found := re.search(r"DFT-D(2|3)|Grimme-D(2|3)", head)):
            name = f"{name}-D{found[1] or found[2]}"
        return name


def _quietly(images: Iterator[Atoms]) -> Iterator[Atoms]:
    """Yield images without what ASE's readers print, which is not for those who read our output."""
    while True:
        with redirect_stdout(io.StringIO()):
            image = next(images, None)
        if image is None:
            return
        yield image


_BANDS: Final = re.compile("End of (?:self-consistent|band structure) calculation")
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
    mark = re.compile(rb"Invoking FHI-aims")
    tags = (r"^\s*xc\s+(?:libxc\s+)?(\S+)", r"XC:\s+Using\s+(.+)")

    def _functional(self, head: str) -> str | None:
        name = super()._functional(head)
        for pattern, dispersion in _OF_AIMS.items():
            if name and re.search(rf"^\s*{pattern}", head, re.MULTILINE):
                return f"{name}-{dispersion}"
        return name

    def _atoms(self, file: io.TextIOBase) -> Iterator[Atoms]:
        lines = iter(file)
        header = aims.get_header_chunk(lines)
        for chunk in aims.get_aims_out_chunks(lines, header):
            text = "\n".join(chunk.lines[-400:])
            is_end = "Have a nice day" in text
            atoms = chunk.atoms
            results = atoms.calc.results if atoms.calc is not None else {}
            if is_end and not results.get("energy"):
                continue  # what follows the last step of a relaxation
            if results.get("forces") is None and not is_end:
                atoms.calc = None
            yield atoms


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
    mark = re.compile(rb"<-- T *\n(?:[^\n]*<-- P *\n)?[^\n]*<-- h")


class CastepGeom(CodeOutput):
    """A trajectory of an optimization of CASTEP (.geom), with free energies."""

    form = "castep-geom"
    title = "CASTEP geometry optimization"
    mark = re.compile(rb"<-- (?:c|E) *\n[^\n]*<-- h")


class Gpaw(CodeOutput):
    """A text output of GPAW."""

    form = "gpaw-out"
    title = "GPAW output"
    mark = re.compile(rb"___ ___ ___ _ _ _")
    tags = (r"^\s*xc:\s*\{?(?:name:\s*)?([\w-]+)",)


class Orca(CodeOutput):
    """An output of ORCA."""

    form = "orca-output"
    title = "ORCA output"
    mark = re.compile(rb"\* O   R   C   A \*")


class Gaussian(CodeOutput):
    """An output of Gaussian."""

    form = "gaussian-out"
    title = "Gaussian output"
    mark = re.compile(rb"Entering Gaussian System")


class Nwchem(CodeOutput):
    """An output of NWChem."""

    form = "nwchem-out"
    title = "NWChem output"
    mark = re.compile(rb"Northwest Computational Chemistry Package")


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
