"""Study: the equation of state of a given structure by a model."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from core.errors import LabError
from core.frames.schema import Frame
from core.potential.relaxation.equation_of_state import EquationOfState, equation_of_state
from core.potential.relaxation.settings import RelaxSettings
from core.progress import Progress
from core.stability.duration import seconds_per_structure
from core.studies.models.given import kept
from core.studies.study import ModelStudy

_ROUNDS = 3
_ORDINARY = 20
_RELAXED = RelaxSettings(fmax=0.02, relax_cell=False)
"""How atoms relax at each volume; the energies are compared, so that forces are to be small."""


class EquationOfStateStudy(ModelStudy):
    """The equation of state of one structure.

    Attributes:
        structures: name of the structures, as `core.studies.models.given.keep` returns it.
        place: which of them.
        span: largest departure of the volumes from the equilibrium's, as a share of it.
        points: number of volumes.
        relax: whether the atoms relax at each volume.
    """

    kind: ClassVar[str] = "equation-of-state"
    result: ClassVar[type] = EquationOfState

    structures: str
    place: int = Field(default=0, ge=0)
    span: float = Field(default=0.06, ge=0.01, le=0.15)
    points: int = Field(default=11, ge=5, le=51)
    relax: bool = False

    @property
    def datasets(self) -> list[str]:
        """It reads none."""
        return []

    def seconds(self) -> float:
        """Return roughly how long it takes on one core."""
        n_atoms = int(kept(self.structures).n_atoms[self.place])
        each = seconds_per_structure(relaxed=self.relax) * n_atoms / _ORDINARY
        return 1.0 + _ROUNDS * self.points * each

    def compute(self, progress: Progress) -> EquationOfState:
        """Compute the energies, and fit the curve.

        Args:
            progress: receives the share that is done.

        Raises:
            LabError: as `equation_of_state`, or if the structures are not kept any more.
        """
        given = kept(self.structures)
        if self.place >= len(given):
            raise LabError(f"There are {len(given):,} structures; choose one of these.")
        return equation_of_state(
            given.frame(self.place),
            self._energies,
            span=self.span,
            points=self.points,
            progress=progress,
        )

    def _energies(self, frames: Sequence[Frame], progress: Progress) -> NDArray[np.float64]:
        # Only the computation imports torch.
        from core.potential.relaxation.relax import relax_with  # noqa: PLC0415
        from core.transfer.predicted import predict_structures  # noqa: PLC0415

        source = self.source
        if self.relax:
            relaxed = relax_with(
                source.name,
                frames,
                _RELAXED,
                device=source.device,
                threads=source.threads,
                progress=progress,
            )
            return np.array([one.energy for one in relaxed])
        found = predict_structures(source, frames, progress=progress).found
        return np.array([np.nan if isinstance(one, LabError) else one.energy for one in found])
