"""Error against the number of training frames, with fitted laws.

Both axes are logarithmic, on which a power law is a straight line. The untrained model has no place
on such an axis: it stands left of a break.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.figures.base.canvas import canvas, dashed, legend_entry, shaded
from core.figures.base.scales import log_ticks
from core.figures.base.text import plain, precise, with_unit
from core.figures.base.theme import (
    METHOD_COLORS,
    Palette,
    empty_figure,
    method_color,
    palette,
)

HEIGHT: Final = 540

_ZERO_ENDS: Final = 0.075
_LOG_BEGINS: Final = 0.1
"""Shares of the figure's width: where the axis of untrained models ends, and the other begins."""

_BAND: Final = 0.16
_BAND_REACHES: Final = 3.0
"""A band may widen the vertical axis by so much beyond points and curves; the rest is cut off."""

_SYMBOLS: Final = dict(
    zip(METHOD_COLORS, ("circle", "triangle-up", "triangle-down", "square", "diamond"), strict=True)
)
"""One marker a method, for readers and printers that see no colours."""

_OTHER_SYMBOL: Final = "pentagon"


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Series:
    """What is drawn of one method.

    Attributes:
        key: The method's key, which chooses the colour.
        name: What the legend says; plain text.
        points: One row a trained model: `n_frames` (at least 1), `seed`, `error` (above 0).
        zero: One row an untrained model with the method's AtomRef: `seed`, `error`; may be empty.
        curve: The fitted law, rising in `n_frames`: `n_frames`, `error`, `low`, `high`; empty where
            nothing could be fitted.
        fitted: Smallest and largest number of frames that the fit has seen; the law is drawn dashed
            beyond.
    """

    key: str
    name: str
    points: pd.DataFrame
    zero: pd.DataFrame
    curve: pd.DataFrame
    fitted: tuple[float, float] = (0.0, 0.0)


def scaling_curves(
    series: Sequence[Series], *, title: str, unit: str, level: float = 0.95, dark: bool
) -> go.Figure:
    """Draw points with their geometric means, laws with bands, untrained models left of a break.

    Args:
        series: The methods in the order of the legend.
        title: The error, without its unit.
        unit: Its unit.
        level: Nominal coverage of the bands.
        dark: Which theme.
    """
    series = [one for one in series if len(one.points)]
    if not series:
        return empty_figure("No finished run has this error yet.", dark=dark, height=HEIGHT)
    colors = palette(dark=dark)
    broken = any(len(one.zero) for one in series)
    figure = canvas(
        height=HEIGHT,
        dark=dark,
        x="Training frames",
        y=with_unit(title, unit),
        revision=f"{title}|{'|'.join(one.key for one in series)}",
        xaxis={
            "type": "log",
            "domain": [_LOG_BEGINS if broken else 0.0, 1.0],
            **log_ticks(_sizes(series)),
        },
        yaxis={
            "type": "log",
            "anchor": "x2" if broken else "x",
            "range": _heights(series),
            **log_ticks(_errors(series)),
        },
    )
    words = _Words(title=title, unit=unit, level=level)
    for one in series:
        figure.add_traces(_law(one, words))
        figure.add_traces(_trained(one, words, colors))
    for number, one in enumerate(series):
        if len(one.zero):
            place = (number + 0.5) / len(series) - 0.5
            figure.add_trace(_untrained(one, place, words, colors))
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

    def label(self, head: str, *lines: str) -> str:
        return "<br>".join([f"<b>{plain(head)}</b>", *lines])


def _law(one: Series, words: _Words) -> list[go.Scatter]:
    """Return the band, then the law: solid where the fit has seen sizes, dashed beyond."""
    if one.curve.empty:
        return []
    color = method_color(one.key)
    n, error, low, high = (
        one.curve[name].to_numpy(dtype=float) for name in ("n_frames", "error", "low", "high")
    )
    area = shaded(n, low, high, color, opacity=_BAND, legendgroup=one.key, meta="band")
    first, last = one.fitted
    parts = (
        ("fit", (n >= first) & (n <= last), "solid", "law"),
        ("extrapolated", n <= first, "dash", "beyond"),
        ("extrapolated", n >= last, "dash", "beyond"),
    )
    lines = [
        go.Scatter(
            name=name,
            legendgroup=one.key,
            showlegend=False,
            mode="lines",
            x=n[part],
            y=error[part],
            line={"color": color, "width": 2.25, "dash": dash},
            hovertext=[
                words.label(
                    one.name,
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


def _trained(one: Series, words: _Words, colors: Palette) -> list[go.Scatter]:
    """Return the points of single seeds, then their means."""
    color = method_color(one.key)
    rows = one.points.sort_values(["n_frames", "seed"], kind="stable")
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
                one.name,
                f"{size:,.0f} training frames, seed {seed}",
                f"{plain(words.title)}: {words.of(error)}",
            )
            for size, seed, error in rows[["n_frames", "seed", "error"]].itertuples(index=False)
        ],
        meta="seeds",
        legendgroup=one.key,
    )
    mean = go.Scatter(
        name=plain(one.name),
        mode="markers",
        showlegend=True,
        x=means.index,
        y=means["mean"],
        marker={
            "color": color,
            "size": 9,
            "symbol": _symbol(one.key),
            "line": {"color": colors.background, "width": 1},
        },
        hovertext=[
            words.label(
                one.name,
                f"{size:,.0f} training frames, {_over(count)}",
                f"{plain(words.title)}: {words.of(value)}",
                *([f"from {precise(low)} to {words.of(high)}"] if count > 1 else []),
            )
            for size, value, low, high, count in means.itertuples()
        ],
        meta="means",
        legendgroup=one.key,
    )
    return [seeds, mean]


def _symbol(key: str) -> str:
    return _SYMBOLS.get(key, _OTHER_SYMBOL)


def _over(count: int) -> str:
    return f"geometric mean of {count} seeds" if count > 1 else "one seed"


def _untrained(one: Series, place: float, words: _Words, colors: Palette) -> go.Scatter:
    color = method_color(one.key)
    return go.Scatter(
        name="untrained",
        legendgroup=one.key,
        showlegend=False,
        mode="markers",
        xaxis="x2",
        x=np.full(len(one.zero), 0.7 * place),
        y=one.zero["error"],
        marker={
            "color": colors.background,
            "size": 10,
            "symbol": _symbol(one.key),
            "line": {"color": color, "width": 2},
        },
        hovertext=[
            words.label(
                one.name,
                f"no training frames: the untrained model, seed {seed}",
                f"{plain(words.title)}: {words.of(error)}",
            )
            for seed, error in one.zero[["seed", "error"]].itertuples(index=False)
        ],
        meta="untrained",
    )


def _keys(series: Sequence[Series], colors: Palette) -> list[go.Scatter]:
    """Return legend entries that say what small, open and dashed mean."""
    tick = {"symbol": "line-ew", "size": 9, "line": {"color": colors.muted, "width": 1.5}}
    entries: list[tuple[str, dict[str, Any]]] = [("one seed", {"mode": "markers", "marker": tick})]
    if any(len(one.zero) for one in series):
        ring = {"color": colors.background, "size": 9, "line": {"color": colors.muted, "width": 2}}
        entries.append(("untrained", {"mode": "markers", "marker": ring}))
    keys = [legend_entry(name, **look) for name, look in entries]
    if any(len(one.curve) for one in series):
        keys += [dashed("fit", "solid", colors), dashed("extrapolated", "dash", colors)]
    return keys


def _sizes(series: Sequence[Series]) -> np.ndarray:
    return np.concatenate(
        [frame["n_frames"].to_numpy(dtype=float) for one in series for frame in _frames(one)]
    )


def _frames(one: Series) -> list[pd.DataFrame]:
    return [one.points, one.curve] if len(one.curve) else [one.points]


def _errors(series: Sequence[Series]) -> np.ndarray:
    return np.concatenate(
        [
            frame["error"].to_numpy(dtype=float)
            for one in series
            for frame in (*_frames(one), one.zero)
            if len(frame)
        ]
    )


def _heights(series: Sequence[Series]) -> list[float]:
    """Return the ends of the vertical axis, as decadic logarithms."""
    errors = _errors(series)
    errors = errors[np.isfinite(errors) & (errors > 0)]
    low, high = float(errors.min()), float(errors.max())
    curves = [one.curve for one in series if len(one.curve)]
    if curves:
        lows = np.concatenate([one["low"].to_numpy(dtype=float) for one in curves])
        highs = np.concatenate([one["high"].to_numpy(dtype=float) for one in curves])
        low = max(low / _BAND_REACHES, min(low, float(lows[lows > 0].min(initial=low))))
        high = min(
            high * _BAND_REACHES, max(high, float(highs[np.isfinite(highs)].max(initial=high)))
        )
    bottom, top = np.log10(low), np.log10(high)
    margin = 0.05 * max(top - bottom, 0.3)
    return [float(bottom - margin), float(top + margin)]


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
