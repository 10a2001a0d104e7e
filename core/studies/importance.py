"""Study: which elements make two functionals disagree."""

from dataclasses import dataclass
from typing import ClassVar

from pydantic import Field

from core.progress import Progress, part
from core.reference.formation.corrections import without_corrections
from core.reference.formation.energies import Named
from core.reference.importance.analysis import (
    MOST_EXPLAINED,
    Explained,
    Importance,
    importance,
)
from core.studies.selection import PairSelection
from core.studies.study import Study

_SECONDS = 1.5
_SECONDS_A_ROW = 1e-4
_SECONDS_AN_EXPLAINED_ROW = 3e-4
_SECONDS_A_CORRECTION = 1e-3


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class ImportanceResult:
    """Feature importance of a data set.

    Attributes:
        found: What the trees say.
        corrections: Whether MP2020 corrections are in the source energies.
        origin: Where uncorrected energies come from; empty for energies as they are.
        rebuilt: Whether uncorrected energies are rebuilt ones.
    """

    found: Importance
    corrections: str
    origin: str
    rebuilt: bool


class ImportanceStudy(Study):
    """Mean |SHAP| of each element for the difference of two functionals.

    Attributes:
        pairs: the materials and their two energies.
        explained: what is explained.
        references: of formation energies: Materials Project's or the data set's own.
        uncorrected: whether MP2020 corrections are taken out of the source energies.
        seed: of folds and sample.
    """

    kind: ClassVar[str] = "importance"
    result: ClassVar[type] = ImportanceResult

    pairs: PairSelection
    explained: Explained = "formation"
    references: Named = "mp"
    uncorrected: bool = False
    seed: int = Field(default=0, ge=0)

    @property
    def datasets(self) -> list[str]:
        """Those of the pairs."""
        return self.pairs.datasets

    def seconds(self) -> float:
        """Return roughly how long it takes, with corrections to rebuild if they are to go."""
        n = self.pairs.card.n
        told = _SECONDS + _SECONDS_A_ROW * n + _SECONDS_AN_EXPLAINED_ROW * min(n, MOST_EXPLAINED)
        return told + _SECONDS_A_CORRECTION * n * self._rebuilds()

    def _rebuilds(self) -> bool:
        """Tell by the card whether uncorrected energies may have to be rebuilt."""
        energies = self.pairs.card.energies
        source = {one.functional for one in energies if one.column == self.pairs.source}
        own = {one.functional for one in energies if one.corrections == "none"}
        return self.uncorrected and not source & own

    def compute(self, progress: Progress) -> ImportanceResult:
        """Return the importance of each element.

        Args:
            progress: told the share that is done.

        Raises:
            LabError: fewer than five materials, no references, or no corrections to take out.
        """
        opened = self.pairs.open()
        pairs = opened.pairs
        origin, rebuilt, begin = "", False, 0.0
        if self.uncorrected:
            begin = 0.5
            taken = without_corrections(pairs, opened.data, progress=part(progress, 0.0, begin))
            pairs, origin, rebuilt = taken.pairs, taken.origin, taken.rebuilt
        found = importance(
            pairs,
            explained=self.explained,
            references=self.references,
            seed=self.seed,
            progress=part(progress, begin, 1.0),
        )
        return ImportanceResult(
            found=found, corrections=pairs.source_corrections, origin=origin, rebuilt=rebuilt
        )
