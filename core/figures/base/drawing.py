"""Text, cells and brackets for figures that show a calculation."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.figures.base.theme import SMALL_FONT_SIZE

_INSET: Final = 0.04


def write(
    figure: go.Figure,
    name: str,
    x: Sequence[float],
    y: Sequence[float],
    text: list[str],
    color: list[str],
    *,
    size: int = SMALL_FONT_SIZE,
) -> None:
    """Add a trace of texts without markers.

    Args:
        figure: What to add to.
        name: Name of the trace.
        x: (n,) centres of the texts.
        y: (n,) the same vertically.
        text: n texts, ready for plotly.
        color: n colours.
        size: Font size in px.
    """
    figure.add_trace(
        go.Scatter(
            name=name,
            mode="text",
            x=x,
            y=y,
            text=text,
            textfont={"color": color, "size": size},
            hoverinfo="skip",
            cliponaxis=False,
        )
    )


def cell(
    figure: go.Figure, left: float, right: float, row: float, rgb: NDArray[np.float64]
) -> None:
    """Add a filled rectangle, one unit high around `row`.

    Args:
        figure: What to add to.
        left: Left edge.
        right: Right edge.
        row: Vertical centre.
        rgb: (3,) red, green and blue, each 0 to 1.
    """
    red, green, blue = (round(255 * channel) for channel in rgb)
    figure.add_shape(
        type="rect",
        x0=left + _INSET,
        x1=right - _INSET,
        y0=row - 0.5 + _INSET,
        y1=row + 0.5 - _INSET,
        fillcolor=f"rgb({red},{green},{blue})",
        line={"width": 0},
        layer="below",
    )


def brackets(
    figure: go.Figure, left: float, right: float, top: float, bottom: float, color: str
) -> None:
    """Add the square brackets of a matrix around a rectangle."""
    for x, inward in ((left, 0.1), (right, -0.1)):
        figure.add_shape(
            type="path",
            path=f"M {x + inward} {top} L {x} {top} L {x} {bottom} L {x + inward} {bottom}",
            line={"color": color, "width": 2},
        )
