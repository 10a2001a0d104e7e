"""Importance of every element on the periodic table, and which elements change rank."""

from typing import Any

import pandas as pd
import streamlit as st

from core.figures.base.clicks import picked
from core.figures.base.periodic import periodic_table
from core.reference.importance.reading import family, rank_changes
from pages.parts.importance.analysis import Analysis, Compared, select_element
from pages.parts.shared.figure import show
from pages.parts.shared.page import is_dark, signed

TOP = 15
SHOWN = {"importance": "Mean |SHAP|", "signed": "Mean SHAP where present"}


def show_table(compared: Compared) -> None:
    """Show the view."""
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    shown = left.segmented_control(
        "Show",
        list(SHOWN),
        format_func=SHOWN.__getitem__,
        default="importance",
        required=True,
        key="shown",
        bind="query-params",
        help="Mean |SHAP| over all explained materials says how much an element matters to the "
        "data set, so common elements weigh more. The signed mean over the materials that contain "
        "it says which way it pulls there.",
    )
    log = right.toggle(
        "Logarithmic colours",
        key="log",
        bind="query-params",
        disabled=shown == "signed",
    )
    for analysis in compared.analyses:
        one_table(compared, analysis, shown, log=log and shown == "importance")
    if len(compared.analyses) == 2:
        ranks(compared)
    else:
        elements(compared.first)


def one_table(compared: Compared, analysis: Analysis, shown: str, *, log: bool) -> None:
    """Show one analysis on the periodic table."""
    table = analysis.found.table()
    few = set(analysis.found.rare)
    if len(compared.analyses) > 1:
        st.subheader(f"{analysis.name[0].upper()}{analysis.name[1:]}")
    factor, unit = (1, "eV/atom") if table["importance"].max() > 1 else (1000, "meV/atom")
    show(
        periodic_table(
            dict(zip(table["symbol"], factor * table[shown], strict=True)),
            title=SHOWN[shown],
            unit=unit,
            diverging=shown == "signed",
            log=log,
            hover={str(row.symbol): told(row, few=row.symbol in few) for row in table.itertuples()},
            dark=is_dark(),
        ),
        name=f"importance-{'with' if analysis is compared.first else 'without'}",
        caption=f"How much of the {compared.what} the element moves, source energies "
        f"{analysis.name}. R² of held-out materials: {signed(analysis.found.r2_cv, digits=2)}. "
        "Click an element to see how it acts.",
        source=compared.source(analysis),
        labels=compared.choice.labels,
        table=lambda: table,
        on_click=turn_to_element,
    )


def told(row: Any, *, few: bool) -> str:
    """Say in words what is known of an element."""
    error = f", ± {row.error:.4f} eV/atom by the sample" if row.error > 0 else ""
    mean = "" if pd.isna(row.signed) else f", where present {signed(row.signed, digits=4)} eV/atom"
    flag = ", so poorly known" if few else ""
    return f"rank {row.rank}{error}{mean}; {row.count:,} materials{flag}"


def turn_to_element(event: Any) -> None:
    """Turn to the element that was clicked."""
    clicked = picked(event)
    if clicked:
        select_element(clicked[-1])


def ranks(compared: Compared) -> None:
    """Show which elements change rank when the corrections go."""
    first, second = (analysis.found for analysis in compared.analyses)
    st.subheader("Which elements change rank")
    with_them, without = (one.table()["symbol"].head(TOP).tolist() for one in (first, second))
    anions = [sum(family(symbol) != "" for symbol in names) for names in (with_them, without)]
    left = ", ".join(s for s in without if s not in with_them) or "none"
    gone = ", ".join(s for s in with_them if s not in without) or "none"
    st.markdown(
        f"Of the {TOP} most important elements, {anions[0]} are pnictogens, chalcogens or halogens "
        f"with the corrections and {anions[1]} without. Without them, these enter the {TOP}: "
        f"{left}; these leave: {gone}."
    )
    few = set(first.rare)
    table = rank_changes(first, second)
    st.dataframe(
        table.assign(few=[symbol in few for symbol in table["symbol"]]),
        key="importance-ranks",
        hide_index=True,
        column_config={
            "symbol": "Element",
            "family": "Family",
            "first": st.column_config.NumberColumn("With, eV/atom", format="%.4f"),
            "second": st.column_config.NumberColumn("Without, eV/atom", format="%.4f"),
            "rank_first": "Rank with",
            "rank_second": "Rank without",
            "change": st.column_config.NumberColumn(
                "Ranks gained", help="From with to without corrections."
            ),
            "count": st.column_config.NumberColumn("Materials", format="localized"),
            "few": "Few",
        },
        height=360,
    )
    st.caption(
        "Mean |SHAP| with and without MP2020 corrections in the source energies. The corrections "
        "act on anions and, with GGA+U, on V, Cr, Mn, Fe, Co, Ni, Mo and W in oxides and fluorides."
    )


def elements(analysis: Analysis) -> None:
    """Show all numbers of one analysis."""
    with st.expander("All numbers", icon=":material/table:"):
        st.dataframe(analysis.found.table(), key="importance-elements", hide_index=True)
