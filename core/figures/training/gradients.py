"""Gradients of the paper's layers over the epochs, one panel per layer, one line per method."""

from collections.abc import Sequence
from typing import Final

import pandas as pd
import plotly.graph_objects as go

from core.figures.base.canvas import add_heading, canvas, shaded
from core.figures.base.scales import log_ticks
from core.figures.base.text import plain, precise
from core.figures.base.theme import (
    MARKERS_SHOWN,
    empty_figure,
    method_color,
    method_symbol,
    palette,
)

_COLUMNS: Final = 3
_PANEL_PX: Final = 210
_BAND_OPACITY: Final = 0.18
_MANY_POINTS: Final = 40


def gradient_panels(
    table: pd.DataFrame, *, probes: Sequence[str], methods: Sequence[str], dark: bool
) -> go.Figure:
    """Draw the gradient norm of each probe against the epoch.

    Source: Huang et al. 2025, Figure 3a, DOI 10.1038/s41524-025-01796-y.

    Args:
        table: columns method, epoch, probe and norm; several rows of one method, epoch and probe
            are its runs: their mean is the line, their range the band.
        probes: which panels, in order; those without a row are left out.
        methods: which lines, in the order of the legend.
        dark: which theme.
    """
    panels = [probe for probe in probes if (table["probe"] == probe).any()]
    if not panels:
        return empty_figure("No gradients yet: they come with the first tenth.", dark=dark)
    colors = palette(dark=dark)
    rows = -(-len(panels) // _COLUMNS)
    figure = canvas(
        height=_PANEL_PX * rows + 120,
        dark=dark,
        margin={"t": 40},
        grid={"rows": rows, "columns": _COLUMNS, "pattern": "independent", "ygap": 0.45},
    )
    for number, probe in enumerate(panels, start=1):
        panel = table[(table["probe"] == probe) & (table["norm"] > 0)]
        for method in methods:
            method_rows = panel[panel["method"] == method]
            if not method_rows.empty:
                figure.add_traces(_lines(method_rows, method, number))
        name = "" if number == 1 else str(number)
        figure.update_layout(
            {
                f"xaxis{name}": {
                    "title": {"text": "Epoch" if number > len(panels) - _COLUMNS else ""},
                    "rangemode": "tozero",
                },
                f"yaxis{name}": {"type": "log", **log_ticks(panel["norm"].to_numpy())},
            }
        )
        panel_axes = {"xref": f"x{name} domain", "yref": f"y{name} domain"}
        add_heading(figure, f"<b>{plain(probe)}</b>", font={"color": colors.text}, **panel_axes)
    title = "Norm of the gradient of the loss"
    add_heading(figure, title, yshift=20, font={"color": colors.muted})
    return figure


def _lines(method_rows: pd.DataFrame, method: str, number: int) -> list[go.Scatter]:
    """Return the band of a method's runs and the line of their mean."""
    suffix = number if number > 1 else ""
    axes = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
    by_epoch = method_rows.groupby("epoch")["norm"]
    mean, low, high, n = by_epoch.mean(), by_epoch.min(), by_epoch.max(), by_epoch.size()
    color = method_color(method)
    epochs = mean.index.to_numpy(dtype=float)
    line = go.Scatter(
        name=plain(method),
        legendgroup=method,
        showlegend=number == 1,
        mode="lines+markers",
        x=epochs,
        y=mean.to_numpy(),
        line={"color": color, "width": 2},
        marker={
            "color": color,
            "size": 6,
            "symbol": method_symbol(method),
            "maxdisplayed": 0 if len(mean) <= _MANY_POINTS else MARKERS_SHOWN,
        },
        hovertext=[
            f"<b>{plain(method)}</b><br>epoch {epoch:g}: {precise(value)}"
            + (f"<br>mean of {count} runs" if count > 1 else "")
            for epoch, value, count in zip(mean.index, mean, n, strict=True)
        ],
        **axes,
    )
    if n.max() < 2:
        return [line]
    band = shaded(
        epochs, low.to_numpy(), high.to_numpy(), color, opacity=_BAND_OPACITY, legendgroup=method
    )
    return [band.update(axes), line]
