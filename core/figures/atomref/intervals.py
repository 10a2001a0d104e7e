"""Elemental references with their intervals, and how wide these are."""

from typing import Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.figures.base.canvas import canvas
from core.figures.base.scales import log_ticks
from core.figures.base.text import plain, precise, with_unit
from core.figures.base.theme import empty_figure, palette
from core.intervals import NOT_DETERMINED

HEIGHT: Final = 560
_UNIT: Final = "eV/atom"
_RARE_COLOR: Final = 1
"""Place among a palette's groups of the colour for elements in few materials."""

_MOST_NAMES: Final = 30
"""Elements named under the axis; more would run into each other."""


def intervals(
    table: pd.DataFrame, *, title: str, few: int, level: float = 0.95, dark: bool
) -> go.Figure:
    """Draw each element's reference with its interval, and below half the interval's width.

    The lower panel is logarithmic: intervals of common elements are too short to see beside those
    of rare ones.

    Args:
        table: one row per element in the order to draw: symbol, energy, low, high, half_width,
            margin (eV/atom; NaN where the data leave them open) and count (materials).
        title: what the energies are, without their unit; plain text.
        few: elements in fewer materials than this are marked.
        level: nominal coverage of the intervals.
        dark: which theme.

    Returns:
        A figure with the traces "references" and, with elements in few materials, "in few
        materials" in both panels; those whose interval is unknown are crosses at the top of the
        lower panel.
    """
    if table.empty:
        return empty_figure("No data yet: no element occurs.", dark=dark, height=HEIGHT)
    colors = palette(dark=dark)
    figure = canvas(height=HEIGHT, dark=dark, revision=f"{title}|{len(table)}")
    energies = table["energy"].to_numpy(dtype=float)
    margin = 0.15 * float(np.ptp(energies)) or 1.0
    widths = table["half_width"].to_numpy(dtype=float)
    finite = widths[np.isfinite(widths) & (widths > 0)]
    top = float(finite.max()) * 2 if len(finite) else 1.0
    rare = f"in fewer than {few} materials"
    for name, rows, color, symbol in (
        ("references", table[table["count"] >= few], colors.accent, "circle"),
        (rare, table[table["count"] < few], colors.groups[_RARE_COLOR], "diamond-open"),
    ):
        if rows.empty:
            continue
        unbounded = ~np.isfinite(rows["half_width"].to_numpy(dtype=float))
        hover = _hover(rows, title, level)
        shared = {
            "name": plain(name),
            "legendgroup": name,
            "mode": "markers",
            "x": rows["symbol"],
            "customdata": rows["symbol"],
            "hovertext": hover,
        }
        figure.add_trace(
            go.Scatter(
                y=rows["energy"],
                error_y={
                    "type": "data",
                    "array": rows["high"] - rows["energy"],
                    "arrayminus": rows["energy"] - rows["low"],
                    "thickness": 1.5,
                    "width": 3,
                    "color": color,
                },
                marker={"color": color, "size": 7, "symbol": symbol},
                showlegend=True,
                yaxis="y",
                **shared,
            )
        )
        figure.add_trace(
            go.Scatter(
                y=np.where(unbounded, top, rows["half_width"]),
                marker={
                    "color": color,
                    "size": 8,
                    "symbol": np.where(unbounded, "x-thin", symbol).tolist(),
                    "line": {"width": np.where(unbounded, 2, 0).tolist(), "color": color},
                },
                showlegend=False,
                yaxis="y2",
                **shared,
            )
        )
    figure.update_layout(
        xaxis={
            "title": {"text": "Element"},
            "anchor": "y2",
            "type": "category",
            "categoryorder": "array",
            "categoryarray": table["symbol"].tolist(),
            "tickangle": 0,
            "nticks": _MOST_NAMES,
            "showgrid": False,
        },
        # The references fill the panel; wide intervals run out of it.
        yaxis={
            "domain": [0.5, 1.0],
            "title": {"text": with_unit(title, _UNIT)},
            "range": [energies.min() - margin, energies.max() + margin],
        },
        yaxis2={
            "domain": [0.0, 0.44],
            "title": {"text": with_unit("± of the interval", _UNIT)},
            "type": "log",
            **(log_ticks(finite) if len(finite) else {}),
        },
    )
    return figure


def _hover(rows: pd.DataFrame, title: str, level: float) -> list[str]:
    texts = []
    columns = ("symbol", "energy", "low", "high", "margin", "count")
    for symbol, energy, low, high, margin, count in rows[list(columns)].itertuples(index=False):
        interval = (
            f"{level:.0%} interval: {precise(low)} to {precise(high)} {_UNIT}<br>"
            "from the standard error: "
            + (f"± {precise(margin)} {_UNIT}" if np.isfinite(margin) else NOT_DETERMINED)
            if np.isfinite(low)
            else f"{NOT_DETERMINED}: one material, never apart from other elements, or an interval "
            "that tells nothing"
        )
        texts.append(
            f"<b>{symbol}</b><br>{plain(title)}: {precise(energy)} {_UNIT}<br>{interval}<br>"
            f"in {count:,} materials"
        )
    return texts
