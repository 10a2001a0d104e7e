"""SHAP values of every explained material, one swarm per element."""

import plotly.graph_objects as go
import streamlit as st

from core.reference.importance.interpretation import shap_table
from core.report.importance import SWARMS, Analysis, swarm
from pages.parts.importance.analysis import BY_KEY, open_element
from pages.parts.shared.figure import show
from pages.parts.shared.page import is_dark


def show_swarm(_: list[Analysis], analysis: Analysis) -> list[str]:
    """Show the view.

    Returns:
        Options of the command that shows the same.
    """
    symbols = analysis.importance.table()["symbol"].tolist()
    most = max(min(40, len(symbols)), 6)
    top = st.slider(
        "Elements",
        min_value=5,
        max_value=most,
        value=min(SWARMS, most),
        key="top",
        bind="query-params",
        help="The most important ones, by mean |SHAP|.",
    )
    symbols = symbols[:top]
    show(
        swarm_figure(analysis, symbols, dark=is_dark()),
        name="importance-swarm",
        caption="Each point is a material: how far the element moves its predicted difference "
        "from the mean. Brighter points hold more of the element, grey ones none of it. Dense "
        "places are thinned, tails are drawn completely. Click a point to open its element.",
        source=analysis.source,
        table=lambda: shap_table(analysis.importance, analysis.choice.pairs, symbols),
        on_click=open_element,
    )
    return [] if top == SWARMS else ["--top", str(top)]


@st.cache_resource(max_entries=16, show_spinner="Drawing …", hash_funcs=BY_KEY)
def swarm_figure(analysis: Analysis, symbols: list[str], *, dark: bool) -> go.Figure:
    return swarm(analysis, symbols, dark=dark)
