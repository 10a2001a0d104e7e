"""What runs recorded while they trained: one quantity, several runs, smoothed or as it was."""

from collections import Counter
from typing import Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.figures.base.scales import log_ticks
from core.figures.base.text import plain, precise, with_unit
from core.figures.base.theme import empty_figure, method_color, palette, template
from core.figures.training.learning_curves import HEIGHT, LOG_FROM, MANY_POINTS, SYMBOLS, WIDTHS

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
    """Draw one quantity of several runs, one colour a method.

    Runs of the same method differ in marker and line width. Where smoothed and recorded values
    differ, the recorded ones lie pale underneath. Zoom and hidden curves survive live updates.

    Args:
        table: Columns run, label, method, x, raw and value; a run's rows in the order of x.
        title: The quantity.
        unit: Its unit; empty for a pure number.
        x_title: What it is drawn against.
        x_unit: The unit of that.
        log_x: Logarithmic horizontal axis; points at zero are left out.
        log_y: Logarithmic vertical axis; values that are not positive are left out. Values that
            lie within a factor of three keep a linear one, on which they can be told apart.
        baseline: Name of the run that was subtracted: values are then differences, around zero.
        dark: Which theme.
    """
    if baseline is not None:
        log_y = False
    shown = table[np.isfinite(table[["x", "value"]].to_numpy(dtype=float)).all(axis=1)]
    shown = shown[((shown["x"] > 0) | (not log_x)) & ((shown["value"] > 0) | (not log_y))]
    if shown.empty:
        return empty_figure("Nothing recorded (yet)", dark=dark, height=HEIGHT)
    colors = palette(dark=dark)
    figure = go.Figure(
        layout={
            "template": template(dark=dark),
            "height": HEIGHT,
            "margin": {"t": 40, "b": 84},
            "dragmode": "zoom",
            "uirevision": f"{title}|{x_title}|{log_x}|{log_y}|{baseline}",
        }
    )
    smooth = not np.array_equal(shown["raw"], shown["value"])
    nth_of_method: Counter[str] = Counter()
    for _, rows in shown.groupby("run", sort=False):
        method = str(rows["method"].iloc[0])
        nth = nth_of_method[method]
        nth_of_method[method] += 1
        for trace in _lines(rows, nth, unit, with_unit(x_title, x_unit), smooth=smooth):
            figure.add_trace(trace)
    told = title if baseline is None else f"{title}, minus the baseline's"
    figure.update_xaxes(title_text=with_unit(x_title, x_unit), rangemode="tozero")
    figure.update_yaxes(title_text=with_unit(told, unit))
    values = shown["value"].to_numpy(dtype=float)
    if baseline is not None:
        figure.add_hline(y=0, line={"color": colors.muted, "width": 1.5, "dash": "dash"})
    elif not log_y:
        figure.update_yaxes(rangemode="tozero")
    elif values.max() / values.min() >= LOG_FROM:
        figure.update_yaxes(type="log", **log_ticks(values))
    if log_x:
        figure.update_xaxes(type="log", **log_ticks(shown["x"].to_numpy(dtype=float)))
    return figure


def _lines(
    rows: pd.DataFrame, nth: int, unit: str, x_title: str, *, smooth: bool
) -> list[go.Scatter]:
    """Return a run's line, over a pale one of what it recorded where that differs."""
    label, method = plain(rows["label"].iloc[0]), str(rows["method"].iloc[0])
    color = method_color(method)
    x = rows["x"].to_numpy(dtype=float)
    raw, value = rows["raw"].to_numpy(dtype=float), rows["value"].to_numpy(dtype=float)
    common = {"name": label, "legendgroup": f"{method}|{nth}", "x": x}
    line = {"color": color, "width": WIDTHS[min(nth, len(WIDTHS) - 1)]}
    drawn = go.Scatter(
        **common,
        y=value,
        mode="lines" if smooth or len(x) > MANY_POINTS else "lines+markers",
        line=line,
        marker={"color": color, "size": 7, "symbol": SYMBOLS[nth % len(SYMBOLS)]},
        meta="run",
        hovertext=[
            f"<b>{label}</b><br>{x_title}: {precise(place)}<br>"
            f"{precise(one)} {plain(unit)}" + (f", recorded {precise(told)}" if smooth else "")
            for place, one, told in zip(x, value, raw, strict=True)
        ],
        hovertemplate="%{hovertext}<extra></extra>",
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
