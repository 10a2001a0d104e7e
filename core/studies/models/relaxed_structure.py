"""Study: one given structure relaxed by a model, followed while it goes on."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from core.errors import LabError
from core.frames.schema import Frame
from core.home import cache_dir
from core.potential.relaxation.relaxed import Relaxed, Trajectory
from core.potential.relaxation.settings import RelaxSettings
from core.potential.relaxation.trajectory_file import TrajectoryFile, read_trajectory
from core.progress import Progress
from core.stability.duration import seconds_per_structure
from core.studies.models.given import kept
from core.studies.study import ModelStudy

_ORDINARY = 20
"""Atoms of an ordinary structure."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class RelaxedStructure:
    """What came of one structure of n atoms.

    Attributes:
        state: as of `core.potential.relaxation.relaxed.Relaxed`.
        reason: why it is not converged, in one sentence; else empty.
        steps: steps taken.
        max_force: largest force at the end, eV/Å.
        volume_change: volume over the given one, minus 1.
        energy: at the end, eV/atom; NaN if it exploded or was refused.
        forces: at the end, (n, 3) eV/Å.
        trajectory: every geometry, from the given one to the last.
    """

    state: str
    reason: str
    steps: int
    max_force: float
    volume_change: float
    energy: float
    forces: NDArray[np.float64]
    trajectory: Trajectory


class RelaxedStructureStudy(ModelStudy):
    """One structure relaxed by one model.

    Attributes:
        structures: name of the structures, as `core.studies.models.given.keep` returns it.
        place: which of them.
        settings: when the relaxation ends.
    """

    kind: ClassVar[str] = "relaxed-structure"
    result: ClassVar[type] = RelaxedStructure

    structures: str
    place: int = Field(default=0, ge=0)
    settings: RelaxSettings = RelaxSettings()

    @property
    def datasets(self) -> list[str]:
        """It reads none."""
        return []

    @property
    def given(self) -> Frame:
        """The structure as given.

        Raises:
            LabError: if it is not kept any more.
        """
        structures = kept(self.structures)
        if self.place >= len(structures):
            raise LabError(f"There are {len(structures):,} structures; choose one of these.")
        return structures.frame(self.place)

    def so_far(self) -> Trajectory | None:
        """Return the geometries that a relaxation under way has come through."""
        return read_trajectory(self._file(), len(self.given))

    def seconds(self) -> float:
        """Return roughly how long it takes on one core."""
        return 1.0 + seconds_per_structure(relaxed=True) * len(self.given) / _ORDINARY

    def compute(self, progress: Progress) -> RelaxedStructure:
        """Relax the structure.

        Args:
            progress: receives the share of the steps that are done.

        Raises:
            LabError: if the structure is not kept any more or cannot be represented, or there is
                no such model.
        """
        # Only the computation imports torch.
        from core.potential.relaxation.relax import relax_with  # noqa: PLC0415

        source, given = self.source, self.given
        file = self._file()
        with TrajectoryFile(file, len(given)) as growing:
            (relaxed,) = relax_with(
                source.name,
                [given],
                self.settings,
                device=source.device,
                threads=source.threads,
                progress=progress,
                keep_trajectories=True,
                follow=lambda _, *point: growing.add(*point),
            )
        file.unlink(missing_ok=True)
        return _result(relaxed)

    def _file(self) -> Path:
        return cache_dir() / "trajectories" / f"{self.key()}.bin"


def _result(relaxed: Relaxed) -> RelaxedStructure:
    if relaxed.trajectory is None:
        raise LabError(relaxed.reason)
    nothing = np.full((len(relaxed.structure), 3), np.nan)
    return RelaxedStructure(
        state=relaxed.state,
        reason=relaxed.reason,
        steps=relaxed.steps,
        max_force=relaxed.max_force,
        volume_change=relaxed.volume_change,
        energy=relaxed.energy,
        forces=nothing if relaxed.forces is None else np.asarray(relaxed.forces),
        trajectory=relaxed.trajectory,
    )
