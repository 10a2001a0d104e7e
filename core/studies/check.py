"""Study: what would ruin a fine-tuning on a data set."""

from typing import ClassVar

from core.checks.diagnosis import Diagnosis
from core.frames.registry import find_dataset, open_frame_set
from core.progress import Progress
from core.studies.study import ModelStudy

_SECONDS = 12.0
_SECONDS_PER_FRAME = 3e-5
_SECONDS_PER_PREDICTION = 0.03
_PREDICTED = 330
"""Frames that the network evaluates at most."""


class CheckStudy(ModelStudy):
    """What the doctor finds in a data set of frames.

    Attributes:
        dataset: the data set.
    """

    kind: ClassVar[str] = "check"
    result: ClassVar[type] = Diagnosis

    dataset: str

    @property
    def datasets(self) -> list[str]:
        """Name of the data set."""
        return [self.dataset]

    def inputs(self) -> list[str]:
        """Return what identifies the data set, what its card says, and the model."""
        return [*super().inputs(), find_dataset(self.dataset).card.model_dump_json()]

    def seconds(self) -> float:
        """Return roughly how long it takes if nothing is cached yet."""
        n = find_dataset(self.dataset).card.n
        return _SECONDS + _SECONDS_PER_FRAME * n + _SECONDS_PER_PREDICTION * min(n, _PREDICTED)

    def compute(self, progress: Progress) -> Diagnosis:
        """Look for it.

        Args:
            progress: receives the share that is done.

        Raises:
            LabError: if there is no such data set of frames, or no such model.
        """
        # Only the computation imports torch.
        from core.checks.doctor import diagnose  # noqa: PLC0415

        return diagnose(open_frame_set(self.dataset), self.source, progress=progress)
