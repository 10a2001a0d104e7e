"""SHAP values of every explained material, one swarm an element."""

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core.elements import INDEX
from core.figures.importance.beeswarm import beeswarm
from pages.parts.importance.analysis import Analysis, Compared
from pages.parts.importance.table import turn_to_element
from pages.parts.shared.figure import show
from pages.parts.shared.page import is_dark


def show_swarm(compared: Compared) -> None:
    """Show the view."""
    analysis = compared.chosen
    found = analysis.found
    most = len(found.table())
    top = st.slider(
        "Elements",
        min_value=5,
        max_value=max(min(40, most), 6),
        value=min(15, max(min(40, most), 6)),
        key="top",
        bind="query-params",
        help="The most important ones, by mean |SHAP|.",
    )
    symbols = found.table()["symbol"].head(top).tolist()
    show(
        swarm_figure(analysis.key, tuple(symbols), analysis, compared, dark=is_dark()),
        name="importance-swarm",
        caption="Each point is a material: how far the element moves its predicted difference "
        "from the mean. Brighter points hold more of the element, grey ones none of it. Crowds "
        "are thinned, tails are drawn whole. Click a point to see the element alone.",
        source=compared.source(analysis),
        labels=compared.choice.labels,
        table=lambda: values(analysis, compared, symbols),
        on_click=turn_to_element,
    )


@st.cache_resource(max_entries=16, show_spinner="Drawing …")
def swarm_figure(
    key: str,  # noqa: ARG001  part of the cache's key
    symbols: tuple[str, ...],
    _analysis: Analysis,
    _compared: Compared,
    *,
    dark: bool,
) -> go.Figure:
    """Draw the swarms once for all readers."""
    found = _analysis.found
    pairs = _compared.choice.pairs.select(found.shap_rows)
    columns = [INDEX[symbol] for symbol in symbols]
    return beeswarm(
        symbols,
        found.shap[:, columns],
        pairs.fractions[:, columns],
        names=pairs.names(),
        title=f"SHAP value for the {_compared.what.partition(' (')[0]}",
        dark=dark,
    )


def values(analysis: Analysis, compared: Compared, symbols: list[str]) -> pd.DataFrame:
    """Return the SHAP values of all explained materials."""
    found = analysis.found
    pairs = compared.choice.pairs.select(found.shap_rows)
    table = pd.DataFrame(found.shap[:, [INDEX[s] for s in symbols]], columns=symbols)
    table.insert(0, "formula", pairs.formula)
    table.insert(0, "material_id", pairs.material_id)
    return table
