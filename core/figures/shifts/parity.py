"""One energy against another, point by point, with histograms along both axes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import plotly.graph_objects as go

from core.figures.base.marginals import (
    DENSITY_ABOVE,
    DENSITY_BINS,
    HISTOGRAM_BINS,
    Array,
    Cloud,
    Panel,
    finite_cloud,
    histogram_bars,
    lay_out,
    ranges,
)
from core.figures.base.text import plain, with_unit
from core.figures.base.theme import FONT_SIZE, Palette, empty_figure, palette, template

WIDTH: Final = 620
"""Width in px at which the panel of a parity figure is square."""

HEIGHT: Final = 660
PAIR_WIDTH: Final = 1120
PAIR_HEIGHT: Final = 600

_OTHERS: Final = "other"


@dataclass(kw_only=True, frozen=True, slots=True)
class Side:
    """One panel of `before_after`.

    Attributes:
        title: What the panel shows, such as "Scaled energy, r = 0.989".
        x: (n,) source energies.
        y: (n,) target energies.
        x_title: Title of the horizontal axis, without its unit.
        y_title: Title of the vertical axis, without its unit.
    """

    title: str
    x: Array
    y: Array
    x_title: str
    y_title: str


def parity(
    x: Array,
    y: Array,
    *,
    x_title: str,
    y_title: str,
    unit: str = "eV/atom",
    hover: Sequence[str] | None = None,
    ids: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
    density_above: int = DENSITY_ABOVE,
    diagonal: bool = True,
    dark: bool,
) -> go.Figure:
    """Draw target against source energies with marginal histograms.

    Both axes share one range, so that the dashed diagonal runs from corner to corner, unless that
    would leave one variable less than a third of its axis.

    Source: Huang et al. 2025, Figure 1b, DOI 10.1038/s41524-025-01796-y.

    Args:
        x: (n,) horizontal coordinates; points that are not finite are left out.
        y: (n,) vertical coordinates.
        x_title: Title of the horizontal axis, without its unit; plain text, as all that follows.
        y_title: Title of the vertical axis, without its unit.
        unit: Unit of both axes.
        hover: n texts that open the hover labels; line breaks stay.
        ids: n identifiers, which a click on a point reports as `customdata`.
        groups: n group names, one colour each; beyond seven, the rarest are joined as "other".
        density_above: Above so many points, show a density image that cannot be clicked.
        diagonal: Draw the line of equal energies.
        dark: Which theme.
    """
    cloud = finite_cloud(x, y, hover=hover, ids=ids, groups=groups)
    if not len(cloud.x):
        return empty_figure("No data yet: there is no pair to show.", dark=dark, height=HEIGHT)
    figure = _canvas(WIDTH, HEIGHT, revision=f"{x_title}|{y_title}|{len(cloud.x)}", dark=dark)
    panel = Panel(
        number=1,
        left=0.0,
        right=1.0,
        x_title=with_unit(x_title, unit),
        y_title=with_unit(y_title, unit),
        unit=unit,
        colors=palette(dark=dark),
    )
    _fill(figure, panel, cloud, density_above=density_above, diagonal=diagonal)
    return figure


def before_after(
    before: Side,
    after: Side,
    *,
    unit: str = "eV/atom",
    hover: Sequence[str] | None = None,
    ids: Sequence[str] | None = None,
    density_above: int = DENSITY_ABOVE,
    dark: bool,
) -> go.Figure:
    """Draw the same pairs before and after their references are taken out, side by side.

    Source: Huang et al. 2025, Figures 1b and 2b, DOI 10.1038/s41524-025-01796-y.

    Args:
        before: The left panel, such as total energies.
        after: The right panel, such as scaled energies.
        unit: Unit of all axes.
        hover: n texts that open the hover labels of both panels.
        ids: n identifiers, which a click on a point of either panel reports as `customdata`.
        density_above: Above so many points, show density images.
        dark: Which theme.
    """
    colors = palette(dark=dark)
    sides = [
        (side, finite_cloud(side.x, side.y, hover=hover, ids=ids, groups=None))
        for side in (before, after)
    ]
    if not all(len(cloud.x) for _, cloud in sides):
        return empty_figure("No data yet: there is no pair to show.", dark=dark, height=PAIR_HEIGHT)
    revision = f"{before.title}|{after.title}|{len(before.x)}"
    figure = _canvas(PAIR_WIDTH, PAIR_HEIGHT, revision=revision, dark=dark)
    for number, (side, cloud) in enumerate(sides, start=1):
        left, right = ((0.0, 0.455), (0.545, 1.0))[number - 1]
        panel = Panel(
            number=number,
            left=left,
            right=right,
            x_title=with_unit(side.x_title, unit),
            y_title=with_unit(side.y_title, unit),
            unit=unit,
            colors=colors,
        )
        _fill(figure, panel, cloud, density_above=density_above, diagonal=True)
        figure.add_annotation(
            text=f"<b>{plain(side.title)}</b>",
            x=left,
            y=1.0,
            xref="paper",
            yref="paper",
            xanchor="left",
            yanchor="bottom",
            font={"size": FONT_SIZE, "color": colors.text},
        )
    return figure


def _canvas(width: int, height: int, *, revision: str, dark: bool) -> go.Figure:
    return go.Figure(
        layout={
            "template": template(dark=dark),
            "width": width,
            "height": height,
            "margin": {"l": 64, "r": 12, "t": 40, "b": 84},
            "barmode": "stack",
            "bargap": 0.0,
            "dragmode": "zoom",
            "clickmode": "event+select",
            "uirevision": revision,
        }
    )


def _fill(
    figure: go.Figure, panel: Panel, cloud: Cloud, *, density_above: int, diagonal: bool
) -> None:
    x_range, y_range = ranges(cloud)
    lay_out(figure, panel, x_range, y_range)
    dense = len(cloud.x) > density_above
    groups = {} if dense else by_group(cloud, panel.colors)
    if dense:
        figure.add_trace(density_image(cloud, panel, x_range, y_range))
        figure.update_layout(coloraxis=count_axis(figure, panel.colors))
    for name, (rows, color) in groups.items():
        figure.add_trace(_points(cloud, rows, panel, name=name, color=color))
    if diagonal:
        low, high = max(x_range[0], y_range[0]), min(x_range[1], y_range[1])
        figure.add_trace(_diagonal(low, high, panel))
    for along, values, limits in (("x", cloud.x, x_range), ("y", cloud.y, y_range)):
        edges = np.linspace(*limits, HISTOGRAM_BINS + 1)
        parts = groups or {"": (np.arange(len(values)), panel.colors.accent)}
        for name, (rows, color) in parts.items():
            figure.add_trace(
                histogram_bars(values[rows], edges, panel, along=along, color=color, group=name)
            )


def by_group(cloud: Cloud, colors: Palette) -> dict[str, tuple[np.ndarray, str]]:
    """Map each group's name, commonest first, to its row numbers and its colour."""
    if cloud.groups is None:
        return {"": (np.arange(len(cloud.x)), colors.accent)}
    counts = Counter(cloud.groups)
    shown = [name for name, _ in counts.most_common(len(colors.groups))]
    if len(counts) > len(colors.groups):
        shown = [*(name for name in shown[:-1] if name != _OTHERS), _OTHERS]
    names = np.array([name if name in shown else _OTHERS for name in cloud.groups])
    return {
        name: (np.flatnonzero(names == name), color)
        for name, color in zip(shown, colors.groups, strict=False)
    }


def _points(cloud: Cloud, rows: np.ndarray, panel: Panel, *, name: str, color: str) -> go.Scatter:
    head = "" if cloud.hover is None else "%{hovertext}<br>"
    return go.Scatter(
        name=plain(name) or "pairs",
        legendgroup=name,
        showlegend=bool(name),
        mode="markers",
        x=cloud.x[rows],
        y=cloud.y[rows],
        customdata=None if cloud.ids is None else [cloud.ids[i] for i in rows],
        hovertext=None if cloud.hover is None else [plain(cloud.hover[i]) for i in rows],
        text=[f"{shift:+.3f}" for shift in cloud.y[rows] - cloud.x[rows]],
        hovertemplate=(
            f"{head}{panel.x_title}: %{{x:.3f}}<br>{panel.y_title}: %{{y:.3f}}<br>"
            f"Difference ({plain(panel.unit)}): %{{text}}<extra></extra>"
        ),
        marker={"color": color, "size": 6, "opacity": 0.55, "line": {"width": 0}},
        selected={"marker": {"opacity": 1.0, "size": 11}},
        unselected={"marker": {"opacity": 0.3}},
        xaxis=panel.axis("x", 0),
        yaxis=panel.axis("y", 0),
    )


def _diagonal(low: float, high: float, panel: Panel) -> go.Scatter:
    empty = high <= low
    return go.Scatter(
        name="equal energies (y = x)" if not empty else "equal energies lie outside",
        legendgroup="diagonal",
        showlegend=panel.number == 1,
        mode="lines",
        x=[low, high] if not empty else [None],
        y=[low, high] if not empty else [None],
        line={"color": panel.colors.muted, "width": 1.5, "dash": "dash"},
        hoverinfo="skip",
        xaxis=panel.axis("x", 0),
        yaxis=panel.axis("y", 0),
    )


def density_image(
    cloud: Cloud, panel: Panel, x_range: tuple[float, float], y_range: tuple[float, float]
) -> go.Heatmap:
    """Return how many points lie in each bin of a panel, on a logarithmic colour scale.

    Args:
        cloud: The points.
        panel: Where they belong.
        x_range: Limits of the horizontal axis.
        y_range: Limits of the vertical axis.
    """
    counts, x_edges, y_edges = np.histogram2d(
        cloud.x, cloud.y, bins=DENSITY_BINS, range=(x_range, y_range)
    )
    counts = counts.T
    with np.errstate(divide="ignore"):
        logs = np.where(counts > 0, np.log10(counts), np.nan)
    x, y = ((edges[:-1] + edges[1:]) / 2 for edges in (x_edges, y_edges))
    return go.Heatmap(
        name="pairs",
        x=x.astype(np.float32),
        y=y.astype(np.float32),
        z=logs.astype(np.float32),
        customdata=counts.astype(np.int32),
        coloraxis="coloraxis",
        hoverongaps=False,
        hovertemplate=(
            f"{panel.x_title}: %{{x:.2f}}<br>{panel.y_title}: %{{y:.2f}}<br>"
            "Pairs in this bin: %{customdata:,}<extra></extra>"
        ),
        xaxis=panel.axis("x", 0),
        yaxis=panel.axis("y", 0),
    )


def count_axis(figure: go.Figure, colors: Palette) -> dict[str, object]:
    """Return the logarithmic colour axis that all density images of a figure share."""
    top = max(float(np.nanmax(trace.z)) for trace in figure.select_traces({"type": "heatmap"}))
    decades = range(int(top) + 1)
    return {
        "cmin": 0.0,
        "cmax": max(top, 0.3),
        "colorscale": list(colors.sequential),
        "colorbar": {
            "title": {"text": "pairs per bin", "side": "right"},
            "tickvals": list(decades),
            "ticktext": [f"{10**power:,}" for power in decades],
            "len": 0.85,
            "y": 0.0,
            "yanchor": "bottom",
        },
    }
