"""A line in the figure itself that says which data and whose labels it shows."""

import plotly.graph_objects as go

from core.figures.text import plain
from core.figures.theme import FONT_SIZE

_LINE = 26
"""Height of the line in px."""


def mark(figure: go.Figure, text: str) -> go.Figure:
    """Write a line over a figure, so that an exported file says where it comes from.

    Args:
        figure: Changed in place: its title becomes the line, and it grows by the line's height. One
            that has its line already stays as it is.
        text: Plain text, such as "Data: mine. Labels: DFT".

    Returns:
        The same figure.
    """
    layout = figure.layout
    if layout.title.text == plain(text):
        return figure
    top = layout.margin.t if layout.margin.t is not None else layout.template.layout.margin.t
    figure.update_layout(
        title={
            "text": plain(text),
            "font": {"size": FONT_SIZE},
            "x": 0,
            "xanchor": "left",
            "y": 1,
            "yref": "container",
            "yanchor": "top",
            "pad": {"t": 6, "l": 4},
        },
        margin={"t": (top or 0) + _LINE},
    )
    if layout.height is not None:
        figure.update_layout(height=layout.height + _LINE)
    return figure
