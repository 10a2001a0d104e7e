"""Study: the MP2020 corrections of a data set's materials, rebuilt."""

from typing import ClassVar

from core.errors import LabError
from core.frames.pairs import PairSet
from core.frames.registry import find_dataset, open_dataset
from core.progress import Progress
from core.reference.formation.corrections import Rebuilt, mp2020_corrections
from core.studies.study import Study

_SECONDS = 0.5
_SECONDS_A_ROW = 1e-3


class CorrectionsStudy(Study):
    """Corrected minus uncorrected energy of every row of a data set of pairs.

    Attributes:
        dataset: the pairs.
    """

    kind: ClassVar[str] = "corrections"
    result: ClassVar[type] = Rebuilt

    dataset: str

    @property
    def datasets(self) -> list[str]:
        """The data set."""
        return [self.dataset]

    def seconds(self) -> float:
        """Return roughly how long pymatgen takes for as many compositions and structures."""
        return _SECONDS + _SECONDS_A_ROW * find_dataset(self.dataset).card.n

    def compute(self, progress: Progress) -> Rebuilt:
        """Return the corrections.

        Args:
            progress: told the share that is done.

        Raises:
            LabError: the data set holds frames.
        """
        data = open_dataset(self.dataset)
        if not isinstance(data, PairSet):
            raise LabError(f"{self.dataset}: holds frames; choose a data set of pairs.")
        formulas = data.table()["formula"].to_numpy()
        return mp2020_corrections(formulas, structures=data, progress=progress)
