"""A line in the figure itself that says which data and whose labels it shows."""

import plotly.graph_objects as go

from core.figures.text import plain
from core.figures.theme import FONT_SIZE

_LINE = 26
"""Height of the line in px."""


def mark(figure: go.Figure, text: str) -> go.Figure:
    """Write a line at the foot of a figure, so that an exported file says where it comes from.

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
    bottom = layout.margin.b if layout.margin.b is not None else layout.template.layout.margin.b
    figure.update_layout(
        title={
            "text": plain(text),
            "font": {"size": FONT_SIZE},
            "x": 0,
            "xanchor": "left",
            "y": 0,
            "yref": "container",
            "yanchor": "bottom",
            "pad": {"b": 4, "l": 4},
        },
        margin={"b": (bottom or 0) + _LINE},
    )
    if layout.height is not None:
        figure.update_layout(height=layout.height + _LINE)
    return figure
