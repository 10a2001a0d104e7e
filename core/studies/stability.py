"""Study: how well a model tells stability, by formation and decomposition energies."""

from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from core.frames.registry import find_dataset, open_dataset
from core.frames.splits import split_by_material
from core.frames.store import FrameSet
from core.potential.relaxation.settings import RelaxSettings
from core.progress import Progress
from core.runs.record.named_models import split_for_model
from core.stability.duration import seconds_per_structure
from core.stability.model_stability import ModelStability
from core.studies.study import ModelStudy, file_input

SPLITS = ("test", "all")
"""Which materials of a data set may be scored."""

_SECONDS = 3.0
_TEST = 0.1
_COMPETITORS = 1.5
"""Structures predicted per material scored, as far as there are so many."""


class StabilityStudy(ModelStudy):
    """A model's formation and decomposition energies beside those of labels.

    Attributes:
        dataset: frames, or pairs with structures.
        column: of pairs: the reference's energies; None takes those of the model's functional.
        references: the elements' energies: "mp" (Materials Project's, DFT), "own" (each source's
            own), or the path of a table.
        relaxation: when relaxations end; None takes the structures as they are.
        split: the materials that may be scored: those of the data set's test set, or all.
        most: largest number of materials that are scored; a sample, the same every time.
    """

    kind: ClassVar[str] = "stability"
    version: ClassVar[int] = 2
    result: ClassVar[type] = ModelStability

    dataset: str
    column: str | None = None
    references: str = "mp"
    relaxation: RelaxSettings | None = None
    split: Literal["test", "all"] = "test"
    most: int = Field(default=1000, ge=1)

    @property
    def datasets(self) -> list[str]:
        """The data set."""
        return [self.dataset]

    def inputs(self) -> list[str]:
        """Return what identifies the data set, the model and a table of references."""
        table = Path(self.references)
        return [*super().inputs(), *([file_input(table)] if table.is_file() else [])]

    def seconds(self) -> float:
        """Return roughly how long it takes if no energy is cached yet."""
        n = find_dataset(self.dataset).card.n_materials
        scored = min(self.most, n if self.split == "all" else _TEST * n)
        per_structure = seconds_per_structure(relaxed=self.relaxation is not None)
        return _SECONDS + per_structure * min(_COMPETITORS * scored, n)

    def compute(self, progress: Progress) -> ModelStability:
        """Compute the model's energies.

        Args:
            progress: receives the share that is done.

        Raises:
            LabError: if functionals or corrections of model and data differ, or there are no
                structures or nothing to score.
        """
        # Only the computation imports torch: saved results open without it.
        from core.stability.of_model import ModelEnergies, stability_of  # noqa: PLC0415

        data = open_dataset(self.dataset)
        rows = np.arange(len(data))
        if self.split == "test":
            split = (
                split_for_model(self.model, data)
                if isinstance(data, FrameSet)
                else split_by_material(data.material_ids(), seed=data.card.split_seed)
            )
            rows = split.test
        is_file = Path(self.model).is_file()
        return stability_of(
            ModelEnergies(
                model=self.source,
                name=Path(self.model).name if is_file else self.model,
                relaxation=self.relaxation,
            ),
            data,
            rows,
            column=self.column,
            references=self.references,
            most=self.most,
            progress=progress,
        )
