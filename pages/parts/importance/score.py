"""How well composition explains the difference at all: the basis of every other view."""

import plotly.graph_objects as go
import streamlit as st

from core.figures.base.text import signed
from core.reference.fits.atomref import RARE
from core.reference.importance.interpretation import fold_scores, held_out_table
from core.report.importance import Analysis, held_out
from pages.parts.importance.analysis import BY_KEY
from pages.parts.shared.figure import show
from pages.parts.shared.page import is_dark


def show_strip(analysis: Analysis) -> None:
    """Show the scores of trees and linear fit on held-out materials, above every view."""
    importance, (factor, unit), digits = analysis.importance, analysis.unit, analysis.digits
    metrics = {
        "R², trees": (
            signed(importance.r2_cv, digits=3),
            (
                "Share of the variance of held-out materials that the trees explain, mean of five "
                "folds by material. Importances are only as reliable as this score is high."
            ),
        ),
        "R², linear fit": (
            signed(importance.r2_cv_linear, digits=3),
            "The same for a linear fit to the same fractions on the same folds.",
        ),
        f"MAE, trees, {unit}": (f"{factor * importance.mae.mean():,.{digits}f}", None),
        f"MAE, linear fit, {unit}": (f"{factor * importance.mae_linear.mean():,.{digits}f}", None),
        "Rows": (
            f"{importance.n:,}",
            (
                f"{importance.n_explained:,} of them have exact SHAP values; "
                f"{importance.n_left_out:,} are left out for a missing reference."
            ),
        ),
    }
    for cell, (label, (value, help_text)) in zip(st.columns(5), metrics.items(), strict=True):
        cell.metric(label, value, border=True, help=help_text)
    if importance.missing:
        st.caption(
            f"No reference for {', '.join(importance.missing)}: {importance.n_left_out:,} rows "
            "with them are left out."
        )
    if importance.r2_cv < importance.r2_cv_linear:
        st.info(
            "A linear fit to the fractions does better than the trees here: most of this "
            "difference is one number per element, which is what AtomRef is. SHAP values of the "
            "trees then say less than the difference of the AtomRefs on the AtomRef page.",
            icon=":material/info:",
        )
    if importance.rare:
        st.caption(
            f"In fewer than {RARE} materials, so poorly known: {', '.join(importance.rare)}."
        )


def show_score(analyses: list[Analysis], analysis: Analysis) -> list[str]:
    """Show held-out predictions, and the score of every fold.

    Returns:
        Options of the command that shows the same: none.
    """
    left, right = st.columns([3, 2])
    with left:
        show(
            held_out_figure(analysis, dark=is_dark()),
            name="importance-parity",
            caption="Each material as predicted by trees that were fitted without it: points near "
            "the dashed line are explained by composition alone.",
            source=analysis.source,
            table=lambda: held_out_table(analysis.importance, analysis.choice.pairs),
        )
    number = f"%.{analysis.digits}f"
    for each in analyses:
        right.markdown(f"Scores of source energies {each.name}")
        right.dataframe(
            each.in_unit(fold_scores(each.importance), "mae", "mae_linear"),
            key=f"importance-scores-{each.key}",
            hide_index=True,
            column_config={
                "fold": "Fold",
                "r2": st.column_config.NumberColumn("R², trees", format="%.3f"),
                "r2_linear": st.column_config.NumberColumn("R², linear fit", format="%.3f"),
                "mae": st.column_config.NumberColumn("MAE, trees", format=number),
                "mae_linear": st.column_config.NumberColumn("MAE, linear fit", format=number),
            },
        )
    right.caption(
        f"MAE in {analysis.unit[1]}. All rows of a material are held out together. Trees: XGBoost. "
        "Linear fit: ridge regression on the fractions, enough for a mere difference of references."
    )
    return []


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=BY_KEY)
def held_out_figure(analysis: Analysis, *, dark: bool) -> go.Figure:
    return held_out(analysis, dark=dark)
