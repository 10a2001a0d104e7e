"""Energy by volume, with the curve through it, of several models."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd
import plotly.graph_objects as go

from core.figures.base.canvas import canvas
from core.figures.base.text import plain, with_unit
from core.figures.base.theme import empty_figure, palette
from core.figures.stability.classification import Line

HEIGHT: Final = 460


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class EnergyCurve:
    """One model's energies by volume.

    Attributes:
        line: its look, with the curve: volume_per_atom (Å³) and above_mev_per_atom, which counts
            from the curve's lowest point.
        points: the energies computed, in the same columns.
        volume: volume of lowest energy, Å³ per atom.
    """

    line: Line
    points: pd.DataFrame
    volume: float


def energy_by_volume(
    curves: Sequence[EnergyCurve], *, given_volume: float, dark: bool
) -> go.Figure:
    """Draw the energies of models by volume, each above its lowest.

    Args:
        curves: the models.
        given_volume: volume of the structure as given, Å³ per atom.
        dark: which theme.
    """
    if not curves:
        return empty_figure("No energy by volume yet.", dark=dark, height=HEIGHT)
    colors = palette(dark=dark)
    figure = canvas(
        height=HEIGHT,
        dark=dark,
        x=with_unit("Volume per atom", "Å³"),
        y=with_unit("Energy above the lowest", "meV/atom"),
        revision="equation of state",
    )
    for curve in curves:
        line = curve.line
        name = plain(line.name)
        figure.add_trace(
            go.Scatter(
                name=name,
                legendgroup=line.name,
                mode="lines",
                x=line.table["volume_per_atom"],
                y=line.table["above_mev_per_atom"],
                line={"color": line.color, "dash": line.dash, "width": 2},
                hoverinfo="skip",
            )
        )
        figure.add_trace(
            go.Scatter(
                name=name,
                legendgroup=line.name,
                showlegend=False,
                mode="markers",
                x=curve.points["volume_per_atom"],
                y=curve.points["above_mev_per_atom"],
                marker={"color": line.color, "size": 8},
                hovertext=[
                    f"{name}<br>{volume:.4g} Å³ per atom: {above:.4g} meV/atom above the lowest"
                    for volume, above in curve.points.itertuples(index=False)
                ],
            )
        )
    figure.add_vline(x=given_volume, line={"color": colors.muted, "width": 1.5, "dash": "dash"})
    figure.add_annotation(
        text="as given",
        x=given_volume,
        xanchor="left",
        xshift=4,
        yref="paper",
        y=1.0,
        yanchor="top",
        font={"color": colors.muted},
    )
    return figure
