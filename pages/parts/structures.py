"""A table of materials beside the structure of the selected one."""

import pandas as pd
import streamlit as st
from chemiscope.streamlit import viewer

from core.figures.structures import structure_view
from pages.parts.page import plain
from pages.parts.pairs import PairChoice

COLUMNS = {
    "row": None,
    "material_id": st.column_config.TextColumn("Material"),
    "formula": st.column_config.TextColumn("Formula"),
    "source": st.column_config.NumberColumn("Source", format="%.3f"),
    "target": st.column_config.NumberColumn("Target", format="%.3f"),
    "shift": st.column_config.NumberColumn("Shift", format="%.3f"),
    "residual": st.column_config.NumberColumn(
        "Residual", format="%.3f", help="Scaled target energy minus scaled source energy."
    ),
}


def table_with_structures(table: pd.DataFrame, choice: PairChoice, *, key: str) -> None:
    """Show materials and, on the right, the structure of the selected row (the first at start).

    Args:
        table: As `core.reference.shift.outliers` makes it, with at least one row.
        choice: Where the structures are.
        key: Names the table; another table needs another key, or a selection outlives its rows.
    """
    left, right = st.columns([3, 2])
    event = left.dataframe(
        table,
        key=key,
        hide_index=True,
        column_config=COLUMNS,
        selection_mode="single-row",
        on_select="rerun",
        height=460,
    )
    left.caption(choice.source)
    chosen = min((event.selection.rows or [0])[0], len(table) - 1)
    with right:
        _structure(table, choice, chosen, key=key)


def _structure(table: pd.DataFrame, choice: PairChoice, chosen: int, *, key: str) -> None:
    row = table.iloc[chosen]
    frame = choice.frames([int(row["row"])])[0]
    st.markdown(f"**{plain(row['formula'])}**")
    if frame is None:
        st.info("This row came without a structure.")
        return
    viewer(
        structure_view([frame], {"residual": ([row["residual"]], "eV/atom")}),
        mode="structure",
        settings={"structure": [{"unitCell": True}]},
        no_info_panel=True,
        selected_index=0,
        height=420,
        key=f"{key}-viewer-{row['material_id']}",
    )
