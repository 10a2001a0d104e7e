"""Importance of every element on the periodic table, and which elements change rank."""

import plotly.graph_objects as go
import streamlit as st

from core.figures.base.text import signed
from core.reference.importance.interpretation import family, rank_changes
from core.report.importance import QUANTITIES, Analysis
from core.report.importance import by_element as drawn
from pages.parts.importance.analysis import BY_KEY, open_element
from pages.parts.shared.figure import show
from pages.parts.shared.page import is_dark
from pages.parts.shared.views import one_of

TOP = 15


def show_table(analyses: list[Analysis], _: Analysis) -> list[str]:
    """Show the view.

    Returns:
        Options of the command that shows the same: none.
    """
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    quantity = one_of(
        left,
        "Show",
        list(QUANTITIES),
        format_func=QUANTITIES.__getitem__,
        default="importance",
        key="shown",
        wrap=True,
        help="Mean |SHAP| over all explained materials measures how much an element matters for "
        "the data set, so common elements weigh more. The mean over the materials that contain "
        "the element shows in which direction it acts there.",
    )
    log = right.toggle(
        "Logarithmic colours",
        key="log",
        bind="query-params",
        disabled=quantity == "signed",
        help="Shows small values beside large ones.",
    )
    for analysis in analyses:
        if len(analyses) > 1:
            st.subheader(f"Source energies {analysis.name}")
        show_periodic_table(analysis, quantity, log=log and quantity == "importance")
    if len(analyses) == 2:
        show_ranks(*analyses)
    else:
        with st.expander("All numbers", icon=":material/table:"):
            show_all_numbers(analyses[0])
    return []


def show_all_numbers(analysis: Analysis) -> None:
    """Show the numbers of every element."""
    unit, number = analysis.unit[1], f"%.{analysis.digits}f"
    st.dataframe(
        analysis.in_unit(analysis.importance.table(), "importance", "error", "signed"),
        key="importance-elements",
        hide_index=True,
        column_config={
            "symbol": "Element",
            "importance": st.column_config.NumberColumn(f"Mean |SHAP|, {unit}", format=number),
            "error": st.column_config.NumberColumn(
                f"±, {unit}", format=number, help="Standard error of the sample explained."
            ),
            "signed": st.column_config.NumberColumn(f"Mean where present, {unit}", format=number),
            "count": st.column_config.NumberColumn("Materials", format="localized"),
            "rank": "Rank",
        },
    )


def show_periodic_table(analysis: Analysis, quantity: str, *, log: bool) -> None:
    """Show one analysis on the periodic table."""
    importance = analysis.importance
    is_first = not analysis.study.uncorrected
    show(
        by_element(analysis, quantity, log=log, dark=is_dark()),
        name=f"importance-{'with' if is_first else 'without'}",
        caption=f"How far each element moves the {analysis.quantity}; source energies "
        f"{analysis.name}. R² of held-out materials: {signed(importance.r2_cv, digits=2)}. "
        "Click an element to see how it acts.",
        source=analysis.source,
        table=importance.table,
        on_click=open_element,
    )


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=BY_KEY)
def by_element(analysis: Analysis, quantity: str, *, log: bool, dark: bool) -> go.Figure:
    """Draw one analysis on the periodic table, once for all readers."""
    return drawn(analysis, quantity, log=log, dark=dark)


def show_ranks(first: Analysis, second: Analysis) -> None:
    """Show which elements change rank when the corrections are removed."""
    st.subheader("Which elements change rank")
    corrected, uncorrected = (
        analysis.importance.table()["symbol"].head(TOP).tolist() for analysis in (first, second)
    )
    n_anions = [sum(family(s) != "" for s in symbols) for symbols in (corrected, uncorrected)]
    entering = ", ".join(s for s in uncorrected if s not in corrected) or "none"
    leaving = ", ".join(s for s in corrected if s not in uncorrected) or "none"
    st.markdown(
        f"Of the {TOP} most important elements, {n_anions[0]} are pnictogens, chalcogens or "
        f"halogens with the corrections and {n_anions[1]} without. Without corrections, these "
        f"elements enter the top {TOP}: {entering}; these leave it: {leaving}."
    )
    unit, number = first.unit[1], f"%.{first.digits}f"
    st.dataframe(
        first.in_unit(rank_changes(first.importance, second.importance), "first", "second"),
        key="importance-ranks",
        hide_index=True,
        column_config={
            "symbol": "Element",
            "family": st.column_config.TextColumn("Family", width=90),
            "first": st.column_config.NumberColumn(f"With, {unit}", format=number),
            "second": st.column_config.NumberColumn(f"Without, {unit}", format=number),
            "rank_first": "Rank with",
            "rank_second": "Rank without",
            "change": st.column_config.NumberColumn(
                "Ranks gained", help="From with to without corrections."
            ),
            "count": st.column_config.NumberColumn("Materials", format="localized"),
            "rare": "Rare",
        },
        height=360,
    )
    st.caption(
        "Mean |SHAP| with and without MP2020 corrections in the source energies. The corrections "
        "apply to anions and, with GGA+U, to V, Cr, Mn, Fe, Co, Ni, Mo and W in oxides and "
        "fluorides."
    )
