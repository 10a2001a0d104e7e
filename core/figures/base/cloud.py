"""Many points: as such while they can be told apart, else as an image of their density."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import plotly.graph_objects as go

from core.figures.base.canvas import Array
from core.figures.base.text import plain
from core.figures.base.theme import Palette

DENSITY_ABOVE: Final = 20_000
"""Above so many points a figure shows a density image: 0.2 MB instead of several."""

DENSITY_BINS: Final = 100
"""Half a page is 250 to 500 px wide, so that a bin is 2.5 to 5 px."""

_MOST_NAMES: Final = 3
"""A bin with at most so many points names them."""

_OTHERS: Final = "other"

Range = tuple[float, float]


@dataclass(kw_only=True, frozen=True, slots=True)
class Cloud:
    """Points with finite coordinates and what belongs to them.

    Attributes:
        x: (n,)
        y: (n,)
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
    hover: Sequence[str] | None = None,
    ids: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
) -> Cloud:
    """Drop the points without two finite coordinates.

    Args:
        x: (n,) numbers.
        y: (n,) numbers.
        hover: n texts or None.
        ids: n identifiers or None.
        groups: n group names or None.

    Raises:
        ValueError: the lengths differ.
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if any(len(part) != len(x) for part in (y, hover, ids, groups) if part is not None):
        raise ValueError("x, y, hover, ids and groups must have one entry per point.")
    finite = np.flatnonzero(np.isfinite(x) & np.isfinite(y)).tolist()

    def take(values: Sequence[str] | None) -> list[str] | None:
        return None if values is None else [str(values[i]) for i in finite]

    return Cloud(x=x[finite], y=y[finite], hover=take(hover), ids=take(ids), groups=take(groups))


def padded(low: float, high: float) -> Range:
    """Return the limits of an axis that shows everything between two values."""
    margin = 0.03 * (high - low) or 0.5
    return low - margin, high + margin


def add_cloud(
    figure: go.Figure,
    cloud: Cloud,
    x_range: Range,
    y_range: Range,
    *,
    colors: Palette,
    density_above: int = DENSITY_ABOVE,
    difference: str = "",
    what: str = "pairs",
) -> dict[str, tuple[np.ndarray, str]]:
    """Add a cloud to a figure whose axes have their titles: its points, or their density.

    Args:
        figure: changed in place.
        cloud: at least one point.
        x_range: limits of the horizontal axis.
        y_range: limits of the vertical axis.
        colors: the theme.
        density_above: above so many points, show a density image that cannot be clicked.
        difference: unit of y − x for the hover labels; empty leaves the difference out.
        what: what the points are, in the plural.

    Returns:
        The row numbers and the colour of each group, by name; a density image has one group "".
    """
    titles = figure.layout.xaxis.title.text, figure.layout.yaxis.title.text
    if len(cloud.x) > density_above:
        image = density_image(cloud, x_range, y_range)
        image.update(
            name=what,
            coloraxis="coloraxis",
            hovertemplate=f"{titles[0]}: %{{x:.2f}}<br>{titles[1]}: %{{y:.2f}}<br>"
            f"{what.capitalize()} in this bin: %{{customdata:,}}"
            f"{'' if cloud.hover is None else '%{hovertext}'}<extra></extra>",
        )
        figure.add_trace(image)
        figure.update_layout(coloraxis=_count_axis(image, colors, what))
        return {"": (np.arange(len(cloud.x)), colors.accent)}
    template = (
        f"{'' if cloud.hover is None else '%{hovertext}<br>'}{titles[0]}: %{{x:.4~g}}<br>"
        f"{titles[1]}: %{{y:.3f}}"
        f"{f'<br>Difference ({plain(difference)}): %{{text}}' if difference else ''}<extra></extra>"
    )
    groups = by_group(cloud.groups, len(cloud.x), colors)
    for name, (rows, color) in groups.items():
        shifts = cloud.y[rows] - cloud.x[rows]
        figure.add_trace(
            points(
                cloud.x[rows],
                cloud.y[rows],
                name=plain(name) or what,
                legendgroup=name,
                showlegend=bool(name),
                customdata=None if cloud.ids is None else [cloud.ids[i] for i in rows],
                hovertext=None if cloud.hover is None else [plain(cloud.hover[i]) for i in rows],
                text=[f"{shift:+.3f}" for shift in shifts] if difference else None,
                hovertemplate=template,
                marker={"color": color, "size": 6, "opacity": 0.55},
            )
        )
    return groups


def points(x: Array, y: Array, *, marker: dict[str, Any], **options: Any) -> go.Scatter:
    """Return points that keep their look when one of them is clicked.

    Args:
        x: (n,)
        y: (n,)
        marker: as plotly's, with an opacity.
        options: further properties of the trace.
    """
    # A click selects, and plotly would fade all else; what a page draws anew says it instead.
    same = {"marker": {"opacity": marker["opacity"]}}
    return go.Scatter(
        mode="markers", x=x, y=y, marker=marker, selected=same, unselected=same, **options
    )


def by_group(
    groups: Sequence[str] | None, n: int, colors: Palette
) -> dict[str, tuple[np.ndarray, str]]:
    """Return the row numbers and the colour of each group, the commonest first.

    Args:
        groups: n names; those beyond the colours are joined as "other". None is one group "".
        n: number of rows.
        colors: the theme.
    """
    if groups is None:
        return {"": (np.arange(n), colors.accent)}
    counts = Counter(groups)
    names = [name for name, _ in counts.most_common(len(colors.groups))]
    if len(counts) > len(colors.groups):
        names = [*(name for name in names[:-1] if name != _OTHERS), _OTHERS]
    of_row = np.array([name if name in names else _OTHERS for name in groups])
    return {
        name: (np.flatnonzero(of_row == name), color)
        for name, color in zip(names, colors.groups, strict=False)
    }


def density_image(
    cloud: Cloud, x_range: Range, y_range: Range, *, bins: int = DENSITY_BINS
) -> go.Heatmap:
    """Return the decadic logarithm of how many points lie in each bin; the counts as `customdata`.

    Texts of the cloud's hover labels name the points of bins with few of them.

    Args:
        cloud: the points.
        x_range: limits of the horizontal axis.
        y_range: limits of the vertical axis.
        bins: number of bins along each axis.
    """
    counts, x_edges, y_edges = np.histogram2d(cloud.x, cloud.y, bins=bins, range=(x_range, y_range))
    counts = counts.T
    names = None
    if cloud.hover is not None:
        names = np.full(counts.shape, "", dtype=object)
        row, column = (
            np.clip(np.searchsorted(edges, values, side="right") - 1, 0, bins - 1)
            for edges, values in ((y_edges, cloud.y), (x_edges, cloud.x))
        )
        for i in np.flatnonzero(counts[row, column] <= _MOST_NAMES).tolist():
            names[row[i], column[i]] += f"<br>{plain(cloud.hover[i]).replace('<br>', ', ')}"
    with np.errstate(divide="ignore"):
        logs = np.where(counts > 0, np.log10(counts), np.nan)
    x, y = ((edges[:-1] + edges[1:]) / 2 for edges in (x_edges, y_edges))
    return go.Heatmap(
        x=x.astype(np.float32),
        y=y.astype(np.float32),
        z=logs.astype(np.float32),
        customdata=counts.astype(np.min_scalar_type(int(counts.max()))),
        hovertext=names,
        hoverongaps=False,
    )


def _count_axis(image: go.Heatmap, colors: Palette, what: str) -> dict[str, Any]:
    top = float(np.nanmax(image.z))
    decades = range(int(top) + 1)
    return {
        "cmin": 0.0,
        "cmax": max(top, 0.3),
        "colorscale": list(colors.sequential),
        "colorbar": {
            "title": {"text": f"{what} per bin", "side": "right"},
            "tickvals": list(decades),
            "ticktext": [f"{10**power:,}" for power in decades],
            "len": 0.85,
            "y": 0.0,
            "yanchor": "bottom",
        },
    }
