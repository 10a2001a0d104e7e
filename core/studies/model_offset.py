"""Study: how much of a model's error on a data set is only offset."""

from typing import ClassVar

from pydantic import Field

from core.frames.registry import find_dataset
from core.progress import Progress
from core.reference.shifts.labelled import labelled_energies
from core.runs.record.named_models import checkpoint_of
from core.studies.study import Study, model_inputs
from core.transfer.model_offset import ModelOffset, model_offset

_SECONDS_A_FRAME = 0.02


class OffsetStudy(Study):
    """A model's error on a data set with four sets of references.

    Attributes:
        dataset: a data set of frames or of pairs.
        column: of pairs: the column of energies.
        model: a released model's name, a run (its best checkpoint), or a checkpoint file.
        most: rows to look at, at most.
        seed: of the sample.
        strength: pull toward the prior in `residual`.
    """

    kind: ClassVar[str] = "offset"
    result: ClassVar[type] = ModelOffset

    dataset: str
    column: str | None = None
    model: str = "chgnet-0.3.0"
    most: int = Field(default=1000, ge=5)
    seed: int = 0
    strength: float = Field(default=1e-2, gt=0)

    @property
    def datasets(self) -> list[str]:
        """The data set."""
        return [self.dataset]

    def inputs(self) -> list[str]:
        """Return what tells the data set and a checkpoint file from others of the same name."""
        return [*super().inputs(), *model_inputs(self.model)]

    def seconds(self) -> float:
        """Return roughly how long the interaction energies take where none is known yet."""
        return 3.0 + _SECONDS_A_FRAME * min(self.most, find_dataset(self.dataset).card.n)

    def compute(self, progress: Progress) -> ModelOffset:
        """Return the errors.

        Args:
            progress: told the share that is done.

        Raises:
            LabError: no structures, no such model, or fewer than five materials.
        """
        return model_offset(
            labelled_energies(self.dataset, self.column),
            checkpoint_of(self.model),
            most=self.most,
            seed=self.seed,
            strength=self.strength,
            progress=progress,
        )
