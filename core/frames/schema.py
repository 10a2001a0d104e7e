"""Contents of a frame and of a data set's card."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from core.elements import N_ELEMENTS
from core.errors import LabError

CARD = "card.json"
"""File name of a data set's card."""

EXPORTED = b"atomref_lab"
"""Key of the card in the metadata of Parquet files that the lab exports."""

LABELS = ("energy", "force", "stress", "magmom")
"""The kinds of labels, in the order in which they are listed."""

Corrections = Literal["MP2020", "none", "unknown"]
"""Whether an energy contains MP2020 corrections."""

PERIODIC = (True, True, True)
"""Periodic along every lattice vector, as all stored frames are."""

DFT = "dft"
"""Origin of labels computed with DFT; any other origin is the name of a model."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Frame:
    """One structure with labels, None where a label is missing.

    Attributes:
        frame_id: unique in its data set.
        material_id: shared by all frames of a material.
        atomic_numbers: (n,) integers from 1 to 94.
        frac_coords: fractional coordinates, (n, 3).
        lattice: lattice vectors as rows, (3, 3), Å.
        energy_per_atom: total energy, eV/atom.
        uncorrected_energy_per_atom: total energy without MP2020 corrections, eV/atom.
        forces: (n, 3), eV/Å.
        stress: (3, 3), GPa, with CHGNet's sign: −0.1 × VASP's kBar.
        magmoms: magnitudes, (n,), μB.
        bandgap: band gap, eV.
        pbc: whether the structure is periodic along each lattice vector.
    """

    frame_id: str
    material_id: str
    atomic_numbers: np.ndarray
    frac_coords: np.ndarray
    lattice: np.ndarray
    energy_per_atom: float | None = None
    uncorrected_energy_per_atom: float | None = None
    forces: np.ndarray | None = None
    stress: np.ndarray | None = None
    magmoms: np.ndarray | None = None
    bandgap: float | None = None
    pbc: tuple[bool, bool, bool] = PERIODIC

    def __len__(self) -> int:
        """Return the number of atoms."""
        return len(self.atomic_numbers)


class Structures(Protocol):
    """Structures by row: a data set of frames, or of pairs."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the stored data."""

    def __len__(self) -> int:
        """Return the number of rows."""

    def frames(self, indices: Iterable[int]) -> Sequence[Frame | None]:
        """Return the frames of some rows, None for a row without a structure."""


_SCALARS = ("energy_per_atom", "uncorrected_energy_per_atom", "bandgap")
_MATRICES = ("lattice", "stress")
_PER_ATOM: dict[str, tuple[int, ...]] = {"frac_coords": (3,), "forces": (3,), "magmoms": ()}
"""Shapes of what each atom has."""

_SMALLEST_VOLUME = 1e-6
"""Å³ below which a cell counts as flat."""

_EMPTIEST = 1e9
"""Å³ per atom at most: one atom in a box of 1000 Å."""

MOST_PER_VOLUME = 3.0
"""Atoms per Å³ above which a cell is not one: diamond has 0.18, hydrogen in the sun's core 60 times
its solid's 0.05."""

LARGEST = 1e30
"""Largest label or coordinate; single precision, in which models compute, ends at 3e38."""

MOST_ENERGY = 1e7
"""eV/atom, without its sign; an atom of Pu has -8e5 with all its electrons."""


def problems_of(frames: Sequence[Frame]) -> dict[int, str]:
    """Return why frames cannot be stored, by their places; empty if all can."""
    if _are_sound(frames):
        return {}
    problems = {place: problem_of(frame) for place, frame in enumerate(frames)}
    return {place: problem for place, problem in problems.items() if problem}


def _are_sound(frames: Sequence[Frame]) -> bool:
    """Return whether all frames can be stored, which is fast to see for many at once."""
    sizes = [len(frame) for frame in frames]
    numbers = np.concatenate([frame.atomic_numbers for frame in frames])
    if not all(sizes) or numbers.ndim != 1 or any(frame.pbc != PERIODIC for frame in frames):
        return False
    parts: list[np.ndarray] = []
    for name in (*_PER_ATOM, *_MATRICES):
        values = [getattr(frame, name) for frame in frames]
        tail = _PER_ATOM.get(name)
        for value, n in zip(values, sizes, strict=True):
            shape = (3, 3) if tail is None else (n, *tail)
            if value is not None and getattr(value, "shape", None) != shape:
                return False
        known = [value for value in values if value is not None]
        parts += [np.concatenate(known)] if known else []
    for name in _SCALARS:
        values = [getattr(frame, name) for frame in frames]
        parts.append(np.array([value for value in values if value is not None], dtype=np.float64))
    lattices = np.stack([frame.lattice for frame in frames])
    if not 1 <= numbers.min() <= numbers.max() <= N_ELEMENTS or not all(map(_is_usable, parts)):
        return False
    volumes = np.abs(np.linalg.det(lattices))
    smallest = np.maximum(_SMALLEST_VOLUME, np.array(sizes) / MOST_PER_VOLUME)
    return bool((volumes >= smallest).all())


def _is_usable(values: np.ndarray) -> bool:
    """Return whether all values are finite and small enough; NaN is neither."""
    return not values.size or bool(values.min() > -LARGEST and values.max() < LARGEST)


def problem_of(frame: Frame) -> str | None:
    """Return why a frame cannot be stored, None if it can."""
    n = len(frame)
    numbers = np.asarray(frame.atomic_numbers)
    if n == 0 or numbers.shape != (n,):
        return "has no atoms"
    if numbers.min() < 1 or numbers.max() > N_ELEMENTS:
        return "contains an element outside H to Pu"
    if not all(frame.pbc):
        return "is not periodic along every lattice vector"
    if problem := _problem_of_values(frame):
        return problem
    volume = abs(np.linalg.det(frame.lattice))
    return "has a cell without volume" if volume < _SMALLEST_VOLUME else density_problem(n, volume)


def _problem_of_values(frame: Frame) -> str | None:
    """Return which of a frame's arrays and numbers has a wrong shape or values."""
    needed: dict[str, tuple[int, ...]] = {
        **{name: (len(frame), *tail) for name, tail in _PER_ATOM.items()},
        **dict.fromkeys(_MATRICES, (3, 3)),
        **dict.fromkeys(_SCALARS, ()),
    }
    for name, shape in needed.items():
        value = getattr(frame, name)
        if value is None:
            continue
        if np.shape(value) != shape:
            return f"has {name} of shape {np.shape(value)} instead of {shape}"
        if not np.isfinite(value).all():
            return f"has {name} with values that are not finite"
        if not _is_usable(np.asarray(value)):
            return f"has {name} with values beyond {LARGEST:g}"
    return None


def density_problem(n: int, volume: float) -> str | None:
    """Return that a cell has more atoms than fit into it, or hardly any, None if it is usual.

    Args:
        n: atoms in the cell.
        volume: its volume, Å³.
    """
    if volume > _EMPTIEST * n:
        return f"has a cell of {volume / n:.3g} Å³ per atom, too empty to look for neighbours in"
    if n <= MOST_PER_VOLUME * volume:
        return None
    return f"has {n / volume:,.3g} atoms per Å³, more than {MOST_PER_VOLUME:g}, which no matter has"


class Refusal(BaseModel):
    """One structure that an import left out.

    Attributes:
        where: its place, as "frame 7 of train.xyz".
        why: the reason.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    where: str
    why: str


class ImportReport(BaseModel):
    """What an import of frames took and left out.

    Attributes:
        n_read: structures in the file.
        n_refused: structures that were left out.
        reasons: how many were left out for each reason.
        refused: the first of them.
        n_duplicates: frames equal to an earlier one in structure and energy; they are kept.
        n_renamed: frames whose id was taken already and got a number.
        missing: label to the number of frames without it.
        form: form of the file.
        keys: keys of its first frames.
        mapping: field to key, as far as the user chose it.
        units: field to unit, as far as the user chose it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_read: int = 0
    n_refused: int = 0
    reasons: dict[str, int] = Field(default_factory=dict)
    refused: list[Refusal] = Field(default_factory=list)
    n_duplicates: int = 0
    n_renamed: int = 0
    missing: dict[str, int] = Field(default_factory=dict)
    form: str = ""
    keys: list[str] = Field(default_factory=list)
    mapping: dict[str, str] = Field(default_factory=dict)
    units: dict[str, str] = Field(default_factory=dict)


class EnergyColumn(BaseModel):
    """One column of total energies (eV/atom) in a table of pairs.

    Attributes:
        column: its name in the table.
        functional: level of theory, a free string such as "GGA/GGA+U" or "r2SCAN".
        corrections: whether its energies contain MP2020 corrections.
        labels: "dft" or the name of the model that predicted it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str
    functional: str
    corrections: Corrections = "unknown"
    labels: str = DFT


class Parent(BaseModel):
    """The data set of frames that a subset names rows of.

    Attributes:
        name: its name.
        fingerprint: its fingerprint when the subset was made.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    fingerprint: str


class Card(BaseModel):
    """Contents and source of a data set; stored as card.json beside the data.

    Attributes:
        version: version of this format.
        name: name of the data set, lower case.
        title: one line for people.
        description: a few sentences: how it was made, what was left out.
        kind: "frames" (structures with labels) or "pairs" (energies in several functionals).
        functional: level of theory of the labels (frames only).
        labels: "dft" or the name of the model that made the labels; for pairs "dft" or "model".
        corrections: whether energy_per_atom contains MP2020 corrections (frames only).
        energies: the energy columns (pairs only).
        n: number of rows.
        n_materials: number of distinct material ids.
        source_file: name of the file it was imported from.
        source_sha256: SHA-256 of that file.
        licence: licence of the data.
        split_seed: seed of the split into training, validation and test sets.
        created: ISO date.
        fingerprint: SHA-256 of the stored data.
        report: what its import took and left out; None where that was not recorded.
        parent: of a subset: the data set that holds its frames.
        digest: of the other fields when the card was written; empty where that was not recorded.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    name: str
    title: str = ""
    description: str = ""
    kind: Literal["frames", "pairs"]
    functional: str | None = None
    labels: str = DFT
    corrections: Corrections = "unknown"
    energies: list[EnergyColumn] = Field(default_factory=list)
    n: int = 0
    n_materials: int = 0
    source_file: str = ""
    source_sha256: str = ""
    licence: str = ""
    split_seed: int = 0
    created: str = Field(default_factory=lambda: dt.date.today().isoformat())
    fingerprint: str = ""
    report: ImportReport | None = None
    parent: Parent | None = None
    digest: str = ""

    @property
    def made_by(self) -> set[str]:
        """Origins of the labels: "dft" or names of models."""
        return {energy.labels for energy in self.energies} or {self.labels}

    @property
    def is_model_labelled(self) -> bool:
        """Whether any label is from a model instead of DFT."""
        return self.made_by != {DFT}

    @property
    def frame_energy(self) -> EnergyColumn:
        """The energies of frames, described like a column of pairs."""
        return EnergyColumn(
            column="energy_per_atom",
            functional=self.functional or "unknown",
            corrections=self.corrections,
            labels=self.labels,
        )

    def energy_column(self, column: str) -> EnergyColumn:
        """Return the description of an energy column.

        Raises:
            LabError: if the data set has no such energy column.
        """
        for energy in self.energies:
            if energy.column == column:
                return energy
        columns = ", ".join(energy.column for energy in self.energies) or "none"
        raise LabError(
            f"{self.name} has no energy column {column!r}; its energy columns are: {columns}."
        )


def label_origin(text: str) -> str:
    """Return the origin of labels: "dft" in any spelling, or a model's name.

    Raises:
        LabError: if the text is empty.
    """
    name = text.strip()
    if not name:
        raise LabError('The origin of the labels is missing; give "dft" or the model\'s name.')
    return DFT if name.lower() == DFT else name
