"""A relaxation step by step: energy and largest force, of several models."""

from collections.abc import Sequence
from math import log10
from typing import Final

import plotly.graph_objects as go

from core.figures.base.canvas import canvas
from core.figures.base.text import plain, with_unit
from core.figures.base.theme import empty_figure, palette
from core.figures.stability.classification import Line

HEIGHT: Final = 580


def relaxation_curves(lines: Sequence[Line], *, fmax: float, dark: bool) -> go.Figure:
    """Draw the change of the energy and the largest force by step, one above the other.

    Args:
        lines: models whose tables have the columns step, change_mev_per_atom and max_force (eV/Å).
        fmax: largest force with which a relaxation ends, eV/Å.
        dark: which theme.
    """
    drawn = [line for line in lines if len(line.table)]
    if not drawn:
        return empty_figure("No step has been taken yet.", dark=dark, height=HEIGHT)
    colors = palette(dark=dark)
    figure = canvas(
        height=HEIGHT,
        dark=dark,
        x="Step",
        y=with_unit("Change of energy", "meV/atom"),
        revision="relaxation",
        margin={"l": 84},
        xaxis={"anchor": "y2"},
        yaxis={"domain": [0.54, 1.0]},
        yaxis2={
            "domain": [0.0, 0.46],
            "type": "log",
            "dtick": "D2",
            "title": {"text": with_unit("Largest force", "eV/Å")},
            "anchor": "x",
        },
    )
    for line in drawn:
        for column, axis, unit in (
            ("change_mev_per_atom", "y", "meV/atom"),
            ("max_force", "y2", "eV/Å"),
        ):
            values = line.table[column]
            figure.add_trace(
                go.Scatter(
                    name=plain(line.name),
                    legendgroup=line.name,
                    showlegend=axis == "y",
                    mode="lines+markers",
                    x=line.table["step"],
                    y=values,
                    yaxis=axis,
                    line={"color": line.color, "dash": line.dash, "width": 2},
                    marker={"size": 4},
                    hovertext=[
                        f"{plain(line.name)}<br>Step {step}: {value:.4g} {unit}"
                        for step, value in zip(line.table["step"], values, strict=True)
                    ],
                )
            )
    figure.add_hline(
        y=fmax,
        yref="y2",
        line={"color": colors.muted, "width": 1.5, "dash": "dash"},
    )
    figure.add_annotation(
        text=f"ends at {fmax:g} eV/Å",
        xref="paper",
        x=1.0,
        xanchor="right",
        yref="y2",
        # plotly places annotations of logarithmic axes by the exponent.
        y=log10(fmax),
        yanchor="bottom",
        font={"color": colors.muted},
    )
    return figure
