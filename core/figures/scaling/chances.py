"""The chance that training reaches a target error, against the number of training frames."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.figures.base.canvas import canvas
from core.figures.base.scales import log_ticks
from core.figures.base.text import plain, precise
from core.figures.base.theme import (
    MARKERS_SHOWN,
    empty_figure,
    method_color,
    method_symbol,
    palette,
)

HEIGHT: Final = 400


def chance_curves(
    chances: pd.DataFrame,
    *,
    names: Mapping[str, str],
    largest: Mapping[str, float],
    target: str,
    have: int = 0,
    dark: bool,
) -> go.Figure:
    """Draw the probability of reaching a target against the number of training frames.

    Curves are solid up to the largest size trained at, dashed beyond.

    Args:
        chances: columns method, n_frames (rising in each method) and probability.
        names: method to what the legend says; plain text.
        largest: method to the largest size that it was trained at.
        target: the target in words, such as "30 meV/atom".
        have: existing training frames; 0 draws no line.
        dark: which theme.
    """
    if chances.empty:
        return empty_figure("No law could be fitted", dark=dark, height=HEIGHT)
    colors = palette(dark=dark)
    figure = canvas(
        height=HEIGHT,
        dark=dark,
        x="Training frames",
        y=plain(f"Probability of {target} or less"),
        xaxis={"type": "log", **log_ticks(chances["n_frames"].to_numpy(dtype=float))},
        yaxis={"range": [-0.03, 1.03], "tickformat": ".0%"},
    )
    for method, rows in chances.groupby("method", sort=False):
        key = str(method)
        n_frames = rows["n_frames"].to_numpy(dtype=float)
        beyond = n_frames > largest[key]
        # The dashed part begins where the solid one ends.
        begin = max(int(np.argmax(beyond)) - 1, 0) if beyond.any() else len(rows)
        for part, dash in ((rows[~beyond], "solid"), (rows.iloc[begin:], "dash")):
            if part.empty:
                continue
            figure.add_trace(
                go.Scatter(
                    name=plain(names[key]),
                    legendgroup=key,
                    showlegend=dash == "solid" or bool(beyond.all()),
                    mode="lines+markers",
                    x=part["n_frames"],
                    y=part["probability"],
                    line={"color": method_color(key), "width": 2.5, "dash": dash},
                    marker={
                        "size": 8,
                        "symbol": method_symbol(key),
                        "maxdisplayed": MARKERS_SHOWN // 2,
                    },
                    hovertext=[
                        f"<b>{plain(names[key])}</b><br>{precise(n)} training frames: {p:.0%}"
                        for n, p in zip(part["n_frames"], part["probability"], strict=True)
                    ],
                )
            )
    if have:
        figure.add_vline(x=have, line={"color": colors.muted, "dash": "dot", "width": 1.5})
        figure.add_annotation(
            # On a logarithmic axis plotly takes shapes by their value, texts by its logarithm.
            x=np.log10(have),
            y=1,
            yref="paper",
            yanchor="top",
            xanchor="left",
            xshift=4,
            text="existing",
            font={"color": colors.muted},
        )
    return figure
