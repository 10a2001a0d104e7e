"""A figure on a page: the chart, what to see in it, where it comes from, and its data."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core.figures.base.provenance import mark
from core.figures.base.theme import figure_config
from pages.parts.shared.images import save_buttons


def show(
    figure: go.Figure,
    *,
    name: str,
    caption: str,
    source: str,
    table: Callable[[], pd.DataFrame],
    on_click: Callable[[Any], None] | None = None,
    labels: str = "",
) -> None:
    """Show a figure with its caption, its source, and buttons for SVG, PNG and a CSV of its data.

    Args:
        figure: The figure.
        name: Unique on the page; names the widget and the downloaded files.
        caption: One line on what to see.
        source: Data set and origin of the labels.
        table: Makes the tidy table behind the figure; called only on download.
        on_click: Called with Streamlit's selection event when the reader clicks a point.
        labels: Data set and origin of the labels in few words, written into the figure and a
            column of the CSV, so that files that leave the page say it too.
    """
    if labels:
        mark(figure, labels)
    with st.container():
        _chart(figure, name, on_click)
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(f"{caption}  \n{source}", width="stretch")
            save_buttons(name)
            st.download_button(
                "CSV",
                data=lambda: _csv(table(), labels),
                file_name=f"{name}.csv",
                mime="text/csv",
                key=f"csv-{name}",
                type="tertiary",
                on_click="ignore",
                help="The data behind this figure.",
            )


def _chart(figure: go.Figure, name: str, on_click: Callable[[Any], None] | None) -> None:
    key, config = f"figure-{name}", figure_config(name)
    if on_click is None:
        st.plotly_chart(figure, key=key, theme=None, config=config)
        return
    st.plotly_chart(
        figure,
        key=key,
        theme=None,
        config=config,
        selection_mode="points",
        on_select=lambda: on_click(st.session_state[key]),
    )


def _csv(table: pd.DataFrame, labels: str) -> bytes:
    return (table.assign(labels=labels) if labels else table).to_csv(index=False).encode()
