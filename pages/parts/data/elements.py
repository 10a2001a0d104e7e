"""How often each element occurs (Figure 1a of the paper)."""

import streamlit as st

from core.frames.contents.selected import Selected
from core.report.contents import COUNTED, counted_title, element_titles, occurrence_figure
from pages.parts.data.filters import toggle_element
from pages.parts.shared.figure import show
from pages.parts.shared.page import is_dark
from pages.parts.shared.views import one_of


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
        COUNTED,
        format_func=lambda name: counted_title(selected, name),
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
        occurrence_figure(selected, counted, cutoff=cutoff, dark=is_dark()),
        name="element-occurrence",
        caption=f"{selected.lead}{things.capitalize()} that contain the element, logarithmic "
        f"colours. Click an element to keep only {things} with it; click again to undo.",
        source=selected.source,
        table=lambda: table,
        on_click=toggle_element,
    )
    number = st.column_config.NumberColumn
    titles = element_titles(selected)
    with st.expander("All numbers", icon=":material/table:"):
        st.dataframe(
            table,
            key="elements-table",
            hide_index=True,
            column_config={
                **titles,
                "frames": number(titles["frames"], format="localized"),
                "materials": number(titles["materials"], format="localized"),
                "share": number(titles["share"], format="percent"),
            },
        )
    return []
