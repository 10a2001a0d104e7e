"""Learning curves: an error against the epoch, several runs overlaid."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.figures.base.scales import log_ticks
from core.figures.base.text import plain, precise, with_unit
from core.figures.base.theme import Palette, empty_figure, method_color, palette, template

HEIGHT: Final = 440

SYMBOLS: Final = ("circle", "square", "diamond", "triangle-up", "cross", "x")
WIDTHS: Final = (2.5, 1.75, 1.25)
MANY_POINTS: Final = 120
"""Above so many points a curve carries no markers."""

_DASHES: Final = {"train": "dash", "validation": "solid"}


@dataclass(kw_only=True, frozen=True, slots=True)
class Curve:
    """The history of one run in one metric.

    Attributes:
        label: Name of the run; plain text.
        method: Key of its method, which chooses the colour.
        epochs: Columns `epoch` (float, 1.4 is 40 % into the second epoch), `split` ("train" or
            "validation") and `value` (the metric; rows without a finite value are left out).
    """

    label: str
    method: str
    epochs: pd.DataFrame


LOG_FROM = 3.0
"""Largest over smallest value from which a logarithmic axis shows several labels."""


def learning_curves(
    runs: Sequence[Curve], *, metric: str, unit: str, log_y: bool = False, dark: bool
) -> go.Figure:
    """Draw one metric of several runs: training dashed, validation solid, one colour a method.

    Runs of the same method differ in marker and line width. Zoom and hidden curves survive live
    updates, because the figure's `uirevision` depends on the metric only.

    Args:
        runs: The runs in the order of the legend; may be empty or without rows.
        metric: Name of the metric, such as "Energy MAE".
        unit: Its unit.
        log_y: Logarithmic vertical axis; values that are not positive are left out. Values that
            lie within a factor of three keep a linear one, on which they can be told apart.
        dark: Which theme.
    """
    figure = go.Figure()
    nth_of_method: Counter[str] = Counter()
    splits: set[str] = set()
    for run in runs:
        nth = nth_of_method[run.method]
        nth_of_method[run.method] += 1
        drawn = {split: _rows(run.epochs, split, log_y=log_y) for split in _DASHES}
        drawn = {split: rows for split, rows in drawn.items() if not rows.empty}
        splits.update(drawn)
        # Training lies underneath; the legend shows the last, validation, where there is one.
        for split, rows in drawn.items():
            legend = split == list(drawn)[-1]
            figure.add_trace(_line(run, rows, nth=nth, split=split, unit=unit, legend=legend))
    if not splits:
        return empty_figure("No data yet", dark=dark, height=HEIGHT)
    colors = palette(dark=dark)
    for split in sorted(splits):
        figure.add_trace(_key(split, colors))
    figure.update_layout(
        template=template(dark=dark),
        height=HEIGHT,
        margin={"t": 40, "b": 84},
        dragmode="zoom",
        uirevision=f"{metric}|{log_y}",
    )
    figure.update_xaxes(title_text="Epoch", rangemode="tozero")
    figure.update_yaxes(title_text=with_unit(metric, unit))
    if not log_y:
        figure.update_yaxes(rangemode="tozero")
    elif _spread(figure) >= LOG_FROM:
        figure.update_yaxes(type="log", **log_ticks(_values(figure)))
    return figure


def _rows(epochs: pd.DataFrame, split: str, *, log_y: bool) -> pd.DataFrame:
    rows = epochs[epochs["split"] == split]
    values = pd.to_numeric(rows["value"], errors="coerce").to_numpy(dtype=float)
    kept = np.isfinite(values) & ((values > 0) | (not log_y))
    return rows.assign(value=values)[kept].sort_values("epoch", kind="stable")


def _values(figure: go.Figure) -> np.ndarray:
    return np.concatenate([trace.y for trace in figure.select_traces() if trace.meta != "key"])


def _spread(figure: go.Figure) -> float:
    values = _values(figure)
    return float(values.max() / values.min())


def _line(
    run: Curve, rows: pd.DataFrame, *, nth: int, split: str, unit: str, legend: bool
) -> go.Scatter:
    color = method_color(run.method)
    label = plain(run.label)
    return go.Scatter(
        name=label,
        legendgroup=f"{run.method}|{nth}",
        showlegend=legend,
        mode="lines+markers" if split == "validation" and len(rows) <= MANY_POINTS else "lines",
        x=rows["epoch"].to_numpy(dtype=float),
        y=rows["value"].to_numpy(dtype=float),
        line={"color": color, "dash": _DASHES[split], "width": WIDTHS[min(nth, len(WIDTHS) - 1)]},
        marker={"color": color, "size": 7, "symbol": SYMBOLS[nth % len(SYMBOLS)]},
        opacity=1.0 if split == "validation" else 0.75,
        meta=split,
        hovertext=[
            f"<b>{label}</b><br>{split}, epoch {epoch:g}: {precise(value)} {plain(unit)}"
            for epoch, value in zip(rows["epoch"], rows["value"], strict=True)
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _key(split: str, colors: Palette) -> go.Scatter:
    """Return a legend entry that says what dashed and solid mean."""
    return go.Scatter(
        name="training" if split == "train" else split,
        mode="lines",
        x=[None],
        y=[None],
        line={"color": colors.muted, "dash": _DASHES[split], "width": 2},
        hoverinfo="skip",
        meta="key",
    )
