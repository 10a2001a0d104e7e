"""A line in the figure itself that says which data and whose labels it shows."""

import re
import textwrap

import plotly.graph_objects as go

from core.figures.base.text import plain
from core.figures.base.theme import SMALL_FONT_SIZE

_LONGEST = 48
"""Letters that fit in a figure of half a narrow page: plotly cuts off what does not."""

_PADDING = 8
_LINE = 18
"""Height of a line in px."""


def mark(figure: go.Figure, text: str) -> go.Figure:
    """Write a line or more over a figure, so that an exported file says where it comes from.

    Args:
        figure: Changed in place: its title becomes the text, and it grows by its height. One that
            has its text already stays as it is.
        text: Plain text, such as "Data: mine. Labels: DFT".

    Returns:
        The same figure.
    """
    layout = figure.layout
    lines = _lines(text)
    written = plain("\n".join(lines))
    if layout.title.text == written:
        return figure
    height = _PADDING + _LINE * len(lines)
    top = layout.margin.t if layout.margin.t is not None else layout.template.layout.margin.t
    figure.update_layout(
        title={
            "text": written,
            "font": {"size": SMALL_FONT_SIZE},
            "x": 0,
            "xanchor": "left",
            "y": 1,
            "yref": "container",
            "yanchor": "top",
            # plotly.js puts one line below its anchor, but of several the first one's baseline.
            "pad": {"t": 6 if len(lines) == 1 else 6 + 0.7 * SMALL_FONT_SIZE, "l": 4},
        },
        margin={"t": (top or 0) + height},
    )
    if layout.height is not None:
        figure.update_layout(height=layout.height + height)
    return figure


def _lines(text: str) -> list[str]:
    """Break a text that does not fit in a line, between sentences where that is enough."""
    sentences = [text] if len(text) <= _LONGEST else re.split(r"(?<=\.) (?=[A-Z])", text)
    return [
        line
        for sentence in sentences
        for line in textwrap.wrap(sentence, _LONGEST, break_on_hyphens=False)
    ]
