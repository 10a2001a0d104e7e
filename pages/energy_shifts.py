"""How far apart two functionals lie, material by material and element by element (Figure 1)."""

from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core.elements import SYMBOLS, chemistry
from core.figures.clicks import toggled
from core.figures.parity import parity
from core.figures.periodic import periodic_table
from core.reference.pairs import PairedEnergies
from core.reference.shift import ShiftSummary, by_element, outliers, summarize
from pages.parts.figure import show
from pages.parts.page import command, errors_shown, head, is_dark, plain, signed
from pages.parts.pairs import PairChoice, choose_pairs
from pages.parts.structures import table_with_structures

N_OUTLIERS = 50


def main() -> None:
    head(
        "Energy shifts",
        "How far apart are two functionals' total energies, and which elements carry the shift?",
    )
    with errors_shown():
        choice = choose_pairs()
        if choice is None:
            return
        elements = st.multiselect(
            "Only materials that contain",
            SYMBOLS,
            key="elements",
            bind="query-params",
            placeholder="any element: choose here, or click squares of the periodic table below",
        )
        pairs, summary = filtered(choice.key, tuple(elements), choice)
        if summary is None:
            st.info("No material contains all of these elements; remove one of them.")
            return
        numbers(pairs, summary)
        scatter(choice, pairs, summary, elements)
        shifts_by_element(choice, elements)
        largest_outliers(choice, pairs, summary, elements)
        command(f"python -m core shift {choice.arguments}")


@st.cache_resource(max_entries=16, show_spinner=False)
def filtered(
    key: tuple[str, ...],  # noqa: ARG001  part of the cache's key
    elements: tuple[str, ...],
    _choice: PairChoice,
) -> tuple[PairedEnergies, ShiftSummary | None]:
    if not elements:
        return _choice.pairs, _choice.summary
    pairs = _choice.pairs.containing(elements)
    return pairs, summarize(pairs) if len(pairs) else None


def numbers(pairs: PairedEnergies, summary: ShiftSummary) -> None:
    cells = st.columns(5)
    cells[0].metric("Pairs", f"{summary.n:,}", border=True)
    cells[1].metric(
        "Mean shift, eV/atom",
        signed(summary.mean_shift),
        border=True,
        help=plain(f"Mean of {pairs.target_functional} − {pairs.source_functional} total energy."),
    )
    cells[2].metric(
        "Mean |shift|, eV/atom",
        f"{summary.mae:.2f}",
        border=True,
        help="Mean absolute difference of the two total energies.",
    )
    cells[3].metric(
        "r of total energies",
        signed(summary.pearson_raw, digits=3),
        border=True,
        help="Pearson correlation of the two functionals' total energies as they are.",
    )
    cells[4].metric(
        "r after AtomRef",
        signed(summary.pearson_scaled, digits=3),
        border=True,
        help="The same after each functional's own least-squares AtomRef, fitted to these pairs.",
    )


def scatter(
    choice: PairChoice, pairs: PairedEnergies, summary: ShiftSummary, elements: list[str]
) -> None:
    shown = f"The {len(pairs):,} pairs that contain {', '.join(elements)}. " if elements else ""
    grouped = st.toggle(
        "Colour by chemistry",
        key="chemistry",
        bind="query-params",
        help="Oxides, halides and so on, by the elements a material contains. Not for density "
        "images, which stand in for more than 20,000 points.",
    )
    show(
        parity_figure(choice.key, tuple(elements), pairs, grouped=grouped, dark=is_dark()),
        name="energy-parity",
        caption=(
            f"{shown}On one shared energy scale the points would lie on the "
            f"dashed line; they are {summary.mae:.1f} eV/atom off on average."
        ),
        source=choice.source,
        labels=choice.labels,
        table=pairs.table,
    )


@st.cache_resource(max_entries=16, show_spinner=False)
def parity_figure(
    key: tuple[str, ...],  # noqa: ARG001  part of the cache's key
    elements: tuple[str, ...],  # noqa: ARG001  the same
    _pairs: PairedEnergies,
    *,
    grouped: bool,
    dark: bool,
) -> go.Figure:
    return parity(
        _pairs.source,
        _pairs.target,
        x_title=f"{_pairs.source_functional} total energy",
        y_title=f"{_pairs.target_functional} total energy",
        hover=_pairs.names(),
        ids=_pairs.material_id.tolist(),
        groups=chemistry(_pairs.fractions) if grouped else None,
        dark=dark,
    )


def shifts_by_element(choice: PairChoice, elements: list[str]) -> None:
    st.subheader("Shift by element")
    table = element_shifts(choice.key, choice)
    show(
        periodic_table(
            dict(zip(table["symbol"], table["mean_shift"], strict=True)),
            title="Mean shift of the materials that contain the element",
            unit="eV/atom",
            diverging=False,
            hover={
                str(row.symbol): f"{row.n:,} materials, standard deviation {row.std:.2f} eV/atom"
                for row in table.itertuples()
            },
            selected=elements,
            dark=is_dark(),
        ),
        name="shift-by-element",
        caption="Click a square to keep only materials with that element, again to let it go.",
        source=choice.source,
        labels=choice.labels,
        table=lambda: table,
        on_click=toggle_element,
    )


def toggle_element(event: Any) -> None:
    st.session_state["elements"] = toggled(st.session_state["elements"], event)


@st.cache_data(max_entries=8, show_spinner=False)
def element_shifts(
    key: tuple[str, ...],  # noqa: ARG001  part of the cache's key
    _choice: PairChoice,
) -> pd.DataFrame:
    return by_element(_choice.pairs)


def largest_outliers(
    choice: PairChoice, pairs: PairedEnergies, summary: ShiftSummary, elements: list[str]
) -> None:
    st.subheader("Largest outliers")
    st.caption(
        "Where composition explains the shift least: ordered by |residual|, the difference of the "
        "two scaled energies. Energies in eV/atom. Select a row to see its structure."
    )
    table_with_structures(
        outliers(pairs, N_OUTLIERS, summary=summary),
        choice,
        key="outliers-" + "-".join([choice.arguments, *elements]),
    )


main()
