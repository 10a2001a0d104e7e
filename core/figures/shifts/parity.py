"""One energy against another, point by point, with histograms along both axes."""

from collections.abc import Sequence
from typing import Final

import plotly.graph_objects as go

from core.figures.base.canvas import Array, add_heading, canvas
from core.figures.base.cloud import DENSITY_ABOVE, Range, add_cloud, finite_cloud
from core.figures.base.marginals import add_histograms, ranges
from core.figures.base.text import plain, with_unit
from core.figures.base.theme import FONT_SIZE, Palette, empty_figure, palette

HEIGHT: Final = 580
POINTS_AT_MOST: Final = 5_000
"""More points are shown as a density image unless colours tell groups apart: a browser takes half a
second to draw so many, and a figure of pairs comes with another."""


def parity(
    x: Array,
    y: Array,
    *,
    x_title: str,
    y_title: str,
    title: str = "",
    unit: str = "eV/atom",
    hover: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
    height: int = HEIGHT,
    dark: bool,
) -> go.Figure:
    """Draw target against source energies with marginal histograms.

    Both axes share one range, so that the dashed diagonal runs from corner to corner, unless that
    would leave one variable less than a third of its axis.

    Source: Huang et al. 2025, Figures 1b and 2b, DOI 10.1038/s41524-025-01796-y.

    Args:
        x: (n,) horizontal coordinates; points that are not finite are left out.
        y: (n,) vertical coordinates.
        x_title: title of the horizontal axis, without its unit; plain text, as all that follows.
        y_title: title of the vertical axis, without its unit.
        title: what stands over the figure, such as "Scaled energy, r = 0.989".
        unit: unit of both axes.
        hover: n texts that open the hover labels; line breaks stay.
        groups: n group names, one colour each; beyond seven, the rarest are joined as "other".
        height: height in px.
        dark: which theme.
    """
    cloud = finite_cloud(x, y, hover=hover, groups=groups)
    if not len(cloud.x):
        return empty_figure("No data yet: there is no pair to show.", dark=dark, height=height)
    density_above = POINTS_AT_MOST if groups is None else DENSITY_ABOVE
    colors = palette(dark=dark)
    figure = canvas(
        height=height,
        dark=dark,
        x=with_unit(x_title, unit),
        y=with_unit(y_title, unit),
        revision=f"{x_title}|{y_title}|{len(cloud.x)}",
    )
    x_range, y_range = ranges(cloud)
    groups_of = add_cloud(
        figure,
        cloud,
        x_range,
        y_range,
        colors=colors,
        density_above=density_above,
        difference=unit,
    )
    figure.add_trace(diagonal(x_range, y_range, "equal energies", colors))
    add_histograms(figure, cloud, x_range, y_range, groups_of)
    if title:
        font = {"size": FONT_SIZE, "color": colors.text}
        add_heading(figure, f"<b>{plain(title)}</b>", font=font)
    return figure


def diagonal(x_range: Range, y_range: Range, name: str, colors: Palette) -> go.Scatter:
    """Return the line y = x where both ranges have it.

    Args:
        x_range: limits of the horizontal axis.
        y_range: limits of the vertical axis.
        name: what lies on the line.
        colors: the theme.
    """
    low, high = max(x_range[0], y_range[0]), min(x_range[1], y_range[1])
    outside = high <= low
    ends = [None] if outside else [low, high]
    return go.Scatter(
        name=f"{name} lie outside" if outside else f"{name} (y = x)",
        mode="lines",
        showlegend=True,
        x=ends,
        y=ends,
        line={"color": colors.muted, "width": 1.5, "dash": "dash"},
        hoverinfo="skip",
    )
