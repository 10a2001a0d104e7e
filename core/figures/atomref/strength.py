"""How hard a prior should pull, and which prior: errors on held-out materials."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.figures.base.canvas import Array, canvas, shaded
from core.figures.base.scales import log_ticks
from core.figures.base.text import plain, precise, with_unit
from core.figures.base.theme import empty_figure, palette

HEIGHT: Final = 430
_UNIT: Final = "eV/atom"
_TALLEST: Final = 4.0
"""The vertical axis ends at so many times the smallest error, unless a fit in use is worse."""


def strength_curve(
    strengths: Array,
    error: Array,
    spread: Array,
    *,
    title: str,
    best: float,
    cautious: float,
    current: float | None = None,
    lines: Mapping[str, float],
    dark: bool,
) -> go.Figure:
    """Draw the error on held-out materials against ridge strength, with a band and the choice.

    Args:
        strengths: (s,) rising, above 0.
        error: (s,) eV/atom.
        spread: standard error of ``error``, (s,) eV/atom: half the band's height.
        title: the error, without its unit.
        best: the strength with the smallest error.
        cautious: the largest strength within one standard error of it.
        current: the strength in use.
        lines: name to an error in eV/atom without a strength, such as least squares'.
        dark: which theme.
    """
    if not len(strengths):
        return empty_figure("No data yet: no strength was tried.", dark=dark, height=HEIGHT)
    colors = palette(dark=dark)
    figure = canvas(
        height=HEIGHT, dark=dark, x="Ridge strength", y=with_unit(title, _UNIT), revision=title
    )
    figure.add_trace(shaded(strengths, error - spread, error + spread, colors.accent))
    figure.add_trace(
        go.Scatter(
            name="ridge, ± one standard error",
            mode="lines+markers",
            x=strengths,
            y=error,
            line={"color": colors.accent, "width": 2.5},
            marker={"size": 5},
            hovertext=[
                f"<b>strength {strength:.3g}</b><br>{plain(title)}: {precise(value)} ± "
                f"{precise(around)} {_UNIT}"
                for strength, value, around in zip(strengths, error, spread, strict=True)
            ],
        )
    )
    for name, color, value in zip(
        lines, (colors.groups[1], colors.groups[2]), lines.values(), strict=False
    ):
        figure.add_trace(
            go.Scatter(
                name=plain(f"{name}: {value:.3g}"),
                mode="lines",
                x=[strengths[0], strengths[-1]],
                y=[value, value],
                line={"color": color, "width": 1.5, "dash": "dash"},
                hoverinfo="skip",
            )
        )
    for name, strength, symbol in (
        ("best", best, "circle"),
        ("within one standard error", cautious, "diamond"),
        ("in use", current, "circle-open"),
    ):
        if strength is None or not strengths[0] <= strength <= strengths[-1]:
            continue
        at = float(np.interp(np.log(strength), np.log(strengths), error))
        figure.add_trace(
            go.Scatter(
                name=f"{name}: {strength:.3g}",
                mode="markers",
                x=[strength],
                y=[at],
                marker={
                    "symbol": symbol,
                    "size": 18 if symbol == "circle-open" else 12,
                    "color": colors.text,
                    "line": {"width": 2 if symbol == "circle-open" else 0, "color": colors.text},
                },
                hovertext=[f"<b>{name}</b><br>strength {strength:.3g}"],
            )
        )
    edges = np.concatenate([error - spread, error + spread])
    top = min(float(edges.max()), _TALLEST * float(error.min()))
    low = float(edges.min())
    margin = 0.08 * (top - low) or 1e-4
    figure.update_xaxes(type="log", dtick=1, exponentformat="power")
    figure.update_yaxes(range=[low - margin, top + margin])
    return figure


def prior_curves(
    table: pd.DataFrame, *, names: Mapping[str, str], title: str, band: str, dark: bool
) -> go.Figure:
    """Draw the error on held-out materials against the number of fitting materials, by prior.

    Args:
        table: columns prior, materials, mae, low and high (eV/atom), one row per point.
        names: prior to what the legend says, in the legend's order; plain text.
        title: the error, without its unit.
        band: what the band covers, plain text.
        dark: which theme.
    """
    if table.empty:
        return empty_figure("No data yet: compare priors first.", dark=dark, height=HEIGHT)
    colors = palette(dark=dark)
    figure = canvas(
        height=HEIGHT,
        dark=dark,
        x="Fitting materials",
        y=with_unit(title, _UNIT),
        revision="|".join(names),
    )
    for number, (prior, name) in enumerate(names.items()):
        rows = table[table["prior"] == prior]
        color = colors.groups[number % len(colors.groups)]
        x, low, high = rows[["materials", "low", "high"]].to_numpy(dtype=float).T
        figure.add_trace(shaded(x, low, high, color, legendgroup=prior))
        figure.add_trace(
            go.Scatter(
                name=plain(name),
                legendgroup=prior,
                mode="lines+markers",
                x=x,
                y=rows["mae"],
                line={"color": color, "width": 2.5},
                marker={"size": 8, "symbol": ("circle", "square", "diamond", "x")[number % 4]},
                hovertext=[
                    f"<b>{plain(name)}</b><br>{size:,.0f} materials<br>{plain(title)}: "
                    f"{precise(value)} {_UNIT}<br>{plain(band)}: "
                    f"{precise(a)} to {precise(b)} {_UNIT}"
                    for size, value, a, b in zip(x, rows["mae"], low, high, strict=True)
                ],
            )
        )
    sizes = sorted(set(table["materials"].tolist()))
    figure.update_xaxes(
        type="log",
        tickvals=sizes,
        ticktext=[f"{size:,}" for size in sizes],
    )
    figure.update_yaxes(
        type="log",
        **log_ticks(table[["low", "high"]].to_numpy(dtype=float).ravel()),
    )
    return figure
