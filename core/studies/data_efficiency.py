"""Study: how many materials an AtomRef needs to bring two functionals to one energy scale."""

from dataclasses import dataclass
from operator import not_
from typing import ClassVar

from pydantic import Field

from core.progress import Progress, part
from core.reference.shifts.data_efficiency import DataEfficiency, data_efficiency
from core.studies.selection import PairSelection
from core.studies.study import ModelStudy

_SECONDS = 3.0
_SECONDS_PER_ROW_AND_DRAWING = 5e-7


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class DataEfficiencyResult:
    """Agreement by number of materials fitted, and the priors of the ridge fits.

    Attributes:
        curve: agreement of scaled energies on materials held out.
        model: the pretrained model.
        source_prior: description of the prior of the source functional.
        target_prior: description of the prior of the target functional.
    """

    curve: DataEfficiency
    model: str
    source_prior: str
    target_prior: str


class DataEfficiencyStudy(ModelStudy):
    """Agreement of scaled energies on materials held out, by number of materials fitted.

    The priors come from the model and the embedded facts of the elements alone, never from these
    energies: the model's AtomRef, moved by the shifts of the pure elements where a functional is
    not the model's own.

    Attributes:
        pairs: the materials and their energies in two functionals.
        elements: only materials that contain all of these elements are used.
        any_of: materials that contain any of the elements are used.
        repeats: number of random drawings.
        seed: seed of the drawings.
        strength: ridge strength.
    """

    kind: ClassVar[str] = "few"
    result: ClassVar[type] = DataEfficiencyResult

    pairs: PairSelection
    elements: tuple[str, ...] = ()
    # Left out where it is not set: results keep the keys they had before it existed.
    any_of: bool = Field(default=False, exclude_if=not_)
    repeats: int = Field(default=20, ge=20, le=1000)
    seed: int = 0
    strength: float = Field(default=1e-2, gt=0)

    @property
    def datasets(self) -> list[str]:
        """The data sets of the pairs."""
        return self.pairs.datasets

    def seconds(self) -> float:
        """Return roughly how long the drawings take."""
        return _SECONDS + _SECONDS_PER_ROW_AND_DRAWING * self.pairs.card.n * self.repeats

    def compute(self, progress: Progress) -> DataEfficiencyResult:
        """Compute the curve.

        Args:
            progress: receives the share that is done.

        Raises:
            LabError: if there is no such model, or there are too few materials.
        """
        progress(0.0, "Loading the pretrained model")
        pairs = self.pairs.open().containing(self.elements, any_of=self.any_of).pairs
        source, target = (
            self.source.prior(functional)
            for functional in (pairs.source_functional, pairs.target_functional)
        )
        curve = data_efficiency(
            pairs.fractions,
            pairs.source,
            pairs.target,
            pairs.material_id,
            priors=(source.energies, target.energies),
            strength=self.strength,
            repeats=self.repeats,
            seed=self.seed,
            progress=part(progress, 0.1, 1.0),
        )
        return DataEfficiencyResult(
            curve=curve,
            model=self.model,
            source_prior=source.description,
            target_prior=target.description,
        )
