"""Which models are compared, on which frames, and what they predict there."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

import streamlit as st

from core.frames.provenance import Provenance
from core.frames.schema import Card
from core.potential.released import MODELS
from core.studies.models.error_groups import common, containing
from core.studies.models.labelled import MOST, LabelledStudy, ModelErrors, Part
from core.training.scoring.frame_errors import FrameErrors
from pages.parts.shared.datasets import available, choose
from pages.parts.shared.job import computed
from pages.parts.shared.models import choose_models
from pages.parts.shared.page import errors_shown, plain
from pages.parts.shared.pairs import choose_elements
from pages.parts.shared.views import number, one_of


@dataclass(kw_only=True, frozen=True)
class Question:
    """What the page is about.

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
    elements: tuple[str, ...]
    any_of: bool

    def command(self, model: str, words: list[str]) -> str:
        """Return the command that does the same for a model."""
        line = ["atomref", "evaluate", model, "--dataset", self.card.name, "--split", self.part]
        line += ["--frames", str(self.most)]
        line += [word for symbol in self.elements for word in ("--element", symbol)]
        line += ["--any"] if self.any_of else []
        return shlex.join([*line, *words])


@dataclass(kw_only=True, frozen=True)
class Compared:
    """What models predict on the same frames.

    Attributes:
        question: what was asked.
        errors: labels and predictions, by model.
    """

    question: Question
    errors: Mapping[str, FrameErrors]

    @property
    def first(self) -> FrameErrors:
        """Those of the first model."""
        return next(iter(self.errors.values()))

    @property
    def source(self) -> Provenance:
        """Where the figures come from."""
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


def choose_question() -> Question | None:
    """Show the choice of models, data set and frames; None while something is missing."""
    left, right = st.columns(2)
    models = choose_models(left, default=list(MODELS))
    with right:
        info = choose(
            "Data set",
            available("frames"),
            key="dataset",
            help_text="Labelled frames: embedded ones, or your own from the Data page.",
        )
    if info is None:
        return None
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    part: Part = one_of(
        left,
        "Frames",
        list(get_args(Part)),
        default="test",
        key="part",
        wrap=True,
        help="Test frames are the ones that a run has not seen; of other models it is not known.",
    )
    most = number(
        right, "Frames at most", "most", min_value=10, max_value=1_000_000, value=MOST, step=100
    )
    elements, any_of = choose_elements()
    if not models:
        st.info("Choose at least one model.")
        return None
    return Question(
        models=models, card=info.card, part=part, most=most, elements=elements, any_of=any_of
    )


def compared(question: Question) -> Compared | None:
    """Show what to know of the models, and return what those that are done predict."""
    found: dict[str, FrameErrors] = {}
    for model in question.models:
        with errors_shown():
            study = LabelledStudy(
                model=model, dataset=question.card.name, part=question.part, most=question.most
            )
            one: ModelErrors | None = computed(study, what=f"The errors of {model}")
            if one is None:
                continue
            found[model] = one.frames
            if one.mismatch:
                st.warning(plain(f"{model}: {one.mismatch}"), icon=":material/warning:")
            if one.unseen:
                st.warning(
                    plain(f"{model} has seen no {', '.join(one.unseen)} in training."),
                    icon=":material/visibility_off:",
                )
    if not found:
        return None
    same = common(found)
    first = next(iter(same.values()))
    flags = containing(first, question.elements, any_of=question.any_of)
    if not flags.any():
        st.info("None of these frames holds these elements; choose others, or more frames.")
        return None
    return Compared(
        question=question, errors={model: one.only(flags) for model, one in same.items()}
    )
