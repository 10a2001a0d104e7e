"""Histograms along the two axes of a figure."""

from typing import Final

import numpy as np
import plotly.graph_objects as go

from core.figures.base.canvas import Array
from core.figures.base.cloud import Cloud, Range, padded
from core.figures.base.text import plain, precise

HISTOGRAM_BINS: Final = 60
SHARE: Final = 0.13
"""Part of a figure's width and height that its histograms take."""

_GAP: Final = 0.015
_SAME_UNITS_UP_TO: Final = 3.0
"""Both axes share one range if it is at most this many times wider than either variable's."""


def ranges(cloud: Cloud) -> tuple[Range, Range]:
    """Return the ranges of both axes: the same for both unless that would squeeze one of them.

    Args:
        cloud: at least one point.
    """
    low_x, high_x = float(cloud.x.min()), float(cloud.x.max())
    low_y, high_y = float(cloud.y.min()), float(cloud.y.max())
    joined = max(high_x, high_y) - min(low_x, low_y)
    if joined <= _SAME_UNITS_UP_TO * min(high_x - low_x, high_y - low_y):
        low_x = low_y = min(low_x, low_y)
        high_x = high_y = max(high_x, high_y)
    return padded(low_x, high_x), padded(low_y, high_y)


def add_histograms(
    figure: go.Figure,
    cloud: Cloud,
    x_range: Range,
    y_range: Range,
    groups: dict[str, tuple[np.ndarray, str]],
) -> None:
    """Add a histogram above a figure and one at its right, which zoom with it.

    Args:
        figure: changed in place; its axes have their titles.
        cloud: the points to count.
        x_range: limits of the horizontal axis.
        y_range: limits of the vertical axis.
        groups: row numbers and colour of each group, by name.
    """
    main, edge = [0.0, 1.0 - SHARE - _GAP], [1.0 - SHARE, 1.0]
    bare = {"visible": False, "fixedrange": True, "rangemode": "tozero"}
    figure.update_layout(
        barmode="stack",
        bargap=0.0,
        xaxis={"domain": main, "range": x_range},
        yaxis={"domain": main, "range": y_range},
        xaxis2={"matches": "x", "visible": False, "domain": main, "anchor": "y2"},
        yaxis2={"domain": edge, "anchor": "x2", **bare},
        xaxis3={"domain": edge, "anchor": "y3", **bare},
        yaxis3={"matches": "y", "visible": False, "domain": main, "anchor": "x3"},
    )
    for along, values, limits in (("x", cloud.x, x_range), ("y", cloud.y, y_range)):
        edges = np.linspace(*limits, HISTOGRAM_BINS + 1)
        title = figure.layout[f"{along}axis"].title.text
        for name, (rows, color) in groups.items():
            figure.add_trace(_bars(values[rows], edges, title, along, color=color, group=name))


def _bars(values: Array, edges: Array, title: str, along: str, *, color: str, group: str) -> go.Bar:
    counts, _ = np.histogram(values, edges)
    centres, upright = (edges[:-1] + edges[1:]) / 2, along == "x"
    number = 2 if upright else 3
    return go.Bar(
        name=plain(group) or "histogram",
        legendgroup=group,
        showlegend=False,
        orientation="v" if upright else "h",
        x=centres if upright else counts,
        y=counts if upright else centres,
        width=float(edges[1] - edges[0]),
        marker={"color": color, "line": {"width": 0}},
        hovertext=[
            f"{title}<br>{precise(low)} to {precise(high)}<br>Pairs in this bin: {count:,}"
            for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
        ],
        xaxis=f"x{number}",
        yaxis=f"y{number}",
    )
