"""Numbers with what is uncertain about them: curves with bands, means with intervals."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd
import plotly.graph_objects as go

from core.figures.base.canvas import Array, Axis, canvas, shaded
from core.figures.base.text import plain
from core.figures.base.theme import METHOD_COLORS, empty_figure, palette

CURVE_HEIGHT: Final = 430
_ROW: Final = 17
_COLUMNS: Final = 2

# Least squares is what `refit` does, the prior what `residual` adds: each keeps one colour.
COLORS: Final = {"lstsq": METHOD_COLORS["refit"], "ridge": METHOD_COLORS["residual"]}


def curves_with_bands(
    curves: Mapping[Any, Array],
    *,
    colors: Mapping[str, str],
    names: Mapping[str, str],
    x_title: str,
    y_axis: Axis,
    log_y: bool,
    dark: bool,
) -> go.Figure:
    """Draw curves over a logarithmic number of materials, each with a band.

    Args:
        curves: key to the rows x, middle, low and high, (4, k).
        colors: key to colour, #RRGGBB.
        names: key to what the legend says; plain text.
        x_title: title of the horizontal axis.
        y_axis: title and unit of the vertical axis.
        log_y: whether the vertical axis is logarithmic too.
        dark: which theme.
    """
    figure = canvas(
        height=CURVE_HEIGHT,
        dark=dark,
        x=plain(x_title),
        y=y_axis.text,
        xaxis={"type": "log", "dtick": 1},
        yaxis={"type": "log", "dtick": 1} if log_y else {"type": "linear"},
    )
    for key, (x, middle, low, high) in curves.items():
        figure.add_trace(shaded(x, low, high, colors[key], opacity=0.28, legendgroup=key))
        figure.add_trace(
            go.Scatter(
                name=plain(names[key]),
                legendgroup=key,
                mode="lines+markers",
                x=x,
                y=middle,
                line={"color": colors[key], "width": 2.5},
                marker={"size": 8},
                hovertext=[
                    f"<b>{plain(names[key])}</b><br>{size:,.0f} materials<br>"
                    f"{y_axis.text}: {value:.3f}<br>90 % of the drawings: {a:.3f} to {b:.3f}"
                    for size, value, a, b in zip(x, middle, low, high, strict=True)
                ],
            )
        )
    return figure


def forest(
    table: pd.DataFrame, *, value: str, axis: Axis, hover: Sequence[str], dark: bool
) -> go.Figure:
    """Draw each element's mean with its interval, the smallest first, in two columns.

    The axes hold every mean and the intervals of all but the rare elements, whose long intervals
    would squeeze the others; they are cut at the edge, and the hover label tells them.

    Args:
        table: one row per element: symbol, rare, and the columns VALUE, VALUE_low and VALUE_high,
            the latter two NaN where there is no interval.
        value: which columns.
        axis: what they are.
        hover: one plain text per row for the hover label.
        dark: which theme.
    """
    if table.empty:
        return empty_figure("No element occurs: choose other materials.", dark=dark)
    colors = palette(dark=dark)
    table = table.assign(hover=[plain(text) for text in hover])
    table = table.sort_values(value, kind="stable", ignore_index=True)
    per_column = -(-len(table) // _COLUMNS)
    figure = canvas(
        height=150 + _ROW * per_column,
        dark=dark,
        revision=f"{axis.text}|{len(table)}",
        margin={"l": 40},
    )
    for number in range(_COLUMNS):
        part = table.iloc[number * per_column : (number + 1) * per_column]
        last = number + 1
        place = {"xaxis": f"x{last}" if number else "x", "yaxis": f"y{last}" if number else "y"}
        left = number / _COLUMNS + (0.04 if number else 0.0)
        figure.update_layout(
            {
                f"xaxis{last if number else ''}": {
                    "domain": [left, last / _COLUMNS - (0.0 if number else 0.04)],
                    "anchor": place["yaxis"],
                    "title": {"text": axis.text},
                    "range": _range(part, value),
                },
                f"yaxis{last if number else ''}": {
                    "anchor": place["xaxis"],
                    "type": "category",
                    "autorange": "reversed",
                    "dtick": 1,
                    "categoryarray": part["symbol"].tolist(),
                },
            }
        )
        for rare, name in ((False, "element"), (True, "in few materials")):
            rows = part[part["rare"] == rare]
            figure.add_trace(
                go.Scatter(
                    name=name,
                    legendgroup=name,
                    showlegend=number == 0,
                    mode="markers",
                    x=rows[value] if len(rows) else [None],
                    y=rows["symbol"] if len(rows) else [None],
                    customdata=rows["symbol"],
                    hovertext=rows["hover"],
                    error_x={
                        "type": "data",
                        "array": rows[f"{value}_high"] - rows[value],
                        "arrayminus": rows[value] - rows[f"{value}_low"],
                        "thickness": 1.5,
                        "width": 0,
                        "color": colors.muted if rare else colors.accent,
                    },
                    marker={
                        "size": 8,
                        "symbol": "circle-open" if rare else "circle",
                        "color": colors.muted if rare else colors.accent,
                        "line": {"width": 1.5},
                    },
                    **place,
                )
            )
    return figure


def _range(part: pd.DataFrame, value: str) -> tuple[float, float]:
    common = part[~part["rare"]]
    ends = pd.concat([part[value], common[f"{value}_low"], common[f"{value}_high"]]).dropna()
    margin = 0.05 * (ends.max() - ends.min()) or 0.5
    return float(ends.min() - margin), float(ends.max() + margin)
