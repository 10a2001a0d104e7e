"""Output of VASP: a vasprun.xml, an OUTCAR, or a list of them."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np

from core.elements import INDEX, formula_of
from core.errors import LabError
from core.frames.sources.records import (
    Record,
    RecordSource,
    Refused,
    Steps,
)
from core.frames.tables.compression import head_of, plain_suffix
from core.frames.vasp.folders import (
    Calculation,
    calculations_of,
    material_of_path,
    with_label,
)
from core.frames.vasp.outcar import looks_like_outcar
from core.frames.vasp.reading import Reading, is_packed
from core.frames.vasp.settings import unknown_elements
from core.frames.vasp.steps import Step
from core.frames.vasp.structure_list import files_of_list, looks_like_structure_list
from core.frames.vasp.vasprun import looks_like_vasprun
from core.home import cache_dir
from core.progress import Progress, chunk

_OTHERS: Final = re.compile(
    r"(?:^|[._-])(INCAR|POSCAR|CONTCAR|POTCAR|KPOINTS|XDATCAR|OSZICAR|CHGCAR|DOSCAR|EIGENVAL|PROCAR|"
    r"WAVECAR)(?:[._-]|$)",
    re.IGNORECASE,
)
_OF_OTHER_FORMS: Final = frozenset(
    {".csv", ".json", ".jsonl", ".parquet", ".xyz", ".extxyz", ".db", ".xlsx", ".traj"}
)
_LONGEST_LIST: Final = 1 << 22
_KEYS: Final = ("energy", "forces", "stress", "magmoms", "functional", "material_id", "frame_id")


@dataclass(kw_only=True, slots=True)
class Choice:
    """Which steps of calculations become frames, and what was seen of them.

    Attributes:
        steps: every ionic step, or the last one of each calculation.
        with_unconverged: whether steps whose electronic loop did not converge are taken.
        seen: what the user should know, with how often it was seen.
    """

    steps: Steps = "all"
    with_unconverged: bool = False
    seen: Counter[str] = field(default_factory=Counter)

    def notes(self) -> list[str]:
        """Return what was seen as sentences."""
        return [f"{what}: {n:,}." for what, n in self.seen.items()]


class VaspSource(RecordSource):
    """What all files of VASP have in common.

    Energies are those of the cell, extrapolated to zero smearing (E0), without P·V and without
    MP2020 corrections; forces are in eV/Å, stress in kBar with VASP's sign of a pressure.

    Attributes:
        choice: which steps become frames.
    """

    mapping = MappingProxyType(dict(zip(_KEYS, _KEYS, strict=True)))
    units = MappingProxyType(
        {"energy": "eV/cell", "forces": "eV/Å", "stress": "kBar", "magmoms": "μB"}
    )
    units_are_known = True
    corrections = "none"
    has_steps = True

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.choice = Choice()

    def choose(self, steps: Steps, *, with_unconverged: bool) -> None:
        """Choose which ionic steps are read."""
        self.choice = Choice(steps=steps, with_unconverged=with_unconverged)

    def notes(self) -> list[str]:
        """Return what was seen in the files."""
        return self.choice.notes()


class VaspFile(VaspSource):
    """One vasprun.xml or OUTCAR."""

    form = "vasp"
    title = "VASP output"

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether a file is a vasprun.xml or an OUTCAR.

        Raises:
            LabError: if it is another file of VASP, from which no frames can be read.
        """
        head = head_of(path, 1 << 14)
        is_named = re.search("vasprun|outcar", path.name, re.IGNORECASE) is not None
        if looks_like_vasprun(head) or looks_like_outcar(head) or (is_named and is_packed(path)):
            return True
        match = _OTHERS.search(path.name) if path.is_file() else None
        is_other = match is not None and plain_suffix(path) not in _OF_OTHER_FORMS
        if is_other or re.search(rb"^Direct configuration=", head, re.MULTILINE):
            kind = match[1].upper() if match else "XDATCAR"
            raise LabError(
                f"{path.name} ({kind} of VASP) does not have structures with their energies and "
                "forces; give the vasprun.xml or the OUTCAR of the calculation, or its folder."
            )
        return False

    def records(self, progress: Progress) -> Iterator[Record | Refused]:
        """Yield the ionic steps."""
        self.choice.seen.clear()
        label = next((one.label for one in calculations_of([self.path])), self.path.stem)
        is_upload = self.path.is_relative_to(cache_dir())
        material = with_label("" if is_upload else material_of_path(self.path.parent), label)
        yield from frames_of(
            Calculation(files=(self.path,), label=label),
            choice=self.choice,
            progress=progress,
            where=self.path.name,
            material=material,
            prefix=material,
        )


class VaspList(VaspSource):
    """A structure_list of SevenNet, which names outputs of VASP."""

    form = "structure_list"
    title = "structure_list of SevenNet"

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether a file begins with a label in brackets and a path."""
        head = head_of(path, 1 << 12)
        return b"\0" not in head and looks_like_structure_list(head.decode(errors="replace"))

    def records(self, progress: Progress) -> Iterator[Record | Refused]:
        """Yield the steps that the list asks for, file by file; paths begin at its folder."""
        self.choice.seen.clear()
        try:
            listed = files_of_list(head_of(self.path, _LONGEST_LIST).decode(errors="replace"))
        except ValueError as error:
            raise LabError(f"{self.path.name} cannot be read: {error}.") from None
        for done, one in enumerate(listed):
            file = self.path.parent / one.path
            label = next((each.label for each in calculations_of([file])), file.stem)
            material = with_label(material_of_path(file.parent), label)
            steps = None if self.choice.steps == "last" else one.steps
            frames = frames_of(
                Calculation(files=(file,), label=label),
                choice=replace(self.choice, steps="last" if steps is None else "all"),
                progress=chunk(progress, done, 1, len(listed), "files of the list"),
                where=one.path,
                material=material,
                prefix=material,
            )
            steps = steps or slice(None)
            yield from islice(frames, steps.start, steps.stop, steps.step)


def frames_of(
    calculation: Calculation,
    *,
    choice: Choice,
    progress: Progress,
    where: str,
    material: str,
    prefix: str,
) -> Iterator[Record | Refused]:
    """Yield the frames of one calculation.

    Args:
        calculation: its files. An OUTCAR beside a vasprun.xml gives the magmoms and the steps that
            a broken vasprun.xml lacks.
        choice: which steps are taken; what is seen is counted there.
        progress: called with the share of the files that is read.
        where: the place of the calculation for people.
        material: material id; the formula where it is empty.
        prefix: frame ids are this and the number of the step; the material id where it is empty.
    """
    reading = Reading(calculation, progress)
    held: Record | Refused | None = None
    n_steps = 0
    for step in reading.steps():
        n_steps += 1
        item = _frame(step, reading, choice, where=where, material=material, prefix=prefix)
        if choice.steps == "all":
            yield item
        else:
            held = item
    if held is not None:
        yield held
    whole = f"calculation {where}"
    if reading.problem is not None:
        place = f"{whole} after step {n_steps - 1}" if n_steps else whole
        yield Refused(where=place, why=reading.problem)
    elif n_steps == 0:
        why = "VASP stopped before its first ionic step was finished, so there is no energy"
        yield Refused(where=whole, why=why)
    elif reading.is_in_step and choice.steps == "all":
        why = "VASP stopped before this ionic step was finished"
        yield Refused(where=f"step {n_steps} of {where}", why=why)
    elif not reading.is_whole:
        choice.seen[
            "Calculations that did not run to their end, of which the finished steps were taken"
        ] += 1


def _frame(
    step: Step, reading: Reading, choice: Choice, *, where: str, material: str, prefix: str
) -> Record | Refused:
    """Return one step as a record, or why it cannot be one."""
    place = f"step {step.index} of {where}"
    symbols = reading.reader.symbols
    if problem := _problem(step, symbols, reading, choice):
        return Refused(where=place, why=problem)
    settings = reading.reader.settings
    numbers = np.array([INDEX[symbol] + 1 for symbol in symbols], dtype=np.uint8)
    material = material or formula_of(numbers)
    if settings.number("PSTRESS"):
        choice.seen["Steps under PSTRESS, whose energies are taken without P·V"] += 1
    if settings.number("IMAGES"):
        choice.seen["Steps of nudged elastic bands, whose forces may contain the springs'"] += 1
    has_stress = step.stress is not None and settings.has_full_stress
    if step.stress is not None and not has_stress:
        choice.seen["Steps without a stress, of which ISIF = 1 computes the trace only"] += 1
    magmoms = (
        step.magmoms if step.magmoms is not None and len(step.magmoms) == len(numbers) else None
    )
    if magmoms is not None and magmoms.ndim == 2:
        choice.seen[
            "Steps with magmoms that are not collinear, of which the magnitudes are taken"
        ] += 1
        magmoms = np.linalg.norm(magmoms, axis=1)
    functional = reading.functional(step)
    if functional and "-vdW" in functional and not settings.is_set("LUSE_VDW"):
        choice.seen[
            "Steps with a dispersion correction that the file does not name, so that their "
            "functional ends in -vdW"
        ] += 1
    return Record(
        where=place,
        atomic_numbers=numbers,
        lattice=step.lattice,
        frac_coords=step.frac_coords,
        positions=step.positions,
        values={
            "energy": step.energy,
            "forces": step.forces,
            "stress": step.stress if has_stress else None,
            "magmoms": magmoms,
            "functional": functional,
            "material_id": material,
            "frame_id": f"{prefix or material}-{step.index}",
        },
    )


def _problem(step: Step, symbols: list[str], reading: Reading, choice: Choice) -> str | None:
    """Return why a step cannot be a frame, None if it can."""
    if step.is_learned:
        return "it was made by VASP's machine-learned force field instead of DFT"
    settings = reading.reader.settings
    if not choice.with_unconverged:
        if step.is_unconverged:
            most = settings.most_electronic_steps
            return f"its electronic loop did not converge within NELM = {most} steps"
        if settings.other_energy:
            return settings.other_energy
    if step.problem is None and step.energy is None:
        return "its energy is not a number, as where VASP wrote ****"
    if unknown := unknown_elements(symbols):
        return f"it contains {', '.join(unknown)}, not an element from H to Pu"
    return step.problem or _wrong_shape(step, len(symbols))


def _wrong_shape(step: Step, n: int) -> str | None:
    coords = step.frac_coords if step.positions is None else step.positions
    if step.lattice is None or step.lattice.shape != (3, 3) or coords is None or len(coords) != n:
        return f"it does not have a lattice and positions of {n} atoms"
    if step.forces is not None and len(step.forces) != n:
        return f"it has {len(step.forces)} forces for {n} atoms"
    return None
