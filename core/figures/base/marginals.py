"""A scatter panel with histograms along its two axes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.figures.base.text import plain, precise
from core.figures.base.theme import Palette

DENSITY_ABOVE: Final = 20_000
"""Above so many points a panel shows a density image: 0.2 MB instead of several."""

HISTOGRAM_BINS: Final = 60
DENSITY_BINS: Final = 150
MARGINAL_SHARE: Final = 0.13
"""Part of a panel's width and height that its histograms take."""

_GAP: Final = 0.015
_SAME_UNITS_UP_TO: Final = 3.0
"""Both axes share one range if it is at most this many times wider than either variable's."""

Array = NDArray[np.float64]


@dataclass(kw_only=True, frozen=True, slots=True)
class Cloud:
    """Points with finite coordinates and what belongs to them.

    Attributes:
        x: (n,) in `unit`.
        y: (n,) in `unit`.
        hover: n plain texts that open the hover labels, or None.
        ids: n identifiers that a click reports, or None.
        groups: n names of the groups that colours tell apart, or None.
    """

    x: Array
    y: Array
    hover: Sequence[str] | None
    ids: Sequence[str] | None
    groups: Sequence[str] | None


def finite_cloud(
    x: Array,
    y: Array,
    *,
    hover: Sequence[str] | None,
    ids: Sequence[str] | None,
    groups: Sequence[str] | None,
) -> Cloud:
    """Drop the points without two finite coordinates.

    Args:
        x: (n,) numbers.
        y: (n,) numbers.
        hover: n texts or None.
        ids: n identifiers or None.
        groups: n group names or None.

    Raises:
        ValueError: The lengths differ.
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if any(len(part) != len(x) for part in (y, hover, ids, groups) if part is not None):
        raise ValueError("x, y, hover, ids and groups must have one entry a point.")
    kept = np.flatnonzero(np.isfinite(x) & np.isfinite(y)).tolist()

    def take(values: Sequence[str] | None) -> list[str] | None:
        return None if values is None else [str(values[i]) for i in kept]

    return Cloud(x=x[kept], y=y[kept], hover=take(hover), ids=take(ids), groups=take(groups))


def ranges(cloud: Cloud) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the ranges of both axes: the same for both unless that would squeeze one of them.

    Args:
        cloud: At least one point.
    """
    low_x, high_x = float(cloud.x.min()), float(cloud.x.max())
    low_y, high_y = float(cloud.y.min()), float(cloud.y.max())
    joined = max(high_x, high_y) - min(low_x, low_y)
    if joined <= _SAME_UNITS_UP_TO * min(high_x - low_x, high_y - low_y):
        low_x = low_y = min(low_x, low_y)
        high_x = high_y = max(high_x, high_y)
    return _padded(low_x, high_x), _padded(low_y, high_y)


def _padded(low: float, high: float) -> tuple[float, float]:
    margin = 0.03 * (high - low) or 0.5
    return low - margin, high + margin


@dataclass(kw_only=True, frozen=True, slots=True)
class Panel:
    """Where a panel lies in its figure and what its axes say.

    Attributes:
        number: 1 for the first panel; its axes are x, y of 3·number − 2 to 3·number.
        left: Left edge in parts of the figure's width.
        right: Right edge, histogram included.
        x_title: Title of the horizontal axis with its unit, ready for plotly.
        y_title: Title of the vertical axis with its unit, ready for plotly.
        unit: Unit of both axes.
        colors: The theme.
    """

    number: int
    left: float
    right: float
    x_title: str
    y_title: str
    unit: str
    colors: Palette

    def axis(self, letter: str, which: int) -> str:
        """Name an axis: 0 main, 1 histogram above, 2 histogram at the right."""
        index = 3 * (self.number - 1) + which + 1
        return letter if index == 1 else f"{letter}{index}"

    def key(self, letter: str, which: int) -> str:
        """Name the same axis as `layout` does."""
        return self.axis(letter, which).replace(letter, f"{letter}axis", 1)


def lay_out(
    figure: go.Figure,
    panel: Panel,
    x_range: tuple[float, float],
    y_range: tuple[float, float],
) -> None:
    """Add a panel's three pairs of axes; the histograms share the main axes' ranges and zoom.

    Args:
        figure: What to add to.
        panel: Its place and titles.
        x_range: Limits of the horizontal axis.
        y_range: Limits of the vertical axis.
    """
    share = MARGINAL_SHARE * (panel.right - panel.left)
    split_x, split_y = panel.right - share, 1.0 - MARGINAL_SHARE
    bare = {"visible": False, "fixedrange": True, "rangemode": "tozero"}
    figure.update_layout(
        {
            panel.key("x", 0): {
                "domain": [panel.left, split_x - _GAP],
                "anchor": panel.axis("y", 0),
                "range": x_range,
                "title": {"text": panel.x_title},
            },
            panel.key("y", 0): {
                "domain": [0.0, split_y - _GAP],
                "anchor": panel.axis("x", 0),
                "range": y_range,
                "title": {"text": panel.y_title},
            },
            panel.key("x", 1): {"matches": panel.axis("x", 0), "visible": False,
                                "domain": [panel.left, split_x - _GAP],
                                "anchor": panel.axis("y", 1)},
            panel.key("y", 1): {"domain": [split_y, 1.0], "anchor": panel.axis("x", 1), **bare},
            panel.key("x", 2): {"domain": [split_x, panel.right],
                                "anchor": panel.axis("y", 2), **bare},
            panel.key("y", 2): {"matches": panel.axis("y", 0), "visible": False,
                                "domain": [0.0, split_y - _GAP],
                                "anchor": panel.axis("x", 2)},
        }
    )  # fmt: skip


def histogram_bars(
    values: Array, edges: Array, panel: Panel, *, along: str, color: str, group: str
) -> go.Bar:
    """Return the histogram along one axis of a panel.

    Args:
        values: (n,) what to count.
        edges: (bins + 1,) evenly spaced limits of the bins.
        panel: Where it belongs.
        along: "x" for the histogram above, "y" for the one at the right.
        color: Colour of the bars.
        group: Name of the group of points, which the legend switches with them; may be empty.
    """
    counts, _ = np.histogram(values, edges)
    centres, width = (edges[:-1] + edges[1:]) / 2, float(edges[1] - edges[0])
    which = 1 if along == "x" else 2
    title = panel.x_title if along == "x" else panel.y_title
    hover = [
        f"{title}<br>{precise(low)} to {precise(high)}<br>Pairs in this bin: {count:,}"
        for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
    ]
    return go.Bar(
        name=plain(group) or "histogram",
        legendgroup=group,
        showlegend=False,
        orientation="v" if along == "x" else "h",
        x=centres if along == "x" else counts,
        y=counts if along == "x" else centres,
        width=width,
        marker={"color": color, "line": {"width": 0}},
        hovertext=hover,
        hovertemplate="%{hovertext}<extra></extra>",
        xaxis=panel.axis("x", which),
        yaxis=panel.axis("y", which),
        selected={"marker": {"opacity": 1.0}},
        unselected={"marker": {"opacity": 1.0}},
    )
