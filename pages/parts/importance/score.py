"""How well composition explains the difference at all: what every view of importance rests on."""

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core.figures.shifts.parity import parity
from core.reference.fits.atomref import RARE
from pages.parts.importance.analysis import Analysis, Compared
from pages.parts.shared.figure import show
from pages.parts.shared.page import is_dark, signed


def show_strip(compared: Compared) -> None:
    """Show the score of trees and line on held-out materials, above every view."""
    found = compared.chosen.found
    cells = st.columns(5)
    cells[0].metric(
        "R², trees",
        signed(found.r2_cv, digits=3),
        border=True,
        help="Share of the variance of held-out materials that the trees explain: mean of five "
        "folds by material. Importance is worth as much as this number.",
    )
    cells[1].metric(
        "R², line",
        signed(found.r2_cv_linear, digits=3),
        border=True,
        help="The same of a line through the same fractions on the same folds.",
    )
    cells[2].metric("MAE, trees, meV/atom", f"{1000 * found.mae.mean():,.1f}", border=True)
    cells[3].metric("MAE, line, meV/atom", f"{1000 * found.mae_linear.mean():,.1f}", border=True)
    cells[4].metric(
        "Materials' rows",
        f"{found.n:,}",
        border=True,
        help=f"{found.n_explained:,} of them have exact SHAP values; "
        f"{found.n_left_out:,} are left out for a missing reference.",
    )
    if found.missing:
        st.caption(
            f"No reference for {', '.join(found.missing)}: {found.n_left_out:,} rows with them "
            "are left out."
        )
    if found.r2_cv < found.r2_cv_linear:
        st.info(
            "A line through the fractions does better than the trees here: most of this "
            "difference is one number an element, which is what AtomRef is. SHAP values of the "
            "trees then say less than AtomRef's difference on the AtomRef page.",
            icon=":material/info:",
        )
    if found.rare:
        st.caption(f"In fewer than {RARE} materials, so poorly known: {', '.join(found.rare)}.")


def show_score(compared: Compared) -> None:
    """Show the view: held-out predictions, and the score of every fold."""
    analysis = compared.chosen
    found = analysis.found
    left, right = st.columns([3, 2])
    with left:
        show(
            held_out_figure(analysis.key, analysis, compared, dark=is_dark()),
            name="importance-parity",
            caption="Each material as predicted by trees that never met it: points near the "
            "dashed line are explained by composition alone.",
            source=compared.source(analysis),
            labels=compared.choice.labels,
            table=lambda: (
                compared.choice.pairs.select(found.rows)
                .table()
                .assign(
                    difference=found.differences,
                    predicted=found.held_out,
                    predicted_by_line=found.held_out_line,
                    fold=found.fold,
                )
            ),
        )
    with right:
        st.dataframe(
            scores(compared),
            key="importance-scores",
            hide_index=True,
            column_config={
                "energies": st.column_config.TextColumn(
                    "MP2020", help="Whether the source energies carry MP2020 corrections."
                ),
                "fold": "Fold",
                "r2": st.column_config.NumberColumn("R², trees", format="%.3f"),
                "r2_linear": st.column_config.NumberColumn("R², line", format="%.3f"),
                "mae": st.column_config.NumberColumn("MAE, trees", format="%.1f"),
                "mae_linear": st.column_config.NumberColumn("MAE, line", format="%.1f"),
            },
        )
        st.caption(
            "MAE in meV/atom. All rows of a material are held out together. Trees: XGBoost; line: "
            "ridge through the fractions, which would fit a mere difference of references."
        )


def scores(compared: Compared) -> pd.DataFrame:
    """Return the score of every fold of every analysis; MAE in meV/atom."""
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "energies": analysis.name.split()[0],
                    "fold": range(1, len(analysis.found.r2) + 1),
                    "r2": analysis.found.r2,
                    "r2_linear": analysis.found.r2_linear,
                    "mae": 1000 * analysis.found.mae,
                    "mae_linear": 1000 * analysis.found.mae_linear,
                }
            )
            for analysis in compared.analyses
        ]
    )


@st.cache_resource(max_entries=16, show_spinner=False)
def held_out_figure(
    key: str,  # noqa: ARG001  part of the cache's key
    _analysis: Analysis,
    _compared: Compared,
    *,
    dark: bool,
) -> go.Figure:
    """Draw held-out predictions once for all readers."""
    found = _analysis.found
    pairs = _compared.choice.pairs.select(found.rows)
    return parity(
        found.differences,
        found.held_out,
        x_title=plain_title(_compared),
        y_title="Predicted without the material",
        hover=pairs.names(),
        ids=pairs.material_id.tolist(),
        dark=dark,
    )


def plain_title(compared: Compared) -> str:
    """Return what is explained, for an axis."""
    words = compared.what.partition(" (")[0]
    return f"{words[0].upper()}{words[1:]}"
