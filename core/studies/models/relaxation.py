"""Study: the materials of a data set, or the structures in files, relaxed with a model."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from core.errors import LabError
from core.frames.registry import find_dataset, open_dataset
from core.frames.schema import Frame
from core.frames.sources.structure_files import read_structures
from core.potential.relaxation.relaxed import Relaxed
from core.potential.relaxation.settings import RelaxSettings
from core.progress import Progress
from core.stability.duration import seconds_per_structure
from core.stability.phases import phases_of
from core.studies.study import ModelStudy, file_input

_SECONDS = 4.0
_BYTES_PER_STRUCTURE = 1000


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Relaxations:
    """What came of relaxing n structures of N atoms in all.

    Attributes:
        ids: material ids, or places in files, (n,) strings.
        rows: rows in the data set, −1 of structures in files, (n,).
        states: "converged", "not converged", "exploded" or "refused", (n,) strings.
        reasons: why a structure is not converged, else mostly empty, (n,) strings.
        energies: eV/atom, NaN where it exploded or was refused, (n,).
        steps: steps taken, (n,).
        max_forces: largest force at the end, eV/Å, (n,).
        volume_changes: volume over the given one, minus 1, (n,).
        n_atoms: (n,).
        atomic_numbers: of all structures one after the other, (N,).
        frac_coords: the same, (N, 3).
        lattices: lattice vectors as rows, Å, (n, 3, 3).
        settings: how they were relaxed, in words.
        left_out: structures that could not be read: file, frame and why.
        n_without_structure: materials of the data set without a structure.
    """

    ids: NDArray[np.str_]
    rows: NDArray[np.int64]
    states: NDArray[np.str_]
    reasons: NDArray[np.str_]
    energies: NDArray[np.float64]
    steps: NDArray[np.int64]
    max_forces: NDArray[np.float64]
    volume_changes: NDArray[np.float64]
    n_atoms: NDArray[np.int64]
    atomic_numbers: NDArray[np.integer]
    frac_coords: NDArray[np.float64]
    lattices: NDArray[np.float64]
    settings: str
    left_out: list[dict[str, str | int]]
    n_without_structure: int

    def counts(self) -> dict[str, int]:
        """Return how many structures ended in each state that occurs."""
        return dict(Counter(self.states.tolist()))

    def frame(self, place: int) -> Frame:
        """Return a structure at its end with its energy; as given if it has none."""
        end = int(self.n_atoms[: place + 1].sum())
        atoms = slice(end - int(self.n_atoms[place]), end)
        energy = float(self.energies[place])
        return Frame(
            frame_id=str(self.ids[place]),
            material_id=str(self.ids[place]),
            atomic_numbers=self.atomic_numbers[atoms],
            frac_coords=self.frac_coords[atoms],
            lattice=self.lattices[place],
            energy_per_atom=energy if np.isfinite(energy) else None,
        )


class RelaxationStudy(ModelStudy):
    """Structures relaxed with a model, kept one by one so that an ended job goes on where it was.

    Attributes:
        dataset: a data set of frames or of pairs, whose materials are relaxed from the structure of
            lowest energy; empty to relax structures in files.
        column: of pairs: the column of energies that chooses among a material's rows.
        paths: files that ASE reads.
        settings: when a relaxation ends.
    """

    kind: ClassVar[str] = "relaxation"
    result: ClassVar[type] = Relaxations

    dataset: str = ""
    column: str | None = None
    paths: list[str] = Field(default_factory=list)
    settings: RelaxSettings = RelaxSettings()

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if bool(self.dataset) == bool(self.paths):
            raise ValueError("name a data set, or files, and not both")
        return self

    @property
    def datasets(self) -> list[str]:
        """The data set, if there is one."""
        return [self.dataset] if self.dataset else []

    def inputs(self) -> list[str]:
        """Return what identifies the data set or the files, and the model."""
        files = [Path(path) for path in self.paths]
        for path in files:
            if not path.is_file():
                raise LabError(f"{path}: no such file; check the name.")
        return [*super().inputs(), *map(file_input, files)]

    def seconds(self) -> float:
        """Return roughly how long it takes on one core if none is kept yet."""
        if self.dataset:
            card = find_dataset(self.dataset).card
            n: float = card.n_materials or card.n
        else:
            sizes = [Path(path).stat().st_size for path in self.paths if Path(path).is_file()]
            n = sum(max(1.0, size / _BYTES_PER_STRUCTURE) for size in sizes)
        return _SECONDS + seconds_per_structure(relaxed=True) * n

    def compute(self, progress: Progress) -> Relaxations:
        """Relax those structures that are not in the cache.

        Args:
            progress: reports the structures done, those under way in part.

        Raises:
            LabError: if there is no such data set, file or model, or nothing has a structure.
        """
        # Only the computation imports torch.
        from core.potential.relaxation.relax import relax_with  # noqa: PLC0415

        source = self.source
        left_out: list[dict[str, str | int]] = []
        n_without_structure = 0
        if self.dataset:
            data = open_dataset(self.dataset)
            phases = phases_of(data, self.column)
            given = list(data.frames(phases.rows))
            frames = [frame for frame in given if frame is not None]
            n_without_structure = len(given) - len(frames)
            has_structure = np.array([frame is not None for frame in given])
            rows, ids = phases.rows[has_structure], phases.ids[has_structure]
        else:
            read, unread = read_structures([Path(path) for path in self.paths])
            frames = [frame for _, frame in read]
            rows = np.full(len(frames), -1)
            ids = np.array([frame.frame_id for frame in frames])
            left_out = [one.as_dict() for one in unread]
        if not frames:
            raise LabError(
                f"{self.dataset} has no structures to relax; import it with a column of structures."
            )
        relaxed = relax_with(
            source.name,
            frames,
            self.settings,
            device=source.device,
            threads=source.threads,
            progress=progress,
        )
        return Relaxations(
            ids=ids.astype(str),
            rows=rows,
            **_arrays(relaxed),
            settings=self.settings.text(),
            left_out=left_out,
            n_without_structure=n_without_structure,
        )


def _arrays(relaxed: list[Relaxed]) -> dict[str, NDArray[Any]]:
    """Return the fields of the result that come from the relaxations."""
    structures = [one.structure for one in relaxed]
    return {
        "states": np.array([one.state for one in relaxed]),
        "reasons": np.array([one.reason for one in relaxed]),
        "energies": np.array([one.energy for one in relaxed]),
        "steps": np.array([one.steps for one in relaxed]),
        "max_forces": np.array([one.max_force for one in relaxed]),
        "volume_changes": np.array([one.volume_change for one in relaxed]),
        "n_atoms": np.array([len(one) for one in structures]),
        "atomic_numbers": np.concatenate([one.atomic_numbers for one in structures]),
        "frac_coords": np.concatenate([one.frac_coords for one in structures]),
        "lattices": np.stack([one.lattice for one in structures]),
    }
