"""A figure on a page: the chart, what to see in it, where it comes from, and its data."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core.figures.provenance import mark
from core.figures.theme import figure_config


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
    """Show a figure with its caption, its source and a CSV of its data.

    Args:
        figure: The figure. Its toolbar downloads it as SVG.
        name: Unique on the page; names the widget and the downloaded files.
        caption: One line on what to see.
        source: Data set and origin of the labels.
        table: Makes the tidy table behind the figure; called only on download.
        on_click: Called with Streamlit's selection event when the reader clicks a point.
        labels: Data set and origin of the labels in few words, written into the figure and a
            column of the CSV, so that files that leave the page say it too.
    """
    key = f"figure-{name}"
    config = figure_config(name)
    if labels:
        mark(figure, labels)
    if on_click is None:
        st.plotly_chart(figure, key=key, theme=None, config=config)
    else:
        st.plotly_chart(
            figure,
            key=key,
            theme=None,
            config=config,
            selection_mode="points",
            on_select=lambda: on_click(st.session_state[key]),
        )
    text, button = st.columns([6, 1], vertical_alignment="center")
    text.caption(f"{caption}  \n{source}")
    button.download_button(
        "CSV",
        data=lambda: _csv(table(), labels),
        file_name=f"{name}.csv",
        mime="text/csv",
        key=f"csv-{name}",
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
        help="The data behind this figure. The figure's own toolbar saves it as SVG.",
    )


def _csv(table: pd.DataFrame, labels: str) -> bytes:
    return (table.assign(labels=labels) if labels else table).to_csv(index=False).encode()
