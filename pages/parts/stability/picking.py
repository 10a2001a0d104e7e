"""Choosing a chemical system: as text, or by clicking elements."""

from typing import Any

import streamlit as st

from core.errors import LabError
from core.figures.base.clicks import toggled
from core.figures.base.periodic import periodic_table
from core.report.stability import Judged
from core.stability.system_hull import elements_of
from core.stability.system_list import default_system, phase_counts
from pages.parts.shared.figure import show
from pages.parts.shared.page import is_dark, plain
from pages.parts.stability.judged import BY_KEY

SYSTEM = "system"
"""Name of the chosen system in the page's link."""


def choose_system(judged: Judged) -> tuple[str, ...]:
    """Show the choice of a chemical system.

    Returns:
        Its elements, by atomic number.

    Raises:
        LabError: if the text names no system.
    """
    st.session_state.setdefault(SYSTEM, st.query_params.get(SYSTEM) or first_system(judged))
    text = st.text_input(
        "Chemical system",
        key=SYSTEM,
        bind="query-params",
        placeholder="Li-Fe-O or LiFePO4",
        help="A list of elements or a formula; or click elements below.",
    )
    if not text.strip():
        raise LabError("Write a chemical system like Li-Fe-O, or click elements below.")
    return elements_of(text)


@st.cache_data(max_entries=32, show_spinner=False, hash_funcs=BY_KEY)
def first_system(judged: Judged) -> str:
    """Return the system that is shown first."""
    return default_system(judged.comparison)


@st.cache_data(max_entries=32, show_spinner=False, hash_funcs=BY_KEY)
def counts_of(judged: Judged) -> Any:
    """Return the number of phases with each element."""
    return phase_counts(judged.comparison)


def show_elements(judged: Judged, selected: tuple[str, ...]) -> None:
    """Show the periodic table whose elements make the system when they are clicked."""
    table = counts_of(judged)
    without_hull = ", ".join(table.loc[~table["pure"], "symbol"]) or "none"
    show(
        periodic_table(
            dict(zip(table["symbol"], table["phases"], strict=True)),
            title="Phases with the element",
            unit="",
            diverging=False,
            log=True,
            hover={
                str(row.symbol): "no energy of the pure element, so no hull"
                for row in table.itertuples()
                if not row.pure
            },
            selected=selected,
            dark=is_dark(),
        ),
        name="stability-elements",
        caption="Click elements to add them to the system or to take them out. No energy "
        f"of the pure element, so no hull: {without_hull}.",
        source=judged.source,
        table=lambda: table,
        on_click=toggle_element,
    )


def toggle_element(event: Any) -> None:
    """Add the clicked element to the system, or take it out."""
    try:
        before = elements_of(st.session_state.get(SYSTEM, ""))
    except LabError:
        before = ()
    st.session_state[SYSTEM] = "-".join(toggled(before, event))


def explained(text: str) -> None:
    """Say why there is no hull."""
    st.info(plain(text), icon=":material/info:")
