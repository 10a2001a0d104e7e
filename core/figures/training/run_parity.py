"""A model's predictions against the labels."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.figures.base.canvas import canvas
from core.figures.base.cloud import DENSITY_ABOVE, add_cloud, finite_cloud, padded
from core.figures.base.text import with_unit
from core.figures.base.theme import Palette, empty_figure, palette
from core.figures.shifts.parity import diagonal

HEIGHT: Final = 640
"""Height in px; both axes have one range, and the diagonal runs at 45°."""


_OTHERS: Final = "other frames"


def run_parity(
    table: pd.DataFrame,
    names: Sequence[str],
    *,
    title: str,
    unit: str,
    marked: Mapping[str, NDArray[np.bool_]] | None = None,
    around_others: bool = False,
    intervals: NDArray[np.floating] | None = None,
    density_above: int = DENSITY_ABOVE,
    height: int = HEIGHT,
    dark: bool,
) -> go.Figure:
    """Draw what a model predicts against what the labels say.

    Args:
        table: columns label, predicted and frame (position in `names`).
        names: names of the frames, for the hover labels; plain text.
        title: the quantity.
        unit: its unit.
        marked: name of a group to which of the frames belong to it, (len(names),), in a colour of
            its own; the others are "other frames".
        around_others: whether the axes begin at the values of the other frames; marked ones may
            lie outside until the reader zooms out.
        intervals: half the 90 % interval of each frame's prediction, (len(names),), drawn as a bar
            where values are points; None for none.
        density_above: above so many values, show how many lie in each bin instead of points.
        height: height in px.
        dark: which theme.
    """
    cloud = finite_cloud(
        table["label"].to_numpy(),
        table["predicted"].to_numpy(),
        hover=None if len(table) > density_above else _hover(table, names, intervals, unit),
        groups=_groups(table["frame"].to_numpy(), marked),
    )
    if not len(cloud.x):
        return empty_figure("None of these frames has such a label.", dark=dark, height=height)
    shown = np.ones(len(cloud.x), dtype=bool)
    if around_others and cloud.groups is not None:
        others = np.array(cloud.groups) == _OTHERS
        shown = others if others.any() else shown
    both = np.concatenate([cloud.x[shown], cloud.y[shown]])
    limits = padded(both.min(), both.max())
    figure = canvas(
        height=height,
        dark=dark,
        x=with_unit(f"{title}, label", unit),
        y=with_unit(f"{title}, predicted", unit),
        revision=f"{title}|{len(cloud.x)}",
        xaxis={"range": limits, "constrain": "domain"},
        yaxis={"range": limits, "scaleanchor": "x", "constrain": "domain"},
    )
    colors = palette(dark=dark)
    add_cloud(
        figure, cloud, limits, limits, colors=colors, density_above=density_above, what="values"
    )
    if intervals is not None and len(cloud.x) <= density_above:
        figure.add_trace(_bars(table, intervals, colors))
    figure.add_trace(diagonal(limits, limits, "predicted as labelled", colors))
    return figure


def _hover(
    table: pd.DataFrame,
    names: Sequence[str],
    intervals: NDArray[np.floating] | None,
    unit: str,
) -> list[str]:
    if intervals is None:
        return [names[i] for i in table["frame"]]
    return [f"{names[i]}, 90 %: ± {intervals[i]:.3g} {unit}" for i in table["frame"]]


def _bars(table: pd.DataFrame, intervals: NDArray[np.floating], colors: Palette) -> go.Scatter:
    return go.Scatter(
        x=table["label"],
        y=table["predicted"],
        mode="markers",
        marker={"size": 1, "opacity": 0},
        error_y={
            "type": "data",
            "array": intervals[table["frame"]],
            "color": colors.line,
            "thickness": 1,
            "width": 0,
        },
        name="90 % intervals",
        hoverinfo="skip",
    )


def _groups(
    frames: NDArray[np.integer], marked: Mapping[str, NDArray[np.bool_]] | None
) -> list[str] | None:
    """Return the group of each value; None where no frame is marked."""
    names = np.full(len(frames), _OTHERS, dtype=object)
    for name, flags in (marked or {}).items():
        names[flags[frames]] = name
    return names.tolist() if (names != _OTHERS).any() else None
