"""A model's predictions against the labels."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.figures.base.canvas import canvas
from core.figures.base.cloud import DENSITY_ABOVE, add_cloud, finite_cloud, padded
from core.figures.base.text import with_unit
from core.figures.base.theme import empty_figure, palette
from core.figures.shifts.parity import diagonal

HEIGHT: Final = 640
"""Height in px; both axes have one range, and the diagonal runs at 45°."""


def run_parity(
    table: pd.DataFrame,
    names: Sequence[str],
    *,
    title: str,
    unit: str,
    density_above: int = DENSITY_ABOVE,
    dark: bool,
) -> go.Figure:
    """Draw what a model predicts against what the labels say.

    Args:
        table: columns label, predicted and frame (position in `names`).
        names: names of the frames, for the hover labels; plain text.
        title: the quantity.
        unit: its unit.
        density_above: above so many values, show how many lie in each bin instead of points.
        dark: which theme.
    """
    cloud = finite_cloud(
        table["label"].to_numpy(),
        table["predicted"].to_numpy(),
        hover=None if len(table) > density_above else [names[i] for i in table["frame"]],
    )
    if not len(cloud.x):
        return empty_figure("None of these frames has such a label.", dark=dark, height=HEIGHT)
    both = np.concatenate([cloud.x, cloud.y])
    limits = padded(both.min(), both.max())
    figure = canvas(
        height=HEIGHT,
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
    figure.add_trace(diagonal(limits, limits, "predicted as labelled", colors))
    return figure
