"""A quantity of each pair against any other: points or a density, with a running median; boxes."""

from collections.abc import Sequence
from typing import Final

import pandas as pd
import plotly.graph_objects as go

from core.figures.base.canvas import Array, Axis, canvas, ring, shaded
from core.figures.base.cloud import DENSITY_ABOVE, add_cloud, finite_cloud, padded
from core.figures.base.color import faint
from core.figures.base.text import plain
from core.figures.base.theme import empty_figure, palette

HEIGHT: Final = 560
MOST_BOXES: Final = 16
"""Categories drawn; the rest are in the table."""

_ROW: Final = 34
_BAND: Final = 0.22
"""Opacity of bands and boxes."""


def against(
    x: Array,
    y: Array,
    *,
    x_axis: Axis,
    y_axis: Axis,
    trend: pd.DataFrame,
    hover: Sequence[str] | None = None,
    ids: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
    picked: str | None = None,
    density_above: int = DENSITY_ABOVE,
    dark: bool,
) -> go.Figure:
    """Draw a quantity of each pair against another one, with its running median.

    Args:
        x: (n,) horizontal coordinates; points that are not finite are left out.
        y: (n,) vertical coordinates.
        x_axis: title and unit of x.
        y_axis: title and unit of y.
        trend: the running median, as `core.reference.shifts.explore.running_median` makes it.
        hover: n plain texts that open the hover labels.
        ids: n identifiers, which a click on a point reports as `customdata`.
        groups: n group names, one colour each.
        picked: the identifier of the point to ring.
        density_above: above so many points, show a density image that cannot be clicked.
        dark: which theme.
    """
    cloud = finite_cloud(x, y, hover=hover, ids=ids, groups=groups)
    if not len(cloud.x):
        note = "No pair has this number: choose another column."
        return empty_figure(note, dark=dark, height=HEIGHT)
    colors = palette(dark=dark)
    figure = canvas(
        height=HEIGHT,
        dark=dark,
        x=x_axis.text,
        y=y_axis.text,
        revision=f"{x_axis.text}|{y_axis.text}|{len(cloud.x)}",
        clickmode="event+select",
    )
    add_cloud(
        figure,
        cloud,
        padded(cloud.x.min(), cloud.x.max()),
        padded(cloud.y.min(), cloud.y.max()),
        colors=colors,
        density_above=density_above,
    )
    places, low, middle, high = (trend[name].to_numpy() for name in ("x", "low", "median", "high"))
    figure.add_trace(
        shaded(
            places,
            low,
            high,
            colors.text,
            opacity=_BAND,
            name="band: half of the pairs",
            legendgroup="trend",
            showlegend=True,
        )
    )
    figure.add_trace(
        go.Scatter(
            name="running median",
            legendgroup="trend",
            mode="lines+markers" if len(trend) < 12 else "lines",
            x=places,
            y=middle,
            line={"color": colors.text, "width": 2.5},
            hovertemplate=(
                f"Running median<br>{x_axis.text}: %{{x:.4~g}}<br>"
                f"{y_axis.text}: %{{y:.3f}}<extra></extra>"
            ),
        )
    )
    if picked is not None and cloud.ids is not None and picked in cloud.ids:
        row = cloud.ids.index(picked)
        figure.add_trace(ring(cloud.x[row], cloud.y[row], colors))
    return figure


def boxes(table: pd.DataFrame, *, title: str, axis: Axis, dark: bool) -> go.Figure:
    """Draw a quantity within each category as boxes: quartiles, and whiskers to 5 % and 95 %.

    Args:
        table: one row per category, in the order to draw: category, n, mean, low, first, median,
            third and high, as `core.reference.shifts.explore.by_category` makes it.
        title: what the categories are; plain text.
        axis: the quantity.
        dark: which theme.
    """
    if table.empty:
        note = "No pair has this: choose another column."
        return empty_figure(note, dark=dark, height=HEIGHT)
    categories = table.head(MOST_BOXES)
    colors = palette(dark=dark)
    names = [plain(str(name)) for name in categories["category"]]
    figure = canvas(
        height=130 + _ROW * len(categories),
        dark=dark,
        x=axis.text,
        y=plain(title),
        legend=False,
        yaxis={"type": "category", "autorange": "reversed"},
        margin={"l": 120},
    )
    figure.add_trace(
        go.Box(
            orientation="h",
            y=names,
            lowerfence=categories["low"],
            q1=categories["first"],
            median=categories["median"],
            q3=categories["third"],
            upperfence=categories["high"],
            mean=categories["mean"],
            line={"color": colors.accent, "width": 1.5},
            fillcolor=faint(colors.accent, _BAND),
            whiskerwidth=0.5,
            hoverinfo="skip",
        )
    )
    figure.add_trace(
        go.Scatter(
            mode="markers",
            x=categories["median"],
            y=names,
            marker={"size": 14, "opacity": 0},
            hovertext=[
                f"<b>{name}</b>, {row.n:,} pairs<br>median {row.median:.3f}, mean {row.mean:.3f}"
                f"<br>half within {row.first:.3f} to {row.third:.3f}"
                f"<br>90 % within {row.low:.3f} to {row.high:.3f}"
                for name, row in zip(names, categories.itertuples(), strict=True)
            ],
        )
    )
    return figure
