"""A quantity of each pair against any other: points or a density, with a running median; boxes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.figures.base.color import faint
from core.figures.base.marginals import DENSITY_ABOVE, Array, Panel, finite_cloud
from core.figures.base.text import plain, with_unit
from core.figures.base.theme import Palette, empty_figure, palette, template
from core.figures.shifts.parity import by_group, count_axis, density_image

HEIGHT: Final = 560
MOST_BOXES: Final = 16
"""Categories drawn; the rest are in the table."""

_ROW: Final = 34
_BAND: Final = 0.22
"""Opacity of bands and boxes."""


@dataclass(kw_only=True, frozen=True, slots=True)
class Axis:
    """What an axis shows.

    Attributes:
        title: The quantity, without its unit; plain text.
        unit: Its unit; empty for a pure number.
    """

    title: str
    unit: str

    @property
    def text(self) -> str:
        """The title with its unit, ready for plotly."""
        return with_unit(self.title, self.unit)


@dataclass(kw_only=True, frozen=True, slots=True)
class Trend:
    """A running median with its band.

    Attributes:
        x: (k,) rising.
        median: (k,)
        low: (k,) lower edge of the band.
        high: (k,) upper edge of the band.
        band: What the band covers, such as "half of the pairs".
    """

    x: Array
    median: Array
    low: Array
    high: Array
    band: str


def against(
    x: Array,
    y: Array,
    *,
    x_axis: Axis,
    y_axis: Axis,
    trend: Trend,
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
        x_axis: Title and unit of x.
        y_axis: Title and unit of y.
        trend: The running median.
        hover: n plain texts that open the hover labels.
        ids: n identifiers, which a click on a point reports as `customdata`.
        groups: n group names, one colour each.
        picked: The identifier of the point to ring.
        density_above: Above so many points, show a density image that cannot be clicked.
        dark: Which theme.
    """
    cloud = finite_cloud(x, y, hover=hover, ids=ids, groups=groups)
    if not len(cloud.x):
        note = "No pair has this number: choose another column."
        return empty_figure(note, dark=dark, height=HEIGHT)
    colors = palette(dark=dark)
    figure = go.Figure(
        layout={
            "template": template(dark=dark),
            "height": HEIGHT,
            "margin": {"l": 64, "r": 12, "t": 12, "b": 96},
            "clickmode": "event+select",
            "dragmode": "zoom",
            "uirevision": f"{x_axis.text}|{y_axis.text}|{len(cloud.x)}",
            "xaxis": {"title": {"text": x_axis.text}},
            "yaxis": {"title": {"text": y_axis.text}},
        }
    )
    if len(cloud.x) > density_above:
        panel = Panel(
            number=1,
            left=0.0,
            right=1.0,
            x_title=x_axis.text,
            y_title=y_axis.text,
            unit=y_axis.unit,
            colors=colors,
        )
        figure.add_trace(density_image(cloud, panel, _range(cloud.x), _range(cloud.y)))
        figure.update_layout(coloraxis=count_axis(figure, colors))
    else:
        for name, (rows, color) in by_group(cloud, colors).items():
            texts = None if cloud.hover is None else [plain(cloud.hover[i]) for i in rows]
            figure.add_trace(
                go.Scatter(
                    name=plain(name) or "pairs",
                    showlegend=bool(name),
                    mode="markers",
                    x=cloud.x[rows],
                    y=cloud.y[rows],
                    customdata=None if cloud.ids is None else [cloud.ids[i] for i in rows],
                    hovertext=texts,
                    hovertemplate=(
                        ("" if texts is None else "%{hovertext}<br>")
                        + f"{x_axis.text}: %{{x:.4~g}}<br>{y_axis.text}: %{{y:.3f}}<extra></extra>"
                    ),
                    marker={"color": color, "size": 6, "opacity": 0.55, "line": {"width": 0}},
                    # A click selects, and plotly would fade all else; the ring says it instead.
                    selected={"marker": {"opacity": 0.55}},
                    unselected={"marker": {"opacity": 0.55}},
                )
            )
    _draw_trend(figure, trend, x_axis, y_axis, colors)
    if picked is not None and cloud.ids is not None and picked in cloud.ids:
        _ring(figure, cloud.x[cloud.ids.index(picked)], cloud.y[cloud.ids.index(picked)], colors)
    return figure


def _range(values: Array) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    margin = 0.03 * (high - low) or 0.5
    return low - margin, high + margin


def _draw_trend(
    figure: go.Figure, trend: Trend, x_axis: Axis, y_axis: Axis, colors: Palette
) -> None:
    figure.add_trace(
        go.Scatter(
            name=plain(f"band: {trend.band}"),
            legendgroup="trend",
            x=np.concatenate([trend.x, trend.x[::-1]]),
            y=np.concatenate([trend.high, trend.low[::-1]]),
            fill="toself",
            fillcolor=faint(colors.text, _BAND),
            mode="lines",
            line={"width": 0},
            hoverinfo="skip",
        )
    )
    figure.add_trace(
        go.Scatter(
            name="running median",
            legendgroup="trend",
            mode="lines+markers" if len(trend.x) < 12 else "lines",
            x=trend.x,
            y=trend.median,
            line={"color": colors.text, "width": 2.5},
            hovertemplate=(
                f"Running median<br>{x_axis.text}: %{{x:.4~g}}<br>"
                f"{y_axis.text}: %{{y:.3f}}<extra></extra>"
            ),
        )
    )


def _ring(figure: go.Figure, x: float, y: float, colors: Palette) -> None:
    figure.add_trace(
        go.Scatter(
            name="picked",
            showlegend=False,
            mode="markers",
            x=[x],
            y=[y],
            hoverinfo="skip",
            marker={
                "symbol": "circle-open",
                "size": 15,
                "color": colors.text,
                "line": {"width": 2.5},
            },
        )
    )


def boxes(table: pd.DataFrame, *, title: str, axis: Axis, dark: bool) -> go.Figure:
    """Draw a quantity within each category as boxes: quartiles, and whiskers to 5 % and 95 %.

    Args:
        table: One row a category, in the order to draw: category, n, mean, low, first, median,
            third and high, as `core.reference.shifts.explore.by_category` makes it.
        title: What the categories are; plain text.
        axis: The quantity.
        dark: Which theme.
    """
    if table.empty:
        note = "No pair has this: choose another column."
        return empty_figure(note, dark=dark, height=HEIGHT)
    shown = table.head(MOST_BOXES)
    colors = palette(dark=dark)
    names = [plain(str(name)) for name in shown["category"]]
    figure = go.Figure(
        layout={
            "template": template(dark=dark),
            "height": 110 + _ROW * len(shown),
            "margin": {"l": 120, "r": 12, "t": 12, "b": 56},
            "showlegend": False,
            "xaxis": {"title": {"text": axis.text}},
            "yaxis": {"title": {"text": plain(title)}, "type": "category", "autorange": "reversed"},
        }
    )
    figure.add_trace(
        go.Box(
            orientation="h",
            y=names,
            lowerfence=shown["low"],
            q1=shown["first"],
            median=shown["median"],
            q3=shown["third"],
            upperfence=shown["high"],
            mean=shown["mean"],
            line={"color": colors.accent, "width": 1.5},
            fillcolor=faint(colors.accent, _BAND),
            whiskerwidth=0.5,
            hoverinfo="skip",
        )
    )
    figure.add_trace(
        go.Scatter(
            mode="markers",
            x=shown["median"],
            y=names,
            marker={"size": 14, "opacity": 0},
            hovertext=[
                f"<b>{name}</b>, {row.n:,} pairs<br>median {row.median:.3f}, mean {row.mean:.3f}"
                f"<br>half within {row.first:.3f} to {row.third:.3f}"
                f"<br>90 % within {row.low:.3f} to {row.high:.3f}"
                for name, row in zip(names, shown.itertuples(), strict=True)
            ],
            hovertemplate="%{hovertext}<extra></extra>",
        )
    )
    return figure
