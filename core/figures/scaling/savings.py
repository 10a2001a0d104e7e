"""How many times fewer training frames one method needs than another, error by error."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.figures.base.canvas import canvas, dashed, shaded
from core.figures.base.scales import log_limits, log_range, log_ticks
from core.figures.base.text import plain, precise, with_unit
from core.figures.base.theme import MARKERS_SHOWN, empty_figure, palette
from core.intervals import NOT_DETERMINED, bounds, significant, spans

HEIGHT: Final = 440

_DASHES: Final = {"seen": "solid", "bound": "dot", "beyond": "dash"}
_KINDS: Final = {"seen": "sizes of both seen", "bound": "at least", "beyond": "extrapolated"}
_SYMBOLS: Final = ("circle", "square", "diamond", "triangle-up", "star", "hexagon")
_BAND: Final = 0.16


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Saving:
    """How many times fewer frames one method needs than another.

    Attributes:
        name: what the legend says, such as "refit instead of scratch"; plain text.
        color: #RRGGBB.
        table: one row per error, rising: `error`, `n_better`, `n_worse`, `ratio`, `ratio_low`,
            `ratio_high`, `inside` (whether both fits have seen such sizes) and `at_least` (whether
            the ratio is only a bound from below). Rows without a finite ratio, and those whose
            interval tells nothing, are left out.
    """

    name: str
    color: str
    table: pd.DataFrame


def savings(
    lines: Sequence[Saving], *, title: str, unit: str, level: float = 0.95, dark: bool
) -> go.Figure:
    """Draw ratios of frames at equal error, with bands.

    Solid where both methods were trained with such sizes, dotted where the ratio is a bound, dashed
    where a fit is extrapolated.

    Args:
        lines: the pairs of methods in the order of the legend.
        title: the error, without its unit.
        unit: its unit.
        level: nominal coverage of the bands.
        dark: which theme.
    """
    drawn = [(line, rows) for line in lines if len(rows := _finite(line.table))]
    if not drawn:
        return empty_figure(
            "Not determined: no two methods reach the same error closely enough.",
            dark=dark,
            height=HEIGHT,
        )
    colors = palette(dark=dark)
    errors, ratios, lows, highs = (
        np.concatenate([rows[name].to_numpy(dtype=float) for _, rows in drawn])
        for name in ("error", "ratio", "ratio_low", "ratio_high")
    )
    bottom, top = log_limits(np.append(ratios, 1.0), lows, highs)
    figure = canvas(
        height=HEIGHT,
        dark=dark,
        x=with_unit(f"{title} to be reached", unit),
        y="Times fewer training frames",
        revision=f"{title}|{'|'.join(line.name for line, _ in drawn)}",
        xaxis={"type": "log", **log_ticks(errors)},
        yaxis={
            "type": "log",
            "range": log_range(bottom, top),
            **log_ticks(np.array([bottom, top])),
        },
    )
    for nth, (line, rows) in enumerate(drawn):
        # Where one end is open, the band runs out of the figure.
        error, low, high = rows[["error", "ratio_low", "ratio_high"]].to_numpy(dtype=float).T
        low = np.nan_to_num(low, nan=bottom / 10).clip(bottom / 10, top * 10)
        high = np.nan_to_num(high, nan=top * 10).clip(bottom / 10, top * 10)
        figure.add_trace(
            shaded(error, low, high, line.color, opacity=_BAND, legendgroup=line.name, meta="band")
        )
        symbol = _SYMBOLS[nth % len(_SYMBOLS)]
        figure.add_traces(_lines(line, rows, symbol, title=title, unit=unit, level=level))
    figure.add_traces([dashed(_KINDS[kind], dash, colors) for kind, dash in _DASHES.items()])
    figure.add_hline(y=1.0, line={"color": colors.line, "width": 1.5})
    return figure


def _finite(table: pd.DataFrame) -> pd.DataFrame:
    ratio = table["ratio"].to_numpy(dtype=float)
    told = [bounds(*ends) for ends in zip(table["ratio_low"], table["ratio_high"], strict=True)]
    finite: pd.DataFrame = table[np.isfinite(ratio) & (ratio > 0) & np.array(told, dtype=bool)]
    return finite.sort_values("error", ignore_index=True)


def _lines(
    line: Saving, rows: pd.DataFrame, symbol: str, *, title: str, unit: str, level: float
) -> list[go.Scatter]:
    """Return one line for each stretch of one kind."""
    hover = np.array(
        [
            f"<b>{plain(line.name)}</b><br>{plain(title)} of {precise(row['error'])} {plain(unit)}"
            f"<br>{_frames(row['n_better'])} instead of {_frames(row['n_worse'])} training frames: "
            f"{'at least ' if row['at_least'] else ''}{row['ratio']:.2g} times fewer<br>"
            f"{level:.0%} interval: {_interval(row['ratio_low'], row['ratio_high'])}"
            f"{'' if row['inside'] or row['at_least'] else '<br>extrapolated'}"
            for row in rows.to_dict("records")
        ]
    )
    kinds = np.where(rows["inside"], "seen", np.where(rows["at_least"], "bound", "beyond"))
    stretches = _stretches(kinds)
    in_legend = next((first for first, _ in stretches if kinds[first] == "seen"), 0)
    traces = []
    for first, last in stretches:
        # Neighbouring stretches meet: the others take the ends of a solid one along.
        part = (
            slice(first, last)
            if kinds[first] == "seen"
            else slice(max(first - 1, 0), last + (last < len(kinds) and kinds[last] == "seen"))
        )
        traces.append(
            go.Scatter(
                name=plain(line.name),
                legendgroup=line.name,
                showlegend=first == in_legend,
                mode="lines+markers",
                x=rows["error"].to_numpy(dtype=float)[part],
                y=rows["ratio"].to_numpy(dtype=float)[part],
                line={"color": line.color, "width": 2.5, "dash": _DASHES[kinds[first]]},
                marker={"size": 8, "symbol": symbol, "maxdisplayed": MARKERS_SHOWN // 2},
                hovertext=hover[part],
                meta=kinds[first],
            )
        )
    return traces


def _stretches(kinds: NDArray[np.str_]) -> list[tuple[int, int]]:
    """Return first and one past the last place of each stretch of one kind."""
    ends = [*(np.flatnonzero(kinds[1:] != kinds[:-1]) + 1).tolist(), len(kinds)]
    return list(zip([0, *ends[:-1]], ends, strict=True))


def _frames(value: float) -> str:
    return f"{significant(value, 3):,.0f}"


def _interval(low: float, high: float) -> str:
    if spans(low, high):
        return f"{low:.2g} to {high:.2g}"
    return f"{low:.2g} or more" if low > 1 else NOT_DETERMINED
