"""A table of materials with the structure of the selected one beside it."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.figures.base.resolved import resolved
from core.figures.base.structures import structure_figure
from core.figures.base.theme import figure_config
from core.frames.schema import Frame
from core.studies.pair_choice import PairChoice
from pages.parts.shared.page import is_dark, plain
from pages.parts.shared.selection import linked_table

PICKED = "picked"
"""Name of the selected material in the page's link."""

COLUMNS = {
    "row": None,
    "material_id": st.column_config.TextColumn("Material"),
    "formula": st.column_config.TextColumn("Formula"),
    "residual": st.column_config.NumberColumn(
        "Residual, eV/atom", format="%.3f", help="Scaled target energy minus scaled source energy."
    ),
}


def table_with_structures(
    table: Any,
    choice: PairChoice,
    *,
    key: str,
    columns: Mapping[str, Any] | None = None,
) -> None:
    """Show materials and, on the right, the structure of the selected row, at first of row 1.

    Args:
        table: DataFrame with at least one row and the columns row, material_id, formula and
            residual (eV/atom), such as `core.reference.shifts.shift.outliers` returns.
        choice: selection that contains the structures.
        key: key of the widget; another table needs another key, or its selection stays.
        columns: configuration of further columns for `st.dataframe`.
    """
    left, right = st.columns([5, 3])
    with left:
        chosen = linked_table(
            table,
            choice.names_of(table["row"].tolist()),
            param=PICKED,
            key=key,
            hide_index=True,
            column_config=COLUMNS | dict(columns or {}),
            height=460,
        )
    with right:
        material(table.iloc[chosen or 0], choice, key=key)


def material(row: Any, choice: PairChoice, *, key: str) -> None:
    """Show the structure of one material.

    Args:
        row: row of the table of `table_with_structures`.
        choice: selection that contains the structures.
        key: key of the viewer.
    """
    (frame,) = choice.frames([int(row["row"])])
    show_structure(frame, row["formula"], key=f"{key}-viewer-{row['material_id']}")


def show_structure(
    frame: Frame | None, formula: str, *, key: str, forces: Any | None = None
) -> None:
    """Show a structure that can be turned.

    Args:
        frame: the structure; None if there is none.
        formula: shown above it.
        key: names the viewer.
        forces: forces to draw as arrows, (n, 3) eV/Å.
    """
    st.markdown(f"**{plain(formula)}**")
    if frame is None:
        st.info("This row has no structure.")
        return
    st.plotly_chart(
        resolved(structure_figure(frame, forces=forces, dark=is_dark())),
        key=key,
        theme=None,
        config=figure_config(frame.material_id),
    )
    atoms = "1 atom" if len(frame) == 1 else f"{len(frame):,} atoms"
    st.caption(f"{atoms} per cell; those on its faces are repeated. Drag to turn it.")
