"""A model's predictions against the labels."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.figures.base.marginals import DENSITY_ABOVE, Cloud, Panel
from core.figures.base.text import plain, with_unit
from core.figures.base.theme import Palette, empty_figure, palette, template
from core.figures.shifts.parity import count_axis, density_image

SIZE: Final = 640
"""Height and width in px; both axes have one range, so that the diagonal runs at 45°."""


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
        table: Columns label, predicted and frame (position in `names`).
        names: Of the frames, for the hover labels; plain text.
        title: The quantity.
        unit: Its unit.
        density_above: Above so many values, show how many lie in each bin instead of points.
        dark: Which theme.
    """
    shown = table[np.isfinite(table[["label", "predicted"]].to_numpy()).all(axis=1)]
    if shown.empty:
        return empty_figure("None of these frames has such a label.", dark=dark, height=SIZE)
    colors = palette(dark=dark)
    x, y = shown["label"].to_numpy(dtype=float), shown["predicted"].to_numpy(dtype=float)
    limits = _limits(np.concatenate([x, y]))
    panel = Panel(
        number=1,
        left=0.0,
        right=1.0,
        x_title=with_unit(f"{title}, label", unit),
        y_title=with_unit(f"{title}, predicted", unit),
        unit=unit,
        colors=colors,
    )
    figure = go.Figure(
        layout={
            "template": template(dark=dark),
            "width": SIZE,
            "height": SIZE,
            "margin": {"l": 64, "r": 12, "t": 40, "b": 84},
            "dragmode": "zoom",
            "uirevision": f"{title}|{len(x)}",
        }
    )
    if len(x) > density_above:
        figure.add_trace(_density(x, y, panel, limits))
        axis = count_axis(figure, colors)
        figure.update_layout(coloraxis=axis, coloraxis_colorbar_title_text="values per bin")
    else:
        figure.add_trace(_points(x, y, [names[i] for i in shown["frame"]], panel))
    figure.add_trace(_diagonal(limits, colors))
    figure.update_xaxes(title_text=panel.x_title, range=limits, constrain="domain")
    figure.update_yaxes(title_text=panel.y_title, range=limits, scaleanchor="x", constrain="domain")
    return figure


def _limits(values: np.ndarray) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    margin = 0.03 * (high - low) or 0.5
    return low - margin, high + margin


def _density(x: np.ndarray, y: np.ndarray, panel: Panel, limits: tuple[float, float]) -> go.Heatmap:
    cloud = Cloud(x=x, y=y, hover=None, ids=None, groups=None)
    image = density_image(cloud, panel, limits, limits)
    image.update(
        name="values",
        hovertemplate=(
            f"{panel.x_title}: %{{x:.3f}}<br>{panel.y_title}: %{{y:.3f}}<br>"
            "Values in this bin: %{customdata:,}<extra></extra>"
        ),
    )
    return image


def _points(x: np.ndarray, y: np.ndarray, names: Sequence[str], panel: Panel) -> go.Scatter:
    return go.Scatter(
        name="values",
        showlegend=False,
        mode="markers",
        x=x.astype(np.float32),
        y=y.astype(np.float32),
        hovertext=[plain(name) for name in names],
        hovertemplate=(
            f"%{{hovertext}}<br>{panel.x_title}: %{{x:.3f}}<br>{panel.y_title}: %{{y:.3f}}"
            "<extra></extra>"
        ),
        marker={
            "color": panel.colors.accent,
            "size": 5,
            "opacity": 0.5,
            "line": {"width": 0},
        },
    )


def _diagonal(limits: tuple[float, float], colors: Palette) -> go.Scatter:
    return go.Scatter(
        name="predicted as labelled (y = x)",
        mode="lines",
        x=limits,
        y=limits,
        line={"color": colors.muted, "width": 1.5, "dash": "dash"},
        hoverinfo="skip",
    )
