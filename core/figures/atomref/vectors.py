"""The AtomRef vectors of two functionals."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import plotly.graph_objects as go

from core.elements import SYMBOLS
from core.figures.base.canvas import canvas
from core.figures.base.periodic import periodic_table
from core.figures.base.text import plain, precise
from core.figures.base.theme import empty_figure, palette

BARS_HEIGHT: Final = 460


def atomref_bars(
    source: Mapping[str, float],
    target: Mapping[str, float],
    *,
    source_name: str,
    target_name: str,
    counts: Mapping[str, int] | None = None,
    dark: bool,
) -> go.Figure:
    """Draw the AtomRef vectors of two functionals over their difference, element by element.

    Args:
        source: symbol to AtomRef energy in eV/atom; elements missing in both are left out.
        target: the same of the target functional.
        source_name: name of the source functional; plain text.
        target_name: name of the target functional.
        counts: symbol to number of frames with the element, for the hover labels.
        dark: which theme.
    """
    colors = palette(dark=dark)
    symbols = [symbol for symbol in SYMBOLS if symbol in source or symbol in target]
    if not symbols:
        return empty_figure("No data yet: fit an AtomRef first.", dark=dark, height=BARS_HEIGHT)
    figure = canvas(
        height=BARS_HEIGHT,
        dark=dark,
        revision=f"{source_name}|{target_name}",
        barmode="group",
        bargap=0.25,
        bargroupgap=0.0,
        margin={"b": 84},
    )
    before = np.array([source.get(symbol, np.nan) for symbol in symbols])
    after = np.array([target.get(symbol, np.nan) for symbol in symbols])
    # The same colours for negative and positive as on the periodic table of the difference.
    signs = [colors.diverging[0 if value < 0 else -1] for value in after - before]
    for name, values, color, axis in (
        (source_name, before, colors.source, "y"),
        (target_name, after, colors.target, "y"),
        (f"{target_name} − {source_name}", after - before, signs, "y2"),
    ):
        figure.add_trace(
            go.Bar(
                name=plain(name),
                x=symbols,
                y=values,
                yaxis=axis,
                showlegend=axis == "y",
                marker={"color": color, "line": {"width": 0}},
                customdata=symbols,
                hovertext=[
                    f"<b>{symbol}</b><br>{plain(name)}: "
                    + (f"{precise(value)} eV/atom" if np.isfinite(value) else "not fitted")
                    + (f"<br>{counts.get(symbol, 0):,} frames" if counts else "")
                    for symbol, value in zip(symbols, values, strict=True)
                ],
            )
        )
    figure.update_layout(
        xaxis={"title": {"text": "Element"}, "anchor": "y2", "showgrid": False, "tickangle": 0},
        yaxis={"domain": [0.5, 1.0], "title": {"text": "AtomRef (eV/atom)"}, "zeroline": True},
        yaxis2={"domain": [0.0, 0.42], "title": {"text": "Difference (eV/atom)"}, "zeroline": True},
    )
    return figure


def atomref_difference(
    source: Mapping[str, float],
    target: Mapping[str, float],
    *,
    source_name: str,
    target_name: str,
    hover: Mapping[str, str] | None = None,
    selected: Sequence[str] = (),
    dark: bool,
) -> go.Figure:
    """Draw target minus source AtomRef on the periodic table, balanced at zero.

    Args:
        source: symbol to AtomRef energy in eV/atom.
        target: the same of the target functional; elements missing in either are grey.
        source_name: name of the source functional; plain text.
        target_name: name of the target functional.
        hover: symbol to further text for the hover label.
        selected: symbols to outline.
        dark: which theme.
    """
    return periodic_table(
        {symbol: target[symbol] - source[symbol] for symbol in SYMBOLS
         if symbol in source and symbol in target},
        title=f"AtomRef, {target_name} − {source_name}",
        unit="eV/atom",
        diverging=True,
        hover=hover,
        selected=selected,
        dark=dark,
    )  # fmt: skip
