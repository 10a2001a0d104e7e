"""Study: where given structures lie among the known phases, by a model."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from core.frames.registry import open_dataset
from core.progress import Progress, part
from core.stability.duration import seconds_per_structure
from core.stability.phases import with_their_systems
from core.studies.models.given import kept
from core.studies.models.prediction import PredictionStudy
from core.studies.study import ModelStudy

PHASES = "mp-structures"
"""Data set of the known phases."""

_SECONDS = 0.5


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Placed:
    """n structures among the known phases, by one model; NaN where one cannot be placed.

    Attributes:
        formation: formation energies, (n,) eV/atom.
        above_hull: energies above the hull of the known phases, (n,) eV/atom; negative below it.
        competing: what each would decompose into, (n,) strings.
        why: why one is not placed, (n,) strings; empty where it is.
        n_phases: known phases in the structure's chemical system, (n,).
        elements: where the elements' energies are from.
    """

    formation: NDArray[np.float64]
    above_hull: NDArray[np.float64]
    competing: NDArray[np.str_]
    why: NDArray[np.str_]
    n_phases: NDArray[np.int64]
    elements: str


class PlacementStudy(ModelStudy):
    """Formation energies, and energies above the hull of known phases, of given structures.

    Attributes:
        structures: name of the structures, as `core.studies.models.given.keep` returns it.
        dataset: data set of the known phases, which the model evaluates as they are.
    """

    kind: ClassVar[str] = "placement"
    result: ClassVar[type] = Placed

    structures: str
    dataset: str = PHASES

    @property
    def datasets(self) -> list[str]:
        """The known phases."""
        return [self.dataset]

    def seconds(self) -> float:
        """Return roughly how long it takes if no energy of a phase is cached."""
        known, asked = open_dataset(self.dataset).fractions(), kept(self.structures).fractions
        both = np.concatenate([known, asked])
        near = with_their_systems(both, np.arange(len(both)) >= len(known)).sum()
        return _SECONDS + seconds_per_structure(relaxed=False) * float(near)

    def compute(self, progress: Progress) -> Placed:
        """Place the structures.

        Args:
            progress: receives the share that is done.

        Raises:
            LabError: if the structures are not kept any more, or there is no such model.
        """
        # Only the computation imports torch.
        from core.stability.of_model import ModelEnergies  # noqa: PLC0415
        from core.stability.placement import place  # noqa: PLC0415

        given = kept(self.structures)
        predicted = PredictionStudy(model=self.model, structures=self.structures).compute(
            part(progress, 0.0, 0.2)
        )
        found = place(
            ModelEnergies(model=self.source, name=Path(self.model).name),
            open_dataset(self.dataset),
            given.formulas,
            given.fractions,
            predicted.energies,
            progress=part(progress, 0.2, 1.0),
        )
        return Placed(
            formation=found.formation,
            above_hull=found.above_hull,
            competing=found.competing,
            why=np.where(found.why == "", predicted.why, found.why).astype(str),
            n_phases=found.n_phases,
            elements=found.elements,
        )
