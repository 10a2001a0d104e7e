"""How often each element occurs (Figure 1a of the paper)."""

import streamlit as st

from core.figures.base.periodic import periodic_table
from pages.parts.data.filters import toggle_element
from pages.parts.data.selected import Selected
from pages.parts.shared.figure import show
from pages.parts.shared.page import is_dark
from pages.parts.shared.views import one_of

COUNTED = {"frames": "Frames", "materials": "Materials"}


def show_elements(selected: Selected) -> list[str]:
    """Show the view.

    Returns:
        Options of the command that prints the same.
    """
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    things = selected.things
    counted = one_of(
        left,
        "Count",
        list(COUNTED),
        format_func=lambda name: things.capitalize() if name == "frames" else COUNTED[name],
        default="frames",
        key="counted",
        wrap=True,
        help="What is counted of each element.",
    )
    cutoff = right.number_input(
        "Lowest colour up to",
        min_value=1,
        value=1,
        step=1,
        key="cutoff",
        bind="query-params",
        help="Colours are logarithmic. Elements with no more than this number have the lowest "
        "colour; Figure 1a of the paper cuts off at 1,000 frames.",
    )
    table = selected.counted.table()
    show(
        periodic_table(
            dict(zip(table["symbol"], table[counted], strict=True)),
            title=f"{things if counted == 'frames' else counted} with the element".capitalize(),
            unit="",
            diverging=False,
            log=True,
            cutoff=cutoff if cutoff > 1 else None,
            hover={
                str(row.symbol): f"{row.frames:,} {things} ({row.share:.1%}), "
                f"{row.materials:,} materials"
                for row in table.itertuples()
            },
            selected=selected.chosen.all_of,
            dark=is_dark(),
        ),
        name="element-occurrence",
        caption=f"{selected.lead}{things.capitalize()} that contain the element, logarithmic "
        f"colours. Click an element to keep only {things} with it; click again to undo.",
        source=selected.source,
        table=lambda: table,
        on_click=toggle_element,
    )
    with st.expander("All numbers", icon=":material/table:"):
        st.dataframe(
            table,
            key="elements-table",
            hide_index=True,
            column_config={
                "symbol": "Element",
                "frames": st.column_config.NumberColumn(things.capitalize(), format="localized"),
                "materials": st.column_config.NumberColumn("Materials", format="localized"),
                "share": st.column_config.NumberColumn(f"Share of {things}", format="percent"),
            },
        )
    return []
