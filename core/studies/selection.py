"""Which materials' energies in two functionals a study compares."""

import shlex

from pydantic import BaseModel, ConfigDict

from core.errors import LabError
from core.frames.pairs import PairSet
from core.frames.registry import find_dataset, open_dataset
from core.frames.store import FrameSet
from core.reference.shifts.pairs import PairedEnergies


class PairSelection(BaseModel):
    """Two energy columns of one data set of pairs, or two data sets of the same frames.

    Attributes:
        dataset: the pairs, or the frames in the source functional.
        other: the frames in the target functional; None for pairs.
        source: column of source energies; None for frames.
        target: column of target energies; None for frames.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str
    other: str | None = None
    source: str | None = None
    target: str | None = None

    @property
    def datasets(self) -> list[str]:
        """Names of the data sets."""
        return [self.dataset] if self.other is None else [self.dataset, self.other]

    @property
    def n(self) -> int:
        """Rows of the first data set, by its card."""
        return find_dataset(self.dataset).card.n

    @property
    def arguments(self) -> str:
        """The same choice as arguments of `python -m core shift`."""
        if self.other is not None:
            return shlex.join([self.dataset, self.other])
        columns = ["--source", self.source or "", "--target", self.target or ""]
        return shlex.join([self.dataset, *columns])

    def open(self) -> tuple[FrameSet | PairSet, PairedEnergies]:
        """Return the data set that holds the rows, and its energies in the two functionals.

        Raises:
            LabError: no such data set or column, or nothing that both functionals share.
        """
        data = open_dataset(self.dataset)
        if isinstance(data, PairSet):
            return data, PairedEnergies.from_pair_set(data, self.source or "", self.target or "")
        other = open_dataset(self.other or "")
        if not isinstance(other, FrameSet):
            raise LabError(f"{self.other}: holds pairs; choose a data set of frames instead.")
        return data, PairedEnergies.from_frame_sets(data, other)
