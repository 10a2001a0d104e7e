"""How the numbers of frames are distributed: one small histogram per quantity."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.figures.base.canvas import canvas
from core.figures.base.text import minus, plain, with_unit
from core.figures.base.theme import WIDE, empty_figure, palette

_COLUMNS: Final = 3
_ROW: Final = 230
"""Height of a row of histograms in px."""
_TITLE: Final = 66
"""Height of the titles below a histogram in px."""
_GAP: Final = 0.055


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Histogram:
    """Counts of one quantity.

    Attributes:
        title: the quantity; plain text.
        unit: its unit, empty for a pure number.
        edges: ends of the bins, (b + 1,).
        counts: selected frames in each bin, (b,).
        whole: all frames in each bin, (b,).
        ends: what stands before the first and the last bin's limit where they also hold what lies
            beyond: "≤ " and "≥ ", or "".
    """

    title: str
    unit: str
    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    whole: NDArray[np.int64]
    ends: tuple[str, str] = ("", "")


def distributions(
    histograms: Sequence[Histogram], *, things: str, selected: bool, log: bool, dark: bool
) -> go.Figure:
    """Draw a grid of histograms, three in a row.

    Args:
        histograms: what to draw, in order.
        things: what is counted, "frames" or "pairs".
        selected: whether `counts` are those of a selection, drawn before all frames in grey.
        log: whether counts are logarithmic.
        dark: which theme.
    """
    if not histograms:
        return empty_figure("Nothing is labelled yet.", dark=dark)
    colors = palette(dark=dark)
    n_rows = -(-len(histograms) // _COLUMNS)
    height = n_rows * _ROW + 40 + 20 * selected
    figure = canvas(
        height=height,
        dark=dark,
        legend=selected,
        barmode="overlay",
        bargap=0,
        margin={"t": 28, "b": 50 if selected else 10, "l": 62},
        meta=WIDE,
    )
    for number, histogram in enumerate(histograms):
        row, column = divmod(number, _COLUMNS)
        name = str(number + 1) if number else ""
        left, top = column / _COLUMNS, 1 - row / n_rows
        foot = _TITLE / height
        figure.update_layout(
            {
                f"xaxis{name}": {
                    "domain": [left + _GAP * (column > 0) * 0.9, left + 1 / _COLUMNS - _GAP * 0.3],
                    "anchor": f"y{name}",
                    "title": {"text": with_unit(histogram.title, histogram.unit)},
                    "showgrid": False,
                    "nticks": 6,
                },
                f"yaxis{name}": {
                    "domain": [top - 1 / n_rows + foot, top - 0.02],
                    "anchor": f"x{name}",
                    "title": {"text": things.capitalize() if column == 0 else ""},
                    "type": "log" if log else "linear",
                    "range": _counts_range(histogram.whole, log=log),
                    **({"dtick": 1} if log else {"nticks": 5}),
                },
            }
        )
        if selected:
            figure.add_trace(_bars(histogram, histogram.whole, f"all {things}", colors.line, name))
        figure.add_trace(
            _bars(histogram, histogram.counts, f"selected {things}", colors.accent, name)
        )
    return figure


def _counts_range(counts: NDArray[np.int64], *, log: bool) -> list[float]:
    """Return the range of a vertical axis; a logarithmic one begins below a single frame."""
    highest = float(counts.max(initial=1))
    return [-0.3, 1.05 * np.log10(highest) + 0.1] if log else [0.0, 1.05 * highest]


def _bars(
    histogram: Histogram, counts: NDArray[np.int64], label: str, color: str, name: str
) -> go.Bar:
    low, high = histogram.edges[:-1], histogram.edges[1:]
    unit = f" {plain(histogram.unit)}" if histogram.unit else ""
    texts = [_range_text(*ends) for ends in zip(low, high, strict=True)]
    first, last = histogram.ends
    if first:
        texts[0] = f"{first}{_number(high[0])}"
    if last:
        texts[-1] = f"{last}{_number(low[-1])}"
    return go.Bar(
        name=label,
        legendgroup=label,
        showlegend=not name,
        x=(low + high) / 2,
        y=counts,
        width=high - low,
        marker={"color": color, "line": {"width": 0}},
        hovertext=[
            f"{plain(histogram.title)}: {text}{unit}<br>{label}: {count:,}"
            for text, count in zip(texts, counts, strict=True)
        ],
        xaxis=f"x{name}",
        yaxis=f"y{name}",
    )


def _range_text(low: float, high: float) -> str:
    """Return what a bin holds; bins of whole numbers end halfway between two."""
    if low % 1 == 0.5 and high % 1 == 0.5:
        first, last = int(low + 0.5), int(high - 0.5)
        return f"{first:,}" if first == last else f"{first:,} to {last:,}"
    return f"{_number(low)} to {_number(high)}"


def _number(value: float) -> str:
    return minus(f"{value:.3g}")
