"""Curves of runs: a quantity they recorded while training, as recorded or smoothed."""

from collections import Counter
from typing import Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.figures.base.canvas import canvas, dashed
from core.figures.base.scales import log_ticks
from core.figures.base.text import plain, precise, with_unit
from core.figures.base.theme import (
    MARKERS_SHOWN,
    empty_figure,
    method_color,
    method_symbol,
    palette,
)

HEIGHT: Final = 440

WIDTHS: Final = (2.5, 1.75, 1.25)
MANY_POINTS: Final = 120
"""Number of points above which a curve has markers at some of them only."""

LOG_FROM: Final = 3.0
"""Largest over smallest value from which a logarithmic axis shows several labels."""

_DASHES: Final = {"train": "dash", "validation": "solid"}
_SPLIT_NAMES: Final = {"train": "training<br>", "validation": "validation<br>"}

_PALE: Final = 0.4
"""Opacity of a line as recorded, under its smoothed one."""


def run_curves(
    table: pd.DataFrame,
    *,
    title: str,
    unit: str,
    x_title: str,
    x_unit: str = "",
    log_x: bool = False,
    log_y: bool = False,
    baseline: str | None = None,
    dark: bool,
) -> go.Figure:
    """Draw one quantity of several runs, one colour per method.

    Runs of the same method differ in marker and line width. Where smoothed and recorded values
    differ, the recorded ones lie pale underneath. Training is dashed, validation solid. Zoom and
    hidden curves survive live updates.

    Args:
        table: columns run, label, method, x, raw and value; a run's rows in the order of x. With
            a column split ("train" or "validation") a run has one line per split.
        title: the quantity.
        unit: its unit; empty for a pure number.
        x_title: what it is drawn against.
        x_unit: the unit of that.
        log_x: logarithmic horizontal axis; points at zero are left out.
        log_y: logarithmic vertical axis; values that are not positive are left out. Values that
            lie within a factor of three keep a linear one, on which they can be told apart.
        baseline: name of the run that was subtracted: values are then differences, around zero.
        dark: which theme.
    """
    if baseline is not None:
        log_y = False
    drawable = table[np.isfinite(table[["x", "value"]].to_numpy(dtype=float)).all(axis=1)]
    drawable = drawable[
        ((drawable["x"] > 0) | (not log_x)) & ((drawable["value"] > 0) | (not log_y))
    ]
    if drawable.empty:
        return empty_figure("Nothing recorded (yet)", dark=dark, height=HEIGHT)
    colors = palette(dark=dark)
    figure = canvas(
        height=HEIGHT,
        dark=dark,
        x=with_unit(x_title, x_unit),
        y=with_unit(title if baseline is None else f"{title}, minus the baseline's", unit),
        revision=f"{title}|{x_title}|{log_x}|{log_y}|{baseline}",
        xaxis={"rangemode": "tozero"},
    )
    smooth = not np.array_equal(drawable["raw"], drawable["value"])
    nth_of_method: Counter[str] = Counter()
    for _, rows in drawable.groupby("run", sort=False):
        method = str(rows["method"].iloc[0])
        nth = nth_of_method[method]
        nth_of_method[method] += 1
        for split, part in _by_split(rows):
            traces = _lines(part, nth, unit, with_unit(x_title, x_unit), split, smooth=smooth)
            figure.add_traces(traces)
        # The legend shows a run once, by its last line.
        figure.update_traces(showlegend=False, selector={"legendgroup": f"{method}|{nth}"})
        figure.data[-1].showlegend = True
    if "split" in drawable:
        for split in filter(set(drawable["split"]).__contains__, _DASHES):
            name = _SPLIT_NAMES[split].removesuffix("<br>")
            figure.add_trace(dashed(name, _DASHES[split], colors))
    values = drawable["value"].to_numpy(dtype=float)
    if baseline is not None:
        figure.add_hline(y=0, line={"color": colors.muted, "width": 1.5, "dash": "dash"})
    elif not log_y:
        figure.update_yaxes(rangemode="tozero")
    elif values.max() / values.min() >= LOG_FROM:
        figure.update_yaxes(type="log", **log_ticks(values))
    if log_x:
        figure.update_xaxes(type="log", **log_ticks(drawable["x"].to_numpy(dtype=float)))
    return figure


def _by_split(rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    if "split" not in rows:
        return [("run", rows)]
    parts = [(split, rows[rows["split"] == split]) for split in _DASHES]
    return [(split, part) for split, part in parts if len(part)]


def _lines(
    rows: pd.DataFrame, nth: int, unit: str, x_title: str, split: str, *, smooth: bool
) -> list[go.Scatter]:
    """Return a run's line, over a pale one of what it recorded where that differs."""
    label, method = plain(rows["label"].iloc[0]), str(rows["method"].iloc[0])
    color = method_color(method)
    x = rows["x"].to_numpy(dtype=float)
    raw, value = rows["raw"].to_numpy(dtype=float), rows["value"].to_numpy(dtype=float)
    common = {"name": label, "legendgroup": f"{method}|{nth}", "x": x}
    line = {
        "color": color,
        "width": WIDTHS[min(nth, len(WIDTHS) - 1)],
        "dash": _DASHES.get(split, "solid"),
    }
    is_long = smooth or len(x) > MANY_POINTS
    drawn = go.Scatter(
        **common,
        y=value,
        mode="lines" if split == "train" else "lines+markers",
        opacity=0.75 if split == "train" else 1.0,
        line=line,
        marker={
            "color": color,
            "size": 7,
            "symbol": method_symbol(method, nth),
            "maxdisplayed": MARKERS_SHOWN if is_long else 0,
        },
        meta=split,
        hovertext=[
            f"<b>{label}</b><br>{_SPLIT_NAMES.get(split, '')}{x_title}: {precise(place)}<br>"
            f"{precise(y)} {plain(unit)}" + (f", recorded {precise(recorded_y)}" if smooth else "")
            for place, y, recorded_y in zip(x, value, raw, strict=True)
        ],
    )
    if not smooth:
        return [drawn]
    recorded = go.Scatter(
        **common,
        y=raw,
        mode="lines",
        line=line | {"width": 1},
        opacity=_PALE,
        showlegend=False,
        hoverinfo="skip",
        meta="recorded",
    )
    return [recorded, drawn]
