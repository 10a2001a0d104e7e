"""Stable or not: the confusion of one model, and scores and ROC curves of all."""

from collections.abc import Sequence

import streamlit as st

from core.figures.stability.classification import roc, score_curves
from core.report.stability import MEV, Judged, confused, number
from pages.parts.shared.figure import show
from pages.parts.shared.page import is_dark, plain
from pages.parts.stability.judged import roc_of, scores_of


def show_scores(models: Sequence[Judged], judged: Judged, threshold: float) -> list[str]:
    """Show the view, at a threshold in meV/atom; the command needs no options for it."""
    left, right = st.columns(2, gap="medium")
    with left:
        show_confusion(judged, threshold)
    with right:
        show_roc(models, threshold)
    table = scores_of(judged)
    show(
        score_curves(
            [each.line(scores_of(each)) for each in models], threshold=threshold, dark=is_dark()
        ),
        name="stability-scores",
        caption="F1, precision and recall against the threshold; the line marks the chosen one. "
        "A higher threshold counts more phases as stable on both sides, so scores rise even where "
        "energies do not improve.",
        source=judged.source,
        table=lambda: table,
    )
    return []


def show_confusion(judged: Judged, threshold: float) -> None:
    """Show how many phases both, one or none of reference and model call stable."""
    scores = judged.comparison.classification(threshold / MEV)
    show(
        confused(judged, threshold, dark=is_dark()),
        name="stability-confusion",
        caption=f"At {threshold:g} meV/atom: of {scores.true_positive + scores.false_positive:,} "
        f"phases that {plain(judged.label)} calls stable, {scores.true_positive:,} are "
        f"(precision {number(scores.precision, 3)}); of "
        f"{scores.true_positive + scores.false_negative:,} stable phases it finds "
        f"{scores.true_positive:,} (recall {number(scores.recall, 3)}).",
        source=judged.source,
        table=lambda: scores_of(judged),
    )


def show_roc(models: Sequence[Judged], threshold: float) -> None:
    """Show the ROC curves of all models."""
    curves = {judged.label: roc_of(judged, threshold) for judged in models}
    areas = ", ".join(f"{plain(name)} {number(area, 3)}" for name, (_, area) in curves.items())
    show(
        roc([judged.line(curves[judged.label][0]) for judged in models], dark=is_dark()),
        name="stability-roc",
        caption=f"Phases within {threshold:g} meV/atom by the reference count as stable; the "
        f"model's threshold runs along the curve. Area under it (0.5 by chance): {areas}.",
        source=models[0].source,
        table=lambda: next(iter(curves.values()))[0],
    )
