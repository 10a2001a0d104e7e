"""Study: how few materials bring two functionals to one scale."""

from typing import ClassVar

from pydantic import Field

from core.progress import Progress
from core.studies.selection import PairSelection
from core.studies.study import Study, model_inputs
from core.transfer.data_efficiency import FewResult, few_from_pretrained

_SECONDS = 3.0
_SECONDS_A_ROW_AND_DRAWING = 5e-7


class FewStudy(Study):
    """Agreement of scaled energies on materials held out, by number of materials fitted.

    Attributes:
        pairs: whose energies in two functionals.
        elements: only materials that contain all of these.
        model: whose AtomRef ridge is pulled toward.
        repeats: drawings.
        seed: of the drawings.
        strength: of ridge.
    """

    kind: ClassVar[str] = "few"
    result: ClassVar[type] = FewResult

    pairs: PairSelection
    elements: tuple[str, ...] = ()
    model: str = "chgnet-0.3.0"
    repeats: int = Field(default=20, ge=20, le=1000)
    seed: int = 0
    strength: float = Field(default=1e-2, gt=0)

    @property
    def datasets(self) -> list[str]:
        """The data sets of the pairs."""
        return self.pairs.datasets

    def inputs(self) -> list[str]:
        """Return what tells the data sets and a checkpoint file from others of the same name."""
        return [*super().inputs(), *model_inputs(self.model)]

    def seconds(self) -> float:
        """Return roughly how long the drawings take."""
        return _SECONDS + _SECONDS_A_ROW_AND_DRAWING * self.pairs.card.n * self.repeats

    def compute(self, progress: Progress) -> FewResult:
        """Return the curve.

        Args:
            progress: told the share that is done.

        Raises:
            LabError: too few materials.
        """
        pairs = self.pairs.open().pairs
        return few_from_pretrained(
            pairs.containing(self.elements) if self.elements else pairs,
            model=self.model,
            strength=self.strength,
            repeats=self.repeats,
            seed=self.seed,
            progress=progress,
        )
