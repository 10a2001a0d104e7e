"""Several models on the same labelled frames: what is asked, and what they predict there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from core.elements import INDEX
from core.errors import LabError
from core.frames.provenance import Provenance
from core.frames.schema import Card
from core.studies.models.error_groups import common, containing
from core.studies.models.labelled import DistancesStudy, LabelledStudy, ModelErrors, Part
from core.training.scoring.frame_errors import KINDS, FrameErrors


@dataclass(kw_only=True, frozen=True)
class Question:
    """Which models are compared, on which frames.

    Attributes:
        models: the models, as commands take them.
        card: of the data set.
        part: which of its frames.
        most: largest number of frames.
        elements: only frames that contain these.
        any_of: whether one of them is enough.
    """

    models: list[str]
    card: Card
    part: Part
    most: int
    elements: tuple[str, ...] = ()
    any_of: bool = False

    def errors_of(self, model: str) -> LabelledStudy:
        """Return the study of one model's errors."""
        return LabelledStudy(model=model, dataset=self.card.name, part=self.part, most=self.most)

    def distances_by(self, model: str) -> DistancesStudy:
        """Return the study of how far the frames lie from what one model knows."""
        return DistancesStudy(model=model, dataset=self.card.name, part=self.part, most=self.most)


@dataclass(kw_only=True, frozen=True)
class Compared:
    """What models predict on the same frames.

    Attributes:
        question: what was asked.
        errors: labels and predictions, by model.
    """

    question: Question
    errors: Mapping[str, FrameErrors]

    @classmethod
    def of(cls, question: Question, found: Mapping[str, ModelErrors]) -> Self:
        """Return the errors on the frames that all models were asked for.

        Args:
            question: what was asked.
            found: what the models predict, by model; at least one.

        Raises:
            LabError: if an element is none, or no frame holds the elements.
        """
        for symbol in question.elements:
            if symbol not in INDEX:
                raise LabError(f"{symbol} is not an element from H to Pu; give symbols such as Fe.")
        same = common({model: one.frames for model, one in found.items()})
        first = next(iter(same.values()))
        flags = containing(first, question.elements, any_of=question.any_of)
        if not flags.any():
            words = (" or " if question.any_of else ", ").join(question.elements)
            raise LabError(
                f"{question.card.name}: none of these frames contains {words}; choose other "
                "elements, or more frames."
                if len(flags)
                else f"{question.card.name}: the models have no frames in common; choose all."
            )
        return cls(
            question=question, errors={model: one.only(flags) for model, one in same.items()}
        )

    @property
    def first(self) -> FrameErrors:
        """Those of the first model."""
        return next(iter(self.errors.values()))

    @property
    def source(self) -> Provenance:
        """Where the numbers come from."""
        card, first = self.question.card, self.first
        words = " or " if self.question.any_of else ", "
        only = f" with {words.join(self.question.elements)}" if self.question.elements else ""
        functional = card.functional or "unknown"
        return Provenance(
            data=card.name,
            labels=[card.labels],
            details=f"{len(first.rows):,} frames{only} of {first.n_available:,} "
            f"({self.question.part}), {functional}.",
        )

    def check_kind(self, kind: str) -> None:
        """Refuse a kind of label that the frames lack.

        Raises:
            LabError: if no frame has such a label.
        """
        if kind not in self.first.kinds:
            raise LabError(
                f"{self.question.card.name}: these frames have no labels of "
                f"{KINDS[kind][0].lower()}; choose --kind {' or '.join(self.first.kinds)}."
            )
