"""Parity of decomposition and formation energies, and the chemical systems with large errors."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from core.figures.base.clicks import picked
from core.figures.stability.systems import worst_systems
from core.report.stability import QUANTITIES, TOP, Judged, stability_parity
from pages.parts.shared.figure import show
from pages.parts.shared.page import is_dark
from pages.parts.shared.selection import link_to
from pages.parts.shared.views import open_view
from pages.parts.stability.judged import BY_KEY, systems_of

FEWEST = "fewest"


def show_parity(_: Sequence[Judged], judged: Judged, __: float) -> list[str]:
    """Show both quantities by reference and by model; the command needs no options for them."""
    for column, quantity in zip(st.columns(2, gap="medium"), QUANTITIES, strict=True):
        with column:
            show_quantity(judged, quantity)
    return []


def show_quantity(judged: Judged, quantity: str) -> None:
    """Show one quantity by reference and by model."""
    comparison = judged.comparison
    error = getattr(comparison, f"{quantity}_mae")
    columns = ["id", "formula", "system", f"{quantity}_reference", f"{quantity}_model"]
    captions = {
        "decomposition": "Negative: stable, by the distance to the hull without the phase.",
        "formation": "Relative to the pure elements of the same source.",
    }
    show(
        parity_figure(judged, quantity, dark=is_dark()),
        name=f"stability-{quantity}",
        caption=f"{comparison.n:,} phases, MAE {error:,.1f} meV/atom. {captions[quantity]}",
        source=judged.source,
        table=lambda: comparison.table[columns],
    )


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs=BY_KEY)
def parity_figure(judged: Judged, quantity: str, *, dark: bool) -> go.Figure:
    """Draw one quantity once for all readers."""
    return stability_parity(judged, quantity, dark=dark)


def show_systems(models: Sequence[Judged], judged: Judged, _: float) -> list[str]:
    """Show the view: chemical systems, those with the largest errors first.

    Returns:
        Options of the command that shows the same.
    """
    fewest = st.number_input(
        "Systems with at least so many phases",
        min_value=1,
        max_value=1000,
        value=1,
        key=FEWEST,
        bind="query-params",
        width=320,
        help="Smaller chemical systems say little about a hull.",
    )
    table = systems_of(judged)
    table = table[table["n"] >= fewest]
    if table.empty:
        st.info("No chemical system has so many phases; lower the number.")
        return []
    tables = [
        (each, systems_of(each).rename(columns={"decomposition_mae": "mae"})) for each in models
    ]
    show(
        worst_systems(
            [each.line(errors) for each, errors in tables],
            table["system"].head(TOP).tolist(),
            dark=is_dark(),
        ),
        name="stability-worst-systems",
        caption="Mean absolute error of the decomposition energies in each chemical system, the "
        "largest first. Click a bar to see its hulls.",
        source=judged.source,
        table=lambda: table,
        on_click=open_system,
    )
    st.dataframe(
        table,
        key=f"stability-systems-{judged.key}-{fewest}",
        hide_index=True,
        column_config={
            "system": "Chemical system",
            "n_elements": "Elements",
            "n": st.column_config.NumberColumn("Phases", format="localized"),
            "decomposition_mae": st.column_config.NumberColumn(
                "Decomposition MAE, meV/atom", format="%.1f"
            ),
            "formation_mae": st.column_config.NumberColumn(
                "Formation MAE, meV/atom", format="%.1f"
            ),
            "wrong": st.column_config.NumberColumn(
                "Wrong", help="Phases that only one of reference and model calls stable."
            ),
        },
        selection_mode="single-row",
        on_select=lambda: _open_row(judged, table, fewest),
        height=400,
    )
    st.caption("Select a row to see the hulls of the system.")
    return [] if fewest == 1 else ["--fewest", str(fewest)]


def open_system(event: Any) -> None:
    """Open the hulls of the clicked system; called from the callback of a click."""
    clicked = picked(event)
    if clicked:
        _open(clicked[-1])


def _open(system: str) -> None:
    # The widget that holds the system is not on the page yet, so the link is written by hand.
    link_to("system", system)
    st.session_state["system"] = system
    open_view("hull")


def _open_row(judged: Judged, table: Any, fewest: int) -> None:
    rows = st.session_state[f"stability-systems-{judged.key}-{fewest}"]["selection"]["rows"]
    if rows:
        _open(table["system"].iloc[rows[0]])
