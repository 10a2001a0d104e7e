"""The mean shift of the materials that contain an element, and how well it is known."""

from typing import Any

import pandas as pd
import streamlit as st

from core.figures.base.bands import forest
from core.figures.base.periodic import periodic_table
from core.reference.fits.atomref import RARE
from core.reference.shifts.explore import by_element
from pages.parts.shared.figure import show
from pages.parts.shared.page import is_dark
from pages.parts.shifts.parity import toggle_element
from pages.parts.shifts.selection import QUANTITIES, Shown, axis_of, choose_quantity


def show_elements(shown: Shown) -> str:
    """Show the view.

    Returns:
        Options of `shift` that say the same.
    """
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    with left:
        quantity = choose_quantity()
    rare = right.number_input(
        "Few materials are fewer than",
        min_value=2,
        max_value=10_000,
        value=RARE,
        key="few",
        bind="query-params",
        help="Elements in fewer materials are marked.",
    )
    table = averaged(shown.key, shown, rare)
    few = table.loc[table["rare"], "symbol"].tolist()
    periodic(shown, table, quantity, rare)
    intervals(shown, table, quantity)
    if few:
        st.warning(
            f"In fewer than {rare} materials, so poorly known: {', '.join(few)}.",
            icon=":material/warning:",
        )
    numbers(table)
    return "--by-element" if rare == RARE else f"--by-element --rare {rare}"


@st.cache_data(max_entries=16, show_spinner="Averaging by element …")
def averaged(
    key: tuple[Any, ...],  # noqa: ARG001  part of the cache's key
    _shown: Shown,
    rare: int,
) -> pd.DataFrame:
    """Average shift and residual by element once for all readers."""
    values = {name: _shown.values(name) for name in QUANTITIES}
    return by_element(_shown.pairs.fractions, values, _shown.pairs.material_id, rare=rare)


def told(row: Any, quantity: str, *, rare: int | None = None) -> str:
    """Say in words what is known of an element."""
    mean, low, high = (getattr(row, f"{quantity}{end}") for end in ("", "_low", "_high"))
    reach = "no interval" if low != low else f"95 % interval {low:.3f} to {high:.3f}"  # noqa: PLR0124  only NaN differs from itself
    few = f", fewer than {rare}" if rare is not None and row.rare else ""
    return f"mean {mean:.3f} eV/atom, {reach}, {row.n:,} materials{few}"


def periodic(shown: Shown, table: pd.DataFrame, quantity: str, rare: int) -> None:
    """Show the means on the periodic table."""
    show(
        periodic_table(
            dict(zip(table["symbol"], table[quantity], strict=True)),
            title=f"Mean {QUANTITIES[quantity][0].lower()}{QUANTITIES[quantity][1:]}",
            unit="eV/atom",
            diverging=quantity == "residual",
            hover={
                str(row.symbol): told(row, quantity, rare=rare).partition(", ")[2]
                for row in table.itertuples()
            },
            selected=shown.elements,
            dark=is_dark(),
        ),
        name=f"{quantity}-by-element-table",
        caption=f"{shown.lead}Mean over the materials that contain the element. Click a square to "
        "keep only materials with that element, again to let it go.",
        source=shown.choice.source,
        table=lambda: table,
        on_click=toggle_element,
    )


def intervals(shown: Shown, table: pd.DataFrame, quantity: str) -> None:
    """Show the means with their intervals."""
    show(
        forest(
            table,
            value=quantity,
            axis=axis_of(quantity),
            hover=[f"{row.symbol}: {told(row, quantity)}" for row in table.itertuples()],
            dark=is_dark(),
        ),
        name=f"{quantity}-by-element-intervals",
        caption="Means with 95 % intervals: Student's over materials, each counted once. A wide "
        "bar is an element whose partners differ, or one in few materials (open circles), whose "
        "bars the edge may cut.",
        source=shown.choice.source,
        table=lambda: table,
    )


def numbers(table: pd.DataFrame) -> None:
    """Show both quantities in a table."""
    with st.expander("All numbers", icon=":material/table:"):
        ends = {"": "", "_low": ", low", "_high": ", high"}
        st.dataframe(
            table,
            key="by-element",
            hide_index=True,
            column_config={
                "symbol": "Element",
                "n": st.column_config.NumberColumn("Materials", format="localized"),
                "rare": "Few",
                **{
                    f"{name}{end}": st.column_config.NumberColumn(
                        f"{title}{word}, eV/atom", format="%.3f"
                    )
                    for name, title in QUANTITIES.items()
                    for end, word in ends.items()
                },
            },
        )
