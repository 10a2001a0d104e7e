"""Mean shift and residual of the materials that contain an element, with intervals."""

from typing import Any

import plotly.graph_objects as go
import streamlit as st

from core.figures.base.clicks import toggled
from core.reference.fits.atomref import RARE
from core.report.shifts import MEAN_TITLES, means_with_intervals
from core.report.shifts import element_means as means_of
from core.report.shifts import mean_by_element as drawn_means
from core.studies.pair_choice import PairChoice
from pages.parts.shared.figure import show
from pages.parts.shared.page import is_dark
from pages.parts.shared.pairs import BY_KEY
from pages.parts.shifts.quantity import choose_quantity


def show_elements(choice: PairChoice) -> str:
    """Show the view.

    Returns:
        The same as options of `shift`.
    """
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    with left:
        quantity = choose_quantity()
    rare = right.number_input(
        "Mark elements in fewer materials than",
        min_value=2,
        max_value=10_000,
        value=RARE,
        key="few",
        bind="query-params",
        help="The mean over few materials is uncertain.",
    )
    table = element_means(choice, rare)
    show_periodic_table(
        choice, choice.elements, quantity, rare=rare, name=f"{quantity}-by-element-table"
    )
    show(
        means_with_intervals(table, quantity, dark=is_dark()),
        name=f"{quantity}-by-element-intervals",
        caption="Means with 95 % intervals (Student's t over materials, each counted once). A wide "
        "bar belongs to an element that occurs in very different compounds, or in few materials "
        "(open circles), whose bars may be cut off at the edge.",
        source=choice.source,
        table=lambda: table,
    )
    if table["rare"].any():
        st.warning(
            f"In fewer than {rare} materials, so the mean is uncertain: "
            f"{', '.join(table.loc[table['rare'], 'symbol'])}.",
            icon=":material/warning:",
        )
    with st.expander("All numbers", icon=":material/table:"):
        show_numbers(table)
    return "--by-element" if rare == RARE else f"--by-element --rare {rare}"


def show_periodic_table(
    choice: PairChoice, selected: tuple[str, ...], quantity: str, *, rare: int = RARE, name: str
) -> None:
    """Show the mean of a quantity on the periodic table; a click selects an element.

    Args:
        choice: the pairs.
        selected: elements to outline.
        quantity: a key of QUANTITIES.
        rare: elements in fewer materials are marked.
        name: name of the figure, unique on the page.
    """
    show(
        mean_by_element(choice, selected, quantity, rare, dark=is_dark()),
        name=name,
        caption=f"{choice.lead}Mean over the materials that contain the element. Click an element "
        "to keep only materials that contain it; click again to undo.",
        source=choice.source,
        table=lambda: element_means(choice, rare),
        on_click=toggle_element,
    )


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs=BY_KEY)
def mean_by_element(
    choice: PairChoice, selected: tuple[str, ...], quantity: str, rare: int, *, dark: bool
) -> go.Figure:
    """Draw the mean of a quantity on the periodic table, once for all readers."""
    return drawn_means(element_means(choice, rare), quantity, selected, rare, dark=dark)


@st.cache_data(max_entries=16, show_spinner="Averaging by element …", hash_funcs=BY_KEY)
def element_means(choice: PairChoice, rare: int) -> Any:
    """Average shift and residual by element, cached for all sessions."""
    return means_of(choice, rare)


def toggle_element(event: Any) -> None:
    """Add the clicked element to those that all materials must contain, or remove it."""
    st.session_state["elements"] = toggled(st.session_state["elements"], event)


def show_numbers(table: Any) -> None:
    """Show both quantities in a table."""
    st.dataframe(
        table,
        key="by-element",
        hide_index=True,
        column_config={
            name: title
            if name in {"symbol", "rare"}
            else st.column_config.NumberColumn(title, format="localized" if name == "n" else "%.3f")
            for name, title in MEAN_TITLES.items()
        },
    )
