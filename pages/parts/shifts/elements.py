"""Mean shift and residual of the materials that contain an element, with intervals."""

from typing import Any

import plotly.graph_objects as go
import streamlit as st

from core.figures.base.bands import forest
from core.figures.base.clicks import toggled
from core.figures.base.periodic import periodic_table
from core.reference.fits.atomref import RARE
from core.reference.shifts.explore import by_element
from pages.parts.shared.figure import show
from pages.parts.shared.page import is_dark
from pages.parts.shared.pairs import BY_KEY, PairChoice
from pages.parts.shifts.quantity import QUANTITIES, axis_of, choose_quantity


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
        forest(
            table,
            value=quantity,
            axis=axis_of(quantity),
            hover=[
                f"{row.symbol}: mean {getattr(row, quantity):.3f} eV/atom, "
                f"{description(row, quantity)}"
                for row in table.itertuples()
            ],
            dark=is_dark(),
        ),
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
    table = element_means(choice, rare)
    return periodic_table(
        dict(zip(table["symbol"], table[quantity], strict=True)),
        title=f"Mean {QUANTITIES[quantity][0].lower()}{QUANTITIES[quantity][1:]}",
        unit="eV/atom",
        diverging=quantity == "residual",
        hover={
            str(row.symbol): description(row, quantity)
            + (f", fewer than {rare}" if row.rare else "")
            for row in table.itertuples()
        },
        selected=selected,
        dark=dark,
    )


@st.cache_data(max_entries=16, show_spinner="Averaging by element …", hash_funcs=BY_KEY)
def element_means(choice: PairChoice, rare: int) -> Any:
    """Average shift and residual by element, cached for all sessions."""
    pairs = choice.pairs
    return by_element(pairs.fractions, dict(choice.quantities), pairs.material_id, rare=rare)


def description(row: Any, quantity: str) -> str:
    """Return the interval and the number of materials of an element, for a hover label."""
    low, high = getattr(row, f"{quantity}_low"), getattr(row, f"{quantity}_high")
    interval = f"95 % interval {low:.3f} to {high:.3f}" if low == low else "no interval"  # noqa: PLR0124  only NaN differs from itself
    return f"{interval}, {row.n:,} materials"


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
            "symbol": "Element",
            "n": st.column_config.NumberColumn("Materials", format="localized"),
            "rare": "Few",
            **{
                f"{name}{suffix}": st.column_config.NumberColumn(
                    f"{title}{ending}, eV/atom", format="%.3f"
                )
                for name, title in QUANTITIES.items()
                for suffix, ending in {"": "", "_low": ", low", "_high": ", high"}.items()
            },
        },
    )
