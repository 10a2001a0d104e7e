"""Study: MP2020 corrections of a data set's materials, rebuilt."""

from typing import ClassVar

from core.errors import LabError
from core.frames.pairs import PairSet
from core.progress import Progress
from core.reference.formation.corrections import RebuiltCorrections, mp2020_corrections
from core.studies.selection import open_data
from core.studies.study import Study

_SECONDS = 0.5
_SECONDS_PER_ROW = 1e-3


class CorrectionsStudy(Study):
    """Corrected minus uncorrected energy of every row of a data set of pairs.

    Attributes:
        dataset: name of the pairs, or absolute path of a table file.
    """

    kind: ClassVar[str] = "corrections"
    result: ClassVar[type] = RebuiltCorrections

    dataset: str

    @property
    def datasets(self) -> list[str]:
        """The data set."""
        return [self.dataset]

    def seconds(self) -> float:
        """Return the approximate time pymatgen takes for this number of materials."""
        return _SECONDS + _SECONDS_PER_ROW * open_data(self.dataset).card.n

    def compute(self, progress: Progress) -> RebuiltCorrections:
        """Return the corrections.

        Args:
            progress: receives the share that is done.

        Raises:
            LabError: if the data set holds frames.
        """
        data = open_data(self.dataset)
        if not isinstance(data, PairSet):
            raise LabError(f"{self.dataset}: holds frames; choose a data set of pairs.")
        formulas = data.table()["formula"].to_numpy()
        return mp2020_corrections(formulas, structures=data, progress=progress)
