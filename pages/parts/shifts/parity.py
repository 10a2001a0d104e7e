"""Both functionals' energies against each other, by element, and where they disagree most."""

from typing import Any

import pandas as pd
import streamlit as st

from core.figures.base.clicks import toggled
from core.figures.base.periodic import periodic_table
from core.reference.shifts.explore import by_element
from core.reference.shifts.shift import outliers
from pages.parts.shared.before_after import show_before_after
from pages.parts.shared.figure import show
from pages.parts.shared.page import is_dark, plain, signed
from pages.parts.shared.pairs import PairChoice
from pages.parts.shared.structures import table_with_structures
from pages.parts.shifts.selection import Shown

N_OUTLIERS = 50


def show_parity(shown: Shown) -> str:
    """Show the view.

    Returns:
        Options of `shift` that say the same.
    """
    numbers(shown)
    scatter(shown)
    shifts_by_element(shown)
    largest_outliers(shown)
    return ""


def numbers(shown: Shown) -> None:
    """Show the comparison in five numbers."""
    pairs, summary = shown.pairs, shown.summary
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


def scatter(shown: Shown) -> None:
    """Show the two energies against each other."""
    grouped = st.toggle(
        "Colour by chemistry",
        key="chemistry",
        bind="query-params",
        help="Oxides, halides and so on, by the elements a material contains. Not for density "
        "images, which stand in for more than 20,000 points.",
    )
    summary = shown.summary
    show_before_after(
        shown.key,
        shown.pairs,
        (summary.scaled_source, summary.scaled_target),
        captions=(
            (
                f"{shown.lead}On one shared energy scale the points would lie on the dashed line; "
                f"they are {summary.mae:.1f} eV/atom off on average."
            ),
            (
                "After each functional's own least-squares AtomRef, fitted to these pairs: what "
                "remains is what structure adds beyond composition."
            ),
        ),
        source=shown.choice.source,
        grouped=grouped,
    )


def shifts_by_element(shown: Shown) -> None:
    """Show the mean shift on the periodic table, over all pairs."""
    st.subheader("Shift by element")
    table = element_shifts(shown.choice.key, shown.choice)
    show(
        periodic_table(
            dict(zip(table["symbol"], table["shift"], strict=True)),
            title="Mean shift of the materials that contain the element",
            unit="eV/atom",
            diverging=False,
            hover={
                symbol: f"{n:,} materials, 95 % interval of the mean {signed(low)} to "
                f"{signed(high)} eV/atom"
                for symbol, n, low, high in zip(
                    table["symbol"],
                    table["n"],
                    table["shift_low"],
                    table["shift_high"],
                    strict=True,
                )
            },
            selected=shown.elements,
            dark=is_dark(),
        ),
        name="shift-by-element",
        caption="Click a square to keep only materials with that element, again to let it go.",
        source=shown.choice.source,
        table=lambda: table,
        on_click=toggle_element,
    )


def toggle_element(event: Any) -> None:
    """Add what was clicked to the elements that all materials must contain, or take it out."""
    st.session_state["elements"] = toggled(st.session_state["elements"], event)


@st.cache_data(max_entries=8, show_spinner=False)
def element_shifts(
    key: tuple[str, ...],  # noqa: ARG001  part of the cache's key
    _choice: PairChoice,
) -> pd.DataFrame:
    """Average the shift by element once for all readers."""
    pairs = _choice.pairs
    return by_element(pairs.fractions, {"shift": pairs.shift}, pairs.material_id)


def largest_outliers(shown: Shown) -> None:
    """Show the materials whose scaled energies disagree most, with their structures."""
    st.subheader("Largest outliers")
    st.caption(
        "Where composition explains the shift least: ordered by |residual|, the difference of the "
        "two scaled energies. Energies in eV/atom. Select a row to see its structure."
    )
    table_with_structures(
        outliers(shown.pairs, N_OUTLIERS, summary=shown.summary),
        shown.choice,
        key="outliers-" + "-".join([shown.choice.arguments, *shown.elements]),
    )
