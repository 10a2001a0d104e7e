"""The curve of the learning-rate finder."""

from typing import Final

import pandas as pd
import plotly.graph_objects as go

from core.figures.base.canvas import canvas
from core.figures.base.scales import log_ticks
from core.figures.base.text import precise
from core.figures.base.theme import empty_figure, method_color, palette

HEIGHT: Final = 340


def rate_curve(
    table: pd.DataFrame, *, suggestion: float | None, method: str, dark: bool
) -> go.Figure:
    """Draw the loss against the learning rate that grew from step to step.

    Args:
        table: columns rate, loss and smoothed.
        suggestion: the rate that was taken; None where none was found.
        method: the run's method, which gives the color.
        dark: which theme.
    """
    if table.empty:
        return empty_figure("The loss diverged at the first step", dark=dark, height=HEIGHT)
    colors, color = palette(dark=dark), method_color(method)
    rates = table["rate"].to_numpy(dtype=float)
    figure = canvas(
        height=HEIGHT,
        dark=dark,
        x="Learning rate",
        y="Training loss",
        xaxis={"type": "log", **log_ticks(rates)},
        yaxis={"rangemode": "tozero"},
    )
    for name, column, look in (
        ("batch", "loss", {"opacity": 0.35, "line": {"color": color, "width": 1}}),
        ("smoothed", "smoothed", {"line": {"color": color, "width": 2.5}}),
    ):
        figure.add_trace(
            go.Scatter(
                name=name,
                mode="lines",
                x=rates,
                y=table[column],
                hovertemplate=f"rate %{{x:.2g}}<br>loss %{{y:.4g}} ({name})<extra></extra>",
                **look,
            )
        )
    if suggestion is not None:
        figure.add_vline(
            x=suggestion,
            line={"color": colors.text, "width": 1.5, "dash": "dash"},
            annotation={"text": f"taken: {precise(suggestion)}", "font": {"color": colors.text}},
        )
    return figure
