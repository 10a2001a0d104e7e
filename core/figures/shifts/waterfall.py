"""How an error falls step by step: the waterfall, and the same by group on a logarithmic axis."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.figures.base.canvas import canvas
from core.figures.base.scales import log_ticks
from core.figures.base.text import minus, plain, precise, with_unit
from core.figures.base.theme import empty_figure, palette

HEIGHT: Final = 420
_ROW_PX: Final = 34
_LINE: Final = 9
"""Letters of a line below a bar; longer words have one of their own."""

_UNITS: Final = "eV/atom"


@dataclass(kw_only=True, frozen=True, slots=True)
class Step:
    """One step of a waterfall.

    Attributes:
        name: what is done, plain text, such as "After a constant".
        value: the error that remains after it, above 0.
        color: #RRGGBB.
    """

    name: str
    value: float
    color: str


def waterfall(steps: Sequence[Step], *, title: str, unit: str = _UNITS, dark: bool) -> go.Figure:
    """Draw the error that remains after each step, and what each step takes away.

    Args:
        steps: the error as it is first, then what remains after each step.
        title: the error, for the vertical axis, without its unit.
        unit: its unit.
        dark: which theme.

    Returns:
        A figure with the traces "remains" and "taken away"; a step that makes the error larger
        shows what it adds.
    """
    colors = palette(dark=dark)
    if not steps:
        return empty_figure("No data yet", dark=dark, height=HEIGHT)
    names = [plain(step.name) for step in steps]
    values = np.array([step.value for step in steps])
    before = np.concatenate([[values[0]], values[:-1]])
    change = values - before
    share = values / values[0] if values[0] > 0 else np.ones_like(values)
    figure = canvas(
        height=HEIGHT,
        dark=dark,
        y=with_unit(title, unit),
        legend=False,
        xaxis={
            "showgrid": False,
            "tickangle": 0,
            "tickvals": names,
            # On a narrow screen, names on one line would run into each other.
            "ticktext": [_in_lines(step.name) for step in steps],
        },
        yaxis={"range": [0, 1.18 * float(max(values))]},
        barmode="overlay",
        bargap=0.35,
        dragmode=False,
    )
    figure.add_trace(
        go.Bar(
            name="taken away",
            x=names,
            y=np.abs(change),
            base=np.minimum(before, values),
            marker={
                "color": "rgba(0,0,0,0)",
                "line": {"color": colors.line, "width": 1},
                "pattern": {"shape": "/", "fgcolor": colors.grid, "size": 7, "solidity": 0.5},
            },
            hovertext=[
                f"<b>{name}</b><br>{'takes away' if step_change <= 0 else 'adds'} "
                f"{precise(abs(step_change))} {plain(unit)}"
                for name, step_change in zip(names, change, strict=True)
            ],
        )
    )
    figure.add_trace(
        go.Bar(
            name="remains",
            x=names,
            y=values,
            marker={"color": [step.color for step in steps], "line": {"width": 0}},
            text=[
                f"<b>{minus(_short(value))}</b><br>{_percent(part)}"
                for value, part in zip(values, share, strict=True)
            ],
            textposition="outside",
            textfont={"color": colors.text},
            cliponaxis=False,
            hovertext=[
                f"<b>{name}</b><br>{precise(value)} {plain(unit)} remain, {_percent(part)}"
                for name, value, part in zip(names, values, share, strict=True)
            ],
        )
    )
    return figure


def _in_lines(name: str) -> str:
    return "<br>".join(map(plain, wrap(name, _LINE, break_long_words=False)))


def by_group(
    table: pd.DataFrame,
    steps: Sequence[tuple[str, str, str]],
    *,
    title: str,
    unit: str = _UNITS,
    dark: bool,
) -> go.Figure:
    """Draw the errors of groups after each step as dots on one logarithmic axis.

    Args:
        table: columns group, count and one error per step; one row per group, the first on top.
        steps: (column, name, colour) of each step, in order.
        title: the error, without its unit.
        unit: its unit.
        dark: which theme.
    """
    if table.empty:
        return empty_figure("No data yet", dark=dark)
    colors = palette(dark=dark)
    columns = [column for column, _, _ in steps]
    labels = [f"{plain(g)} ({n:,})" for g, n in zip(table["group"], table["count"], strict=True)]
    values = table[columns].to_numpy(dtype=float)
    figure = canvas(
        height=140 + _ROW_PX * len(table),
        dark=dark,
        x=with_unit(title, unit),
        xaxis={"type": "log", **log_ticks(values)},
        yaxis={"autorange": "reversed", "showgrid": False},
        dragmode=False,
    )
    for label, row in zip(labels, values, strict=True):
        figure.add_trace(
            go.Scatter(
                mode="lines",
                x=[row.min(), row.max()],
                y=[label, label],
                line={"color": colors.grid, "width": 3},
                hoverinfo="skip",
                showlegend=False,
            )
        )
    for column, name, color in steps:
        figure.add_trace(
            go.Scatter(
                name=plain(name),
                mode="markers",
                x=table[column],
                y=labels,
                marker={"color": color, "size": 12, "line": {"width": 0}},
                hovertext=[
                    f"<b>{label}</b><br>{plain(name)}: {precise(value)} {plain(unit)}"
                    for label, value in zip(labels, table[column], strict=True)
                ],
            )
        )
    return figure


def _short(value: float) -> str:
    """Return three digits, as a reader compares them: 10.6, 4.93, 0.315, 0.0504."""
    if value <= 0:
        return "0"
    return f"{value:.{min(6, max(0, 2 - math.floor(math.log10(value))))}f}"


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.1 else f"{share:.1%}" if share >= 0.01 else f"{share:.2%}"
