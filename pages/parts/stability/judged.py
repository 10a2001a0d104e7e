"""One model's stability beside that of its reference, as the views of the page show it."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import streamlit as st

from core.report.looks import looks_of
from core.report.stability import MEV, THRESHOLDS, Judged, source_of
from core.stability.comparison import Comparison, Convention
from core.stability.curves import roc_table, score_table
from core.stability.model_stability import ModelStability
from pages.parts.shared.job import computed
from pages.parts.shared.page import is_dark
from pages.parts.shared.views import one_of
from pages.parts.stability.form import Question

BY_KEY: dict[str | type, Any] = {Judged: attrgetter("key")}
"""Hash functions for caches: a model's comparison is identified by its key."""


@st.cache_data(max_entries=32, show_spinner=False, hash_funcs=BY_KEY)
def scores_of(judged: Judged) -> Any:
    """Return the scores at all thresholds."""
    return score_table(judged.comparison, THRESHOLDS)


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=BY_KEY)
def roc_of(judged: Judged, threshold: float) -> tuple[Any, float]:
    """Return the ROC curve and the area under it, for a threshold in meV/atom."""
    curve = judged.comparison.roc(threshold / MEV)
    return roc_table(curve), curve.auc


@st.cache_data(max_entries=32, show_spinner=False, hash_funcs=BY_KEY)
def systems_of(judged: Judged) -> Any:
    """Return the errors by chemical system, the largest first."""
    return judged.comparison.systems


def judged_models(question: Question) -> list[Judged]:
    """Return the models that have been computed; the others show their state and controls."""
    looks = looks_of([study.model for study in question.studies], dark=is_dark())
    models = []
    for study in question.studies:
        found: ModelStability | None = computed(study)
        if found is None:
            continue
        label, color, dash = looks[study.model]
        key = f"{study.key()} {question.convention}"
        models.append(
            Judged(
                name=study.model,
                label=label,
                color=color,
                dash=dash,
                study=study,
                found=found,
                comparison=compared(key, found, question.convention),
                source=source_of(study, found),
                key=key,
            )
        )
    return models


@st.cache_resource(max_entries=16, show_spinner="Comparing hulls …")
def compared(
    key: str,  # noqa: ARG001  part of the cache's key
    _found: ModelStability,
    convention: Convention,
) -> Comparison:
    """Return the comparison of a model, made once for all readers."""
    return _found.comparison(convention)


def choose_model(models: Sequence[Judged]) -> Judged:
    """Show the choice of the model that a view is about, where there are several."""
    if len(models) == 1:
        return models[0]
    by_name = {judged.name: judged for judged in models}
    name = one_of(
        st,
        "Model shown",
        list(by_name),
        format_func=lambda name: by_name[name].label,
        default=models[0].name,
        key="shown-model",
        wrap=True,
        help="The model whose errors and hulls are drawn below.",
    )
    return by_name[name]
