"""Which models are compared, on which frames, and what they predict there."""

import shlex
from typing import get_args

import streamlit as st

from core.potential.released import MODELS
from core.report.models.compared import mismatch_text, unseen_text
from core.studies.models.compared import Compared, Question
from core.studies.models.labelled import MOST, ModelErrors, Part
from pages.parts.shared.datasets import available, choose
from pages.parts.shared.job import computed
from pages.parts.shared.models import choose_models
from pages.parts.shared.page import errors_shown, plain
from pages.parts.shared.pairs import choose_elements
from pages.parts.shared.views import number, one_of


def command_of(question: Question, words: list[str]) -> str:
    """Return the command that does the same.

    Args:
        question: what the page is about.
        words: options of the view.
    """
    line = ["atomref", "evaluate", *question.models, "--dataset", question.card.name]
    line += ["--split", question.part, "--frames", str(question.most)]
    line += [word for symbol in question.elements for word in ("--element", symbol)]
    line += ["--any"] if question.any_of else []
    return shlex.join([*line, *words])


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
    """Show what to know of the models, and return what those that are done predict.

    Raises:
        LabError: if none of the frames holds the elements.
    """
    told: dict[str, ModelErrors] = {}
    for model in question.models:
        with errors_shown():
            one: ModelErrors | None = computed(
                question.errors_of(model), what=f"The errors of {model}"
            )
            if one is None:
                continue
            told[model] = one
            if text := mismatch_text(model, one):
                st.warning(plain(text), icon=":material/warning:")
            if text := unseen_text(model, one):
                st.warning(plain(text), icon=":material/visibility_off:")
    return Compared.of(question, told) if told else None
