"""Study: which elements make two functionals disagree."""

from dataclasses import dataclass
from typing import ClassVar

from pydantic import Field

from core.frames.schema import Corrections
from core.progress import Progress, part
from core.reference.formation.corrections import without_corrections
from core.reference.formation.energies import KINDS
from core.reference.importance.analysis import (
    MOST_EXPLAINED,
    Explained,
    Importance,
    importance,
)
from core.studies.selection import PairSelection
from core.studies.study import Study

_SECONDS = 1.5
_SECONDS_PER_ROW = 1e-4
_SECONDS_PER_EXPLAINED_ROW = 3e-4
_SECONDS_PER_CORRECTION = 1e-3


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class ImportanceResult:
    """Feature importance of some pairs.

    Attributes:
        importance: importance of the elements.
        corrections: whether MP2020 corrections are in the source energies.
        origin: where uncorrected energies come from; empty for energies as they are.
        rebuilt: whether uncorrected energies were computed from corrected ones.
    """

    importance: Importance
    corrections: Corrections
    origin: str
    rebuilt: bool


class ImportanceStudy(Study):
    """Mean |SHAP| of each element for the difference of two functionals.

    Attributes:
        pairs: the materials and their two energies.
        explained: what is explained.
        references: of formation energies: "mp" (Materials Project's elements), "own" (the data
            set's) or the absolute path of a table file.
        uncorrected: whether MP2020 corrections are removed from the source energies.
        seed: seed of the folds and of the explained sample.
    """

    kind: ClassVar[str] = "importance"
    result: ClassVar[type] = ImportanceResult

    pairs: PairSelection
    explained: Explained = "formation"
    references: str = "mp"
    uncorrected: bool = False
    seed: int = Field(default=0, ge=0)

    @property
    def datasets(self) -> list[str]:
        """Those of the pairs, and the table of references."""
        tables = [] if self.references in KINDS else [self.references]
        return [*self.pairs.datasets, *tables]

    def seconds(self) -> float:
        """Return the approximate time, including corrections that have to be rebuilt."""
        n = self.pairs.card.n
        seconds = _SECONDS + _SECONDS_PER_ROW * n
        seconds += _SECONDS_PER_EXPLAINED_ROW * min(n, MOST_EXPLAINED)
        return seconds + _SECONDS_PER_CORRECTION * n * self._rebuilds()

    def _rebuilds(self) -> bool:
        """Return whether uncorrected energies may have to be rebuilt, judging by the card."""
        energies = self.pairs.card.energies
        source = {energy.functional for energy in energies if energy.column == self.pairs.source}
        stored = {energy.functional for energy in energies if energy.corrections == "none"}
        return self.uncorrected and not source & stored

    def compute(self, progress: Progress) -> ImportanceResult:
        """Return the importance of each element.

        Args:
            progress: receives the share that is done.

        Raises:
            LabError: if there are fewer than five materials, no references, or no corrections to
                remove.
        """
        opened = self.pairs.open()
        pairs = opened.pairs
        origin, rebuilt, begin = "", False, 0.0
        if self.uncorrected:
            begin = 0.5
            without = without_corrections(pairs, opened.data, progress=part(progress, 0.0, begin))
            pairs, origin, rebuilt = without.pairs, without.origin, without.rebuilt
        result = importance(
            pairs,
            explained=self.explained,
            references=self.references,
            seed=self.seed,
            progress=part(progress, begin, 1.0),
        )
        return ImportanceResult(
            importance=result,
            corrections=pairs.source_corrections,
            origin=origin,
            rebuilt=rebuilt,
        )
