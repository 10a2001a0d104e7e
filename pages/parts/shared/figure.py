"""A figure on a page: the chart, what to see in it, where it comes from, and its data."""

from collections.abc import Callable
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from core.csv_text import csv_text
from core.figures.base.resolved import resolved
from core.figures.base.theme import WIDE, figure_config
from core.frames.provenance import Provenance
from pages.parts.shared.images import save_buttons
from pages.parts.shared.page import plain


def show(
    figure: go.Figure,
    *,
    name: str,
    caption: str,
    source: Provenance,
    table: Callable[[], Any],
    on_click: Callable[[Any], None] | None = None,
) -> None:
    """Show a figure with its caption, where it comes from, and buttons for SVG, PNG and CSV.

    Args:
        figure: the figure.
        name: unique on the page; names the widget and the downloaded files.
        caption: one line on what to see.
        source: data and origin of the labels; exported files say it too.
        table: makes the tidy pandas table behind the figure; called only on download.
        on_click: called with Streamlit's selection event when the reader clicks a point.
    """
    with st.container():
        _chart(figure, name, on_click)
        st.caption(caption)
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            save_buttons(name, source.line)
            st.download_button(
                "CSV",
                data=lambda: csv_text(table().assign(labels=source.line)).encode(),
                file_name=f"{name}.csv",
                mime="text/csv",
                key=f"csv-{name}",
                on_click="ignore",
                help="The data behind this figure.",
            )
            st.popover(
                "Source", icon=":material/info:", help="Data and origin of the labels."
            ).markdown(plain(source.text))


def _chart(figure: go.Figure, name: str, on_click: Callable[[Any], None] | None) -> None:
    key, config = f"figure-{name}", figure_config(name)
    # On a narrow screen a wide figure keeps its width, and the reader moves it sideways.
    around = st.container(key=f"{WIDE}-{name}") if figure.layout.meta == WIDE else st.container()
    figure = resolved(figure, clicked=on_click is not None)
    if on_click is None:
        around.plotly_chart(figure, key=key, theme=None, config=config)
        return
    around.plotly_chart(
        figure,
        key=key,
        theme=None,
        config=config,
        selection_mode="points",
        on_select=lambda: on_click(st.session_state[key]),
    )
