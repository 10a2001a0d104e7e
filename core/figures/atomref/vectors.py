"""How AtomRef works, on one formula, and the AtomRef vectors of two functionals."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import plotly.graph_objects as go

from core.elements import N_ELEMENTS, SYMBOLS
from core.figures.base.color import sample, text_on
from core.figures.base.drawing import brackets, cell, write
from core.figures.base.periodic import periodic_table
from core.figures.base.text import minus, plain, precise
from core.figures.base.theme import FONT_SIZE, empty_figure, palette, template

BARS_HEIGHT: Final = 460

_ROW_PX: Final = 40
_DOT, _EQUALS, _TERMS = 0.7, 0.9, 4.4
"""Widths of the signs and of the column of products, in cells of the composition row."""

_COLUMN: Final = 1.9


def worked_example(
    symbols: Sequence[str],
    fractions: Sequence[float],
    energies: Sequence[float],
    *,
    dark: bool,
) -> go.Figure:
    """Draw composition row · AtomRef column = energy for one formula, term by term.

    Source: Huang et al. 2025, Figure 2a, DOI 10.1038/s41524-025-01796-y.

    Args:
        symbols: The k elements of the formula.
        fractions: k composition fractions, which sum to 1.
        energies: k AtomRef energies in eV/atom.
        dark: Which theme.

    Returns:
        A figure with the traces "composition", "AtomRef", "contributions" and "total"; the other
        elements of the two vectors contribute nothing and are only counted.
    """
    count = len(symbols)
    if not count:
        return empty_figure("Type a formula such as LiCoO2.", dark=dark)
    colors = palette(dark=dark)
    column = count + _DOT + 0.7
    terms = column + _COLUMN + _EQUALS
    names = [plain(symbol) for symbol in symbols]
    shares, levels = np.asarray(fractions, dtype=float), np.asarray(energies, dtype=float)
    products = shares * levels
    rows = list(range(count))
    middle = (count - 1) / 2
    spread = float(np.ptp(levels)) or 1.0
    tint = (colors.surface, colors.accent)
    share_fill = sample(tint, 0.15 + 0.6 * shares)
    level_fill = sample(tint, 0.15 + 0.6 * (levels.max() - levels) / spread)
    places = [row + 0.5 for row in rows]
    figure = go.Figure(
        layout={
            "template": template(dark=dark),
            "height": 110 + _ROW_PX * (count + 1),
            "margin": {"l": 4, "r": 4, "t": 34, "b": 4},
            "showlegend": False,
            "dragmode": False,
            "uirevision": "worked-example",
        }
    )
    hidden = {"visible": False, "fixedrange": True}
    figure.update_xaxes(range=[-0.3, terms + _TERMS + 0.1], **hidden)
    figure.update_yaxes(range=[count + 0.7, -1.6], **hidden)
    for i in range(count):
        cell(figure, i, i + 1, middle, share_fill[i])
        cell(figure, column, column + _COLUMN, rows[i], level_fill[i])
    for left, right, top, bottom in (
        (0, count, middle - 0.5, middle + 0.5),
        (column, column + _COLUMN, -0.5, count - 0.5),
    ):
        brackets(figure, left - 0.08, right + 0.08, top - 0.06, bottom + 0.06, colors.text)
    write(figure, "elements", places, [middle - 0.85] * count, names, [colors.muted] * count)
    write(
        figure,
        "composition",
        places,
        [middle] * count,
        [f"{share:.{3 if count < 8 else 2}f}" for share in shares],
        text_on(share_fill),
    )
    write(
        figure,
        "AtomRef",
        [column + _COLUMN / 2] * count,
        rows,
        [f"{name}  {minus(f'{level:.3f}')}" for name, level in zip(names, levels, strict=True)],
        text_on(level_fill),
    )
    write(
        figure,
        "contributions",
        [terms + _TERMS / 2] * count,
        rows,
        [
            f"{share:.3f} × {_bracketed(level)} = {minus(f'{product:.3f}')}"
            for share, level, product in zip(shares, levels, products, strict=True)
        ],
        [colors.text] * count,
    )
    write(
        figure,
        "total",
        [terms + _TERMS / 2],
        [count + 0.1],
        [f"<b>{minus(f'{products.sum():.3f}')} eV/atom</b>"],
        [colors.text],
        size=FONT_SIZE + 2,
    )
    for x, sign in ((count + _DOT / 2 + 0.1, "·"), (terms - _EQUALS / 2 + 0.1, "=")):
        figure.add_annotation(x=x, y=middle, text=f"<b>{sign}</b>", font={"size": 22})
    figure.add_shape(
        type="line",
        x0=terms + 0.2,
        x1=terms + _TERMS - 0.2,
        y0=count - 0.45,
        y1=count - 0.45,
        line={"color": colors.line, "width": 1.5},
    )
    muted = {"color": colors.muted}
    for x, y, anchor, text in (
        (0, middle - 1.35, "left", "fraction of atoms"),
        (column + _COLUMN / 2, -1.0, "center", "AtomRef (eV/atom)"),
        (terms + _TERMS / 2, -1.0, "center", "contribution (eV/atom)"),
    ):
        figure.add_annotation(x=x, y=y, xanchor=anchor, text=text, font=muted)
    figure.add_annotation(
        x=0,
        xanchor="left",
        y=count + 0.1,
        text=f"the other {N_ELEMENTS - count} elements: 0 × AtomRef = 0",
        font=muted,
    )
    return figure


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
        source: Symbol to AtomRef energy in eV/atom; elements missing in both are left out.
        target: The same of the target functional.
        source_name: Name of the source functional; plain text.
        target_name: Name of the target functional.
        counts: Symbol to number of frames with the element, for the hover labels.
        dark: Which theme.
    """
    colors = palette(dark=dark)
    shown = [symbol for symbol in SYMBOLS if symbol in source or symbol in target]
    if not shown:
        return empty_figure("No data yet: fit an AtomRef first.", dark=dark, height=BARS_HEIGHT)
    figure = go.Figure(
        layout={
            "template": template(dark=dark),
            "height": BARS_HEIGHT,
            "barmode": "group",
            "bargap": 0.25,
            "bargroupgap": 0.0,
            "dragmode": "zoom",
            "margin": {"b": 84},
            "uirevision": f"{source_name}|{target_name}",
        }
    )
    before = np.array([source.get(symbol, np.nan) for symbol in shown])
    after = np.array([target.get(symbol, np.nan) for symbol in shown])
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
                x=shown,
                y=values,
                yaxis=axis,
                showlegend=axis == "y",
                marker={"color": color, "line": {"width": 0}},
                customdata=shown,
                hovertext=[
                    f"<b>{symbol}</b><br>{plain(name)}: {_known(value)}"
                    + (f"<br>{counts.get(symbol, 0):,} frames" if counts else "")
                    for symbol, value in zip(shown, values, strict=True)
                ],
                hovertemplate="%{hovertext}<extra></extra>",
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
        source: Symbol to AtomRef energy in eV/atom.
        target: The same of the target functional; elements missing in either are grey.
        source_name: Name of the source functional; plain text.
        target_name: Name of the target functional.
        hover: Symbol to further text for the hover label.
        selected: Symbols to outline.
        dark: Which theme.
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


def _known(value: float) -> str:
    return f"{precise(value)} eV/atom" if np.isfinite(value) else "not fitted"


def _bracketed(value: float) -> str:
    text = minus(f"{value:.3f}")
    return f"({text})" if value < 0 else text
