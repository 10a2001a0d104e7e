"""Error against the number of training frames, with fitted laws.

Both axes are logarithmic, on which a power law is a straight line. The untrained model has no place
on such an axis: it stands left of a break.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.figures.base.canvas import canvas, dashed, legend_entry, shaded
from core.figures.base.scales import log_limits, log_range, log_ticks
from core.figures.base.text import plain, precise, with_unit
from core.figures.base.theme import (
    Palette,
    empty_figure,
    method_color,
    method_symbol,
    palette,
)

HEIGHT: Final = 540

_ZERO_ENDS: Final = 0.075
_LOG_BEGINS: Final = 0.1
"""Shares of the figure's width: where the axis of untrained models ends, and the other begins."""

_BAND: Final = 0.16


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Series:
    """What is drawn of one method.

    Attributes:
        key: the method's key, which chooses the colour.
        name: what the legend says; plain text.
        points: one row per trained model: `n_frames` (at least 1), `seed`, `error` (above 0).
        zero: one row per untrained model with the method's AtomRef: `seed`, `error`; may be empty.
        curve: the fitted law, rising in `n_frames`: `n_frames`, `error`, `low`, `high`; empty where
            nothing could be fitted.
        fitted: smallest and largest number of frames that the fit has seen; the law is drawn dashed
            beyond.
        start: what the method starts from, for the hover labels; may be empty.
    """

    key: str
    name: str
    points: pd.DataFrame
    zero: pd.DataFrame
    curve: pd.DataFrame
    fitted: tuple[float, float] = (0.0, 0.0)
    start: str = ""


def scaling_curves(
    series: Sequence[Series], *, title: str, unit: str, level: float = 0.95, dark: bool
) -> go.Figure:
    """Draw points with their geometric means, laws with bands, untrained models left of a break.

    Args:
        series: the methods in the order of the legend.
        title: the error, without its unit.
        unit: its unit.
        level: nominal coverage of the bands.
        dark: which theme.
    """
    series = [entry for entry in series if len(entry.points)]
    if not series:
        return empty_figure("No finished run has this error yet.", dark=dark, height=HEIGHT)
    colors = palette(dark=dark)
    tables = [table for entry in series for table in (entry.points, entry.curve, entry.zero)]
    drawn = pd.concat([table for table in tables if len(table)]).reindex(
        columns=["n_frames", "error", "low", "high"]
    )
    sizes, errors, lows, highs = drawn.to_numpy(float).T
    visible = errors[np.isfinite(errors) & (errors > 0)]
    broken = any(len(entry.zero) for entry in series)
    figure = canvas(
        height=HEIGHT,
        dark=dark,
        x="Training frames",
        y=with_unit(title, unit),
        revision=f"{title}|{'|'.join(entry.key for entry in series)}",
        xaxis={
            "type": "log",
            "domain": [_LOG_BEGINS if broken else 0.0, 1.0],
            **log_ticks(sizes),
        },
        yaxis={
            "type": "log",
            "anchor": "x2" if broken else "x",
            "range": log_range(*log_limits(visible, lows, highs)),
            **log_ticks(visible),
        },
    )
    words = _Words(title=title, unit=unit, level=level)
    for entry in series:
        figure.add_traces(_law(entry, words))
        figure.add_traces(_trained(entry, words, colors))
    for number, entry in enumerate(series):
        if len(entry.zero):
            place = (number + 0.5) / len(series) - 0.5
            figure.add_trace(_untrained(entry, place, words, colors))
    figure.add_traces(_keys(series, colors))
    if broken:
        _break(figure, colors)
    return figure


@dataclass(kw_only=True, frozen=True, slots=True)
class _Words:
    """How hover labels name and write the error."""

    title: str
    unit: str
    level: float

    def of(self, value: float) -> str:
        return f"{precise(value)} {plain(self.unit)}"

    def label(self, entry: Series, *lines: str) -> str:
        start = [plain(entry.start)] if entry.start else []
        return "<br>".join([f"<b>{plain(entry.name)}</b>", *start, *lines])


def _law(entry: Series, words: _Words) -> list[go.Scatter]:
    """Return the band, then the law: solid where the fit has seen sizes, dashed beyond."""
    if entry.curve.empty:
        return []
    color = method_color(entry.key)
    n, error, low, high = (
        entry.curve[name].to_numpy(dtype=float) for name in ("n_frames", "error", "low", "high")
    )
    area = shaded(n, low, high, color, opacity=_BAND, legendgroup=entry.key, meta="band")
    first, last = entry.fitted
    parts = (
        ("fit", (n >= first) & (n <= last), "solid", "law"),
        ("extrapolated", n <= first, "dash", "beyond"),
        ("extrapolated", n >= last, "dash", "beyond"),
    )
    lines = [
        go.Scatter(
            name=name,
            legendgroup=entry.key,
            showlegend=False,
            mode="lines",
            x=n[part],
            y=error[part],
            line={"color": color, "width": 2.25, "dash": dash},
            hovertext=[
                words.label(
                    entry,
                    f"{name}, {size:,.0f} training frames",
                    f"{plain(words.title)}: {words.of(value)}",
                    f"{words.level:.0%} band: {precise(a)} to {words.of(b)}",
                )
                for size, value, a, b in zip(
                    n[part], error[part], low[part], high[part], strict=True
                )
            ],
            meta=meta,
        )
        for name, part, dash, meta in parts
        if np.count_nonzero(part) > 1
    ]
    return [area, *lines]


def _trained(entry: Series, words: _Words, colors: Palette) -> list[go.Scatter]:
    """Return the points of single seeds, then their means."""
    color = method_color(entry.key)
    rows = entry.points.sort_values(["n_frames", "seed"], kind="stable")
    # As the fit does, which is one of logarithms.
    logs = np.log(rows["error"]).groupby(rows["n_frames"]).mean()
    means = rows.groupby("n_frames")["error"].agg(["min", "max", "count"])
    means.insert(0, "mean", np.exp(logs))
    seeds = go.Scatter(
        name="one seed",
        mode="markers",
        showlegend=False,
        x=rows["n_frames"],
        y=rows["error"],
        # Wider than the mean's marker, so that seeds close to their mean still show.
        marker={"symbol": "line-ew", "size": 11, "line": {"color": color, "width": 1.5}},
        hovertext=[
            words.label(
                entry,
                f"{size:,.0f} training frames, seed {seed}",
                f"{plain(words.title)}: {words.of(error)}",
            )
            for size, seed, error in rows[["n_frames", "seed", "error"]].itertuples(index=False)
        ],
        meta="seeds",
        legendgroup=entry.key,
    )
    mean = go.Scatter(
        name=plain(entry.name),
        mode="markers",
        showlegend=True,
        x=means.index,
        y=means["mean"],
        marker={
            "color": color,
            "size": 9,
            "symbol": method_symbol(entry.key),
            "line": {"color": colors.background, "width": 1},
        },
        hovertext=[
            words.label(
                entry,
                f"{size:,.0f} training frames, "
                + (f"geometric mean of {count} seeds" if count > 1 else "one seed"),
                f"{plain(words.title)}: {words.of(value)}",
                *([f"from {precise(low)} to {words.of(high)}"] if count > 1 else []),
            )
            for size, value, low, high, count in means.itertuples()
        ],
        meta="means",
        legendgroup=entry.key,
    )
    return [seeds, mean]


def _untrained(entry: Series, place: float, words: _Words, colors: Palette) -> go.Scatter:
    color = method_color(entry.key)
    return go.Scatter(
        name="untrained",
        legendgroup=entry.key,
        showlegend=False,
        mode="markers",
        xaxis="x2",
        x=np.full(len(entry.zero), 0.7 * place),
        y=entry.zero["error"],
        marker={
            "color": colors.background,
            "size": 10,
            "symbol": method_symbol(entry.key),
            "line": {"color": color, "width": 2},
        },
        hovertext=[
            words.label(
                entry,
                f"no training frames: the untrained model, seed {seed}",
                f"{plain(words.title)}: {words.of(error)}",
            )
            for seed, error in entry.zero[["seed", "error"]].itertuples(index=False)
        ],
        meta="untrained",
    )


def _keys(series: Sequence[Series], colors: Palette) -> list[go.Scatter]:
    """Return legend entries that say what small, open and dashed mean."""
    tick = {"symbol": "line-ew", "size": 9, "line": {"color": colors.muted, "width": 1.5}}
    keys = [legend_entry("one seed", mode="markers", marker=tick)]
    if any(len(entry.zero) for entry in series):
        ring = {"color": colors.background, "size": 9, "line": {"color": colors.muted, "width": 2}}
        keys.append(legend_entry("untrained", mode="markers", marker=ring))
    if any(len(entry.curve) for entry in series):
        keys += [dashed("fit", "solid", colors), dashed("extrapolated", "dash", colors)]
    return keys


def _break(figure: go.Figure, colors: Palette) -> None:
    """Put the axis of the untrained models left of the logarithmic one, with a mark between."""
    figure.update_layout(
        xaxis2={
            "domain": [0.0, _ZERO_ENDS],
            "range": [-0.5, 0.5],
            "tickvals": [0],
            "ticktext": ["0"],
            "showgrid": False,
            "fixedrange": True,
            "anchor": "y",
        }
    )
    for end in (_ZERO_ENDS, _LOG_BEGINS):
        figure.add_shape(
            type="line",
            xref="paper",
            yref="paper",
            xsizemode="pixel",
            ysizemode="pixel",
            xanchor=end,
            yanchor=0,
            x0=-4,
            x1=4,
            y0=-8,
            y1=8,
            line={"color": colors.text, "width": 1.5},
        )
