"""Study: a model's interaction energies of a data set, which fits of `residual` need."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from core.frames.pairs import PairSet
from core.frames.registry import find_dataset, open_dataset
from core.progress import Progress
from core.studies.study import ModelStudy

_SECONDS = 1.0
_SECONDS_PER_STRUCTURE = 0.02


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Interaction:
    """How many interaction energies were computed; the energies are in the cache that fits read.

    Attributes:
        n: number of structures that have one.
        n_left_out: number of structures that CHGNet cannot represent.
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
        """Return roughly how long it takes with an empty cache."""
        return _SECONDS + _SECONDS_PER_STRUCTURE * find_dataset(self.dataset).card.n

    def compute(self, progress: Progress) -> Interaction:
        """Compute the interaction energies that are not in the cache.

        Args:
            progress: reports how many are done.

        Raises:
            LabError: if there is no such data set or model.
        """
        # Only the computation imports torch.
        from core.transfer.interaction import interaction_energies  # noqa: PLC0415

        data = open_dataset(self.dataset)
        rows = np.arange(len(data))
        if isinstance(data, PairSet):
            rows = np.flatnonzero(data.structure_flags())
        energies = interaction_energies(data, self.source, rows=rows, progress=progress)
        n = int(np.isfinite(energies).sum())
        return Interaction(n=n, n_left_out=len(rows) - n)
