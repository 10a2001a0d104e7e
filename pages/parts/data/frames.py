"""The frames of a data set in order, page by page, with structure and labels of one of them."""

from typing import Any

import streamlit as st

from core.frames.contents.browsing import atoms_of, listed, order_of, page_of
from core.frames.contents.selected import Selected
from core.report.contents import quantities_drawn, quantity_title, row_titles
from pages.parts.shared.datasets import key_of
from pages.parts.shared.selection import linked_table
from pages.parts.shared.structures import show_structure
from pages.parts.shared.views import one_of

PER_PAGE = 25
_BESIDE = frozenset({"uncorrected", "mean_stress"})
"""Quantities that say little beside the others, and without which the table has its room."""
PICKED = "frame"
"""Name of the selected frame in the page's link."""


def show_frames(selected: Selected) -> list[str]:
    """Show the view.

    Returns:
        Options of the command that prints the same.
    """
    titles = {"As stored": ""} | {each.title: each.key for each in quantities_drawn(selected)}
    sort_box, order_box, page_box = st.columns([3, 3, 2], vertical_alignment="bottom")
    title = sort_box.selectbox(
        "Sort by",
        list(titles),
        key="sort",
        bind="query-params",
        help="The quantity that orders all frames, not only those of this page.",
    )
    orders = {False: "smallest first", True: "largest first"}
    descending = one_of(
        order_box,
        "Order",
        list(orders),
        format_func=orders.__getitem__,
        default=False,
        key="order",
        wrap=True,
        disabled=not titles[title],
        help="Smallest or largest values first.",
    )
    n_pages = max(1, -(-selected.counted.n // PER_PAGE))
    page = page_box.number_input(
        f"Page of {n_pages:,}",
        min_value=1,
        max_value=n_pages,
        value=1,
        step=1,
        key="page",
        bind="query-params",
        help="Which part of the list is shown.",
    )
    key = titles[title]
    order = _order(key_of(selected.card), key, selected.contents, descending=descending)
    rows = page_of(order, selected.mask, page - 1, PER_PAGE)
    if not len(rows):
        st.info(f"No {selected.things} are left; remove a filter.")
        return []
    table = listed(selected.data, selected.contents, rows)
    chosen = linked_table(
        table,
        _names(table),
        param=PICKED,
        key=f"frames-{selected.name}-{key}-{descending}-{page}-{selected.chosen.text}",
        hide_index=True,
        column_config=_columns(selected),
        column_order=["frame_id", "material_id", "formula", "n_atoms", *_shown(key, selected)],
        height=320,
    )
    _show_frame(selected, table.iloc[chosen or 0])
    sort = [f"--sort={'-' * descending}{key}"] if key else []
    return [*sort, "--rows", str(page * PER_PAGE)]


@st.cache_resource(max_entries=8, show_spinner="Sorting …")
def _order(card: str, key: str, _contents: Any, *, descending: bool) -> Any:  # noqa: ARG001
    return order_of(_contents, key, descending=descending)


def _names(table: Any) -> list[str]:
    """Return a name of each row for links."""
    if "frame_id" in table:
        names: list[str] = table["frame_id"].tolist()
        return names
    return [f"{row}.{name}" for row, name in zip(table["row"], table["material_id"], strict=True)]


def _shown(key: str, selected: Selected) -> list[str]:
    """Return the keys of the labels that have a column, first the one that sorts.

    The labels of the selected frame have a table of their own.
    """
    keys = [quantity.key for quantity in selected.quantities]
    return sorted((one for one in keys if one == key or one not in _BESIDE), key=key.__ne__)


def _columns(selected: Selected) -> dict[str, Any]:
    return row_titles(selected) | {
        quantity.key: st.column_config.NumberColumn(quantity_title(quantity), format="%.4f")
        for quantity in selected.quantities
    }


def _show_frame(selected: Selected, row: Any) -> None:
    """Show structure and labels of one frame, a row of the table."""
    (frame,) = selected.data.frames([int(row["row"])])
    name = row.get("frame_id", row["material_id"])
    left, right = st.columns([3, 2])
    with left:
        show_structure(frame, f"{name}, {row['formula']}", key=f"viewer-{selected.name}-{name}")
    with right:
        st.dataframe(
            {
                "Label": [quantity_title(quantity) for quantity in selected.quantities],
                "Value": [row[quantity.key] for quantity in selected.quantities],
            },
            key=f"labels-of-{selected.name}-{name}",
            hide_index=True,
            column_config={"Value": st.column_config.NumberColumn(format="%.5f")},
        )
    if frame is not None:
        st.dataframe(
            atoms_of(frame), key=f"atoms-{selected.name}-{name}", hide_index=True, height=240
        )
