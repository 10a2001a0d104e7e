"""The empty figure that all others begin with, and the traces that several of them share."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.figures.base.color import faint
from core.figures.base.text import with_unit
from core.figures.base.theme import Palette, template

LEGEND_MARGIN: Final = 92
"""Lower margin in px of a figure with a legend at its foot."""

Array = NDArray[np.float64]


@dataclass(kw_only=True, frozen=True, slots=True)
class Axis:
    """What an axis shows.

    Attributes:
        title: the quantity, without its unit; plain text.
        unit: its unit; empty for a pure number.
    """

    title: str
    unit: str

    @property
    def text(self) -> str:
        """The title with its unit, ready for plotly."""
        return with_unit(self.title, self.unit)


def canvas(
    *,
    height: int,
    dark: bool,
    x: str = "",
    y: str = "",
    legend: bool = True,
    revision: str = "figure",
    xaxis: dict[str, Any] | None = None,
    yaxis: dict[str, Any] | None = None,
    **layout: Any,
) -> go.Figure:
    """Return a figure without traces, in the look of one theme.

    Args:
        height: height in px.
        dark: which theme.
        x: title of the horizontal axis with its unit, ready for plotly.
        y: title of the vertical axis.
        legend: whether there is a legend at the foot.
        revision: zoom and hidden traces survive a redraw while this stays the same.
        xaxis: further properties of the horizontal axis.
        yaxis: the same of the vertical axis.
        layout: further properties of plotly's layout.
    """
    foot = {"margin": {"b": LEGEND_MARGIN}} if legend else {"margin": {}, "showlegend": False}
    return go.Figure(
        layout={
            "template": template(dark=dark),
            "height": height,
            "dragmode": "zoom",
            "uirevision": revision,
            "xaxis": {"title": {"text": x}, **(xaxis or {})},
            "yaxis": {"title": {"text": y}, **(yaxis or {})},
            **foot,
            **layout,
            "margin": foot["margin"] | layout.get("margin", {}),
        }
    )


def shaded(
    x: Array, low: Array, high: Array, color: str, *, opacity: float = 0.2, **options: Any
) -> go.Scatter:
    """Return the area between two curves.

    Args:
        x: (n,) rising.
        low: (n,) lower edge.
        high: (n,) upper edge.
        color: #RRGGBB.
        opacity: from 0 to 1.
        options: further properties of the trace, such as `legendgroup`.
    """
    return go.Scatter(
        **{"name": "band", "showlegend": False} | options,
        mode="lines",
        x=np.concatenate([x, x[::-1]]),
        y=np.concatenate([high, low[::-1]]),
        line={"width": 0},
        fill="toself",
        fillcolor=faint(color, opacity),
        hoverinfo="skip",
    )


def legend_entry(name: str, **look: Any) -> go.Scatter:
    """Return a legend entry that belongs to no data, such as what dashed means.

    Args:
        name: what the legend says.
        look: `mode` with `line` or `marker`.
    """
    return go.Scatter(name=name, x=[None], y=[None], hoverinfo="skip", meta="key", **look)


def dashed(name: str, dash: str, colors: Palette) -> go.Scatter:
    """Return a legend entry for a kind of line."""
    line = {"color": colors.muted, "width": 2, "dash": dash}
    return legend_entry(name, mode="lines", line=line)


def add_heading(figure: go.Figure, text: str, **options: Any) -> None:
    """Write a text above the upper left corner of a figure.

    Args:
        figure: changed in place.
        text: the text, ready for plotly.
        options: further properties of the annotation, such as `xref` and `yref` of one panel.
    """
    corner = {"x": 0.0, "y": 1.0, "xanchor": "left", "yanchor": "bottom"}
    paper = {"xref": "paper", "yref": "paper"}
    figure.add_annotation(text=text, **corner | paper | options)


def ring(x: float, y: float, colors: Palette) -> go.Scatter:
    """Return a ring around the selected point."""
    return go.Scatter(
        name="picked",
        showlegend=False,
        mode="markers",
        x=[x],
        y=[y],
        hoverinfo="skip",
        marker={
            "symbol": "circle-open",
            "size": 16,
            "color": colors.text,
            "line": {"width": 2.5},
        },
    )
