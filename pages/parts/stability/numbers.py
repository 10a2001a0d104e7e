"""The numbers of every model, and the threshold of stability."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.report.stability import MEV, Judged, number, numbers_of, unseen_text
from pages.parts.shared.page import plain

MOST = 200
"""meV/atom above the hull at the end of the slider."""

FEW = 6
"""Rows that are shown without scrolling."""


def choose_threshold() -> float:
    """Show the threshold up to which a phase counts as stable; return it in meV/atom."""
    return st.slider(
        "Stable up to, meV/atom above the hull",
        min_value=0,
        max_value=MOST,
        value=0,
        step=5,
        key="threshold",
        bind="query-params",
        help="0: only phases on the hull. Common choices are 25 to 100 meV/atom, up to which "
        "phases have been synthesized. It holds for reference and model alike.",
    )


def show_numbers(models: Sequence[Judged], threshold: float) -> None:
    """Show MAE, F1 and counts: boxes for one model, a table for several."""
    if len(models) == 1:
        show_boxes(models[0], threshold)
    else:
        st.dataframe(
            [numbers_of(judged, threshold) for judged in models],
            key="stability-numbers",
            hide_index=True,
            column_config={
                "model": "Model",
                "decomposition": st.column_config.NumberColumn(
                    "Decomposition MAE, meV/atom", format="%.1f"
                ),
                "formation": st.column_config.NumberColumn(
                    "Formation MAE, meV/atom", format="%.1f"
                ),
                **{
                    score: st.column_config.NumberColumn(score.capitalize(), format="%.3f")
                    for score in ("f1", "precision", "recall")
                },
                "auc": st.column_config.NumberColumn("ROC AUC", format="%.3f"),
                "n": st.column_config.NumberColumn("Phases", format="localized"),
                "left_out": st.column_config.NumberColumn("Left out", format="localized"),
            },
        )


def show_boxes(judged: Judged, threshold: float) -> None:
    """Show the numbers of one model."""
    found = numbers_of(judged, threshold)
    scores = judged.comparison.classification(threshold / MEV)
    boxes = st.columns([5, 5, 4, 5])
    boxes[0].metric(
        "Decomposition MAE, meV/atom",
        number(found["decomposition"], 1),
        border=True,
        help="Mean absolute error of the decomposition energies: what is left of a model's errors "
        "after those that a phase shares with its competitors.",
    )
    boxes[1].metric("Formation MAE, meV/atom", number(found["formation"], 1), border=True)
    boxes[2].metric(
        "F1",
        number(found["f1"], 3),
        border=True,
        help=f"Harmonic mean of precision ({number(scores.precision, 3)}) and recall "
        f"({number(scores.recall, 3)}) for stable phases, at the threshold.",
    )
    boxes[3].metric(
        "Stable phases",
        f"{scores.true_positive + scores.false_negative:,} of {scores.n:,}",
        border=True,
        help="By the reference, among the compounds scored. Pure elements are the zero of "
        "formation energies, so they are not scored.",
    )


def show_left_out(judged: Judged) -> None:
    """Show what is not compared or only in part, and why."""
    found, comparison = judged.found, judged.comparison
    show_unseen(judged)
    tables: dict[str, Any] = {
        "Phases left out": comparison.left_out,
        "Relaxations that did not converge, whose last energies count": [
            {"id": name, "why": why} for name, why in found.not_converged.items()
        ],
    }
    for what, table in tables.items():
        if not len(table):
            continue
        with st.expander(f"{what}: {len(table):,}", icon=":material/rule:"):
            st.dataframe(
                table,
                key=f"left-out-{what}",
                hide_index=True,
                column_config={
                    "id": "Phase",
                    "formula": "Formula",
                    "system": "Chemical system",
                    "why": st.column_config.TextColumn("Why", width="large"),
                },
                height=260 if len(table) > FEW else "content",
            )


def show_unseen(judged: Judged) -> None:
    """Show the errors without elements that the model never saw, where there are any."""
    if text := unseen_text(judged):
        st.caption(plain(text))
