"""Study: a model's interaction energies of a data set, for the fits that need them."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from core.frames.pairs import PairSet
from core.frames.registry import find_dataset, open_dataset
from core.progress import Progress
from core.runs.record.named_models import checkpoint_of
from core.studies.study import ModelStudy
from core.transfer.interaction import interaction_energies

_SECONDS = 1.0
_SECONDS_A_STRUCTURE = 0.02


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Interaction:
    """That interaction energies are known; they themselves lie where fits look for them.

    Attributes:
        n: Structures that have one.
        n_left_out: Structures that CHGNet cannot represent.
    """

    n: int
    n_left_out: int


class InteractionStudy(ModelStudy):
    """Interaction energies of all structures of a data set.

    Attributes:
        dataset: a data set of frames or of pairs.
    """

    kind: ClassVar[str] = "interaction"
    result: ClassVar[type] = Interaction

    dataset: str

    @property
    def datasets(self) -> list[str]:
        """The data set."""
        return [self.dataset]

    def seconds(self) -> float:
        """Return roughly how long it takes where none is known yet."""
        return _SECONDS + _SECONDS_A_STRUCTURE * find_dataset(self.dataset).card.n

    def compute(self, progress: Progress) -> Interaction:
        """Compute what is not known yet.

        Args:
            progress: told how many are done.

        Raises:
            LabError: no such data set or model.
        """
        data = open_dataset(self.dataset)
        rows = np.arange(len(data))
        if isinstance(data, PairSet):
            rows = np.flatnonzero(data.structure_flags())
        energies = interaction_energies(
            data,
            checkpoint_of(self.model),
            indices=rows,
            progress=progress,
        )
        known = int(np.isfinite(energies).sum())
        return Interaction(n=known, n_left_out=len(rows) - known)
