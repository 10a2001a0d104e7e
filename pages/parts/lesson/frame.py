"""A figure of the lesson, as large as a room needs it, and the look of a presentation."""

import streamlit as st

from core.figures.base.enlarged import enlarged
from core.figures.base.resolved import resolved
from core.figures.base.theme import figure_config
from pages.parts.lesson.figures import Shown
from pages.parts.shared.datasets import model_badge
from pages.parts.shared.figure import show

_STYLE = """<style>
html { font-size: 21px; }
[data-testid="stSidebar"], [data-testid="stExpandSidebarButton"], header[data-testid="stHeader"],
[data-testid="stMain"] h1, .st-key-view, .st-key-share { display: none; }
[data-testid="stMainBlockContainer"] { padding: 0.5rem 2rem; }
[data-testid="stMainBlockContainer"] > [data-testid="stVerticalBlock"] { gap: 0.4rem; }
</style>"""
"""Large type, and nothing but the step."""


def presentation_style() -> None:
    """Hide what is not part of the step, and enlarge the type."""
    st.html(_STYLE)


def show_figure(shown: Shown, name: str, *, large: bool) -> None:
    """Show a step's figure.

    Args:
        shown: the figure.
        name: unique on the page.
        large: whether it is presented to a room.
    """
    if not large:
        show(
            shown.figure,
            name=f"lesson-{name}",
            caption=shown.caption,
            source=shown.source,
            table=shown.table,
        )
        return
    st.plotly_chart(
        resolved(enlarged(shown.figure)),
        key=f"large-{name}",
        theme=None,
        config=figure_config(name) | {"displayModeBar": False},
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        model_badge(shown.source.labels)
        st.caption(shown.caption, width="stretch")
