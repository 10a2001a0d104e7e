"""The periodic table of one number per element, which can be clicked."""

import math
from collections.abc import Collection, Mapping
from typing import Any, Final

import numpy as np
import plotly.graph_objects as go
from ase.data import atomic_names

from core.elements import POSITION, SYMBOLS
from core.figures.base.canvas import canvas
from core.figures.base.color import css, sample, text_on
from core.figures.base.scales import ColorRange, color_range
from core.figures.base.text import compact, plain, precise, with_unit
from core.figures.base.theme import FONT_SIZE, WIDE, Palette, palette

HEIGHT: Final = 470
"""Height in px: cells are 38 px wide on a page of 700 px and at most 45 px on wider pages."""

_CELL: Final = 0.93
_SERIES: Final = ((6, "La–Lu"), (7, "Ac–Pu"))
"""Where the table's body refers to the rows below it, (row, text)."""


def periodic_table(
    values: Mapping[str, float],
    *,
    title: str,
    unit: str,
    diverging: bool,
    log: bool = False,
    cutoff: float | None = None,
    hover: Mapping[str, str] | None = None,
    selected: Collection[str] = (),
    show_values: bool = True,
    dark: bool,
) -> go.Figure:
    """Draw a number for each element on the 18-column periodic table.

    Every element is one point whose `customdata` is its symbol, so that
    `st.plotly_chart(on_select="rerun", selection_mode="points")` reports what was clicked. The
    cells are bars in the units of the table: they stay square and tile at every page width, which
    markers of a fixed size in px cannot.

    Args:
        values: symbol to number; elements that are absent, NaN or infinite (and, with `log`, not
            positive) are drawn grey and outlined. May be empty.
        title: the quantity, for the colour bar and the hover labels.
        unit: its unit, such as "eV/atom"; empty for a pure number.
        diverging: balance the colours at zero; otherwise they run from low to high.
        log: colour by the decadic logarithm.
        cutoff: with `log`: numbers up to this one have the lowest colour.
        hover: symbol to further plain text for the hover label, such as "312 materials".
        selected: symbols to outline strongly.
        show_values: write the number under the symbol.
        dark: which theme.

    Returns:
        A figure with the traces "elements" and "no data"; colours beyond the 98th percentile
        saturate, and the colour bar then says ≥ or ≤.
    """
    colors = palette(dark=dark)
    drawn = {
        symbol: float(values[symbol])
        for symbol in SYMBOLS
        if math.isfinite(values.get(symbol, math.nan)) and (values[symbol] > 0 or not log)
    }
    hidden = {"visible": False, "fixedrange": True, "constrain": "domain"}
    bottom = {"range": [_y(10) + 0.5, 0.5], "scaleanchor": "x", "constraintoward": "top"}
    figure = canvas(
        height=HEIGHT,
        dark=dark,
        legend=False,
        xaxis={"range": [0.5, 18.5], **hidden},
        yaxis=bottom | hidden,
        margin={"l": 4, "r": 4, "t": 30, "b": 4},
        barmode="overlay",
        dragmode=False,
        meta=WIDE,
    )
    for row, text in _SERIES:
        figure.add_annotation(x=3, y=row, text=text, font={"color": colors.muted})
    label = with_unit(title, unit)
    if drawn:
        numbers = np.array(list(drawn.values()))
        scale = colors.diverging if diverging else colors.sequential
        span = color_range(numbers, diverging=diverging, log=log, cutoff=cutoff)
        fills = sample(scale, span.positions(numbers))
        figure.update_layout(coloraxis=_color_axis(span, scale, label))
        figure.add_trace(
            _cells(
                list(drawn),
                name="elements",
                # plotly.js takes the numbers of bars for colours, and warns of each; so they have
                # their colours, and `showscale` their colour bar.
                fill={"color": css(fills), "coloraxis": "coloraxis", "showscale": True},
                text_colors=text_on(fills),
                lines=_lines(drawn, show_values=show_values),
                hover=[
                    _hover(symbol, f"{plain(title)}: {precise(value)} {plain(unit)}", hover)
                    for symbol, value in drawn.items()
                ],
                selected=selected,
                colors=colors,
            )
        )
    else:
        figure.add_annotation(x=7.5, y=2, text=f"{label}: no data yet", font={"size": FONT_SIZE})
    missing = [symbol for symbol in SYMBOLS if symbol not in drawn]
    figure.add_trace(
        _cells(
            missing,
            name="no data",
            fill={"color": "rgba(0,0,0,0)"},
            text_colors=[colors.muted] * len(missing),
            lines=missing,
            hover=[_hover(symbol, "no data", hover) for symbol in missing],
            selected=selected,
            colors=colors,
        )
    )
    return figure


def _y(row: int) -> float:
    """Place a row of the table: the lanthanides follow after half a cell."""
    return row if row <= 7 else row - 0.6


def _lines(drawn: Mapping[str, float], *, show_values: bool) -> list[str]:
    if not show_values:
        return [f"<b>{symbol}</b>" for symbol in drawn]
    decimals = 2 if max(abs(value) for value in drawn.values()) >= 0.1 else 3
    return [
        f"<b>{symbol}</b><br>{compact(value, decimals=decimals)}" for symbol, value in drawn.items()
    ]


def _hover(symbol: str, value: str, extra: Mapping[str, str] | None) -> str:
    lines = [f"<b>{atomic_names[SYMBOLS.index(symbol) + 1]}</b> ({symbol})", value.strip()]
    if extra and symbol in extra:
        lines.append(plain(extra[symbol]))
    return "<br>".join(lines)


def _cells(
    symbols: list[str],
    *,
    name: str,
    fill: dict[str, Any],
    text_colors: list[str],
    lines: list[str],
    hover: list[str],
    selected: Collection[str],
    colors: Palette,
) -> go.Bar:
    chosen = [symbol in selected for symbol in symbols]
    plain_line = colors.line if name == "no data" else "rgba(0,0,0,0)"
    places = np.array([(POSITION[s][1], _y(POSITION[s][0])) for s in symbols]).reshape(-1, 2)
    untouched = {"marker": {"opacity": 1.0}}
    return go.Bar(
        name=name,
        x=places[:, 0],
        y=np.full(len(symbols), _CELL),
        base=places[:, 1] - _CELL / 2,
        width=_CELL,
        marker={
            **fill,
            "line": {
                "color": [colors.text if outlined else plain_line for outlined in chosen],
                "width": [3.5 if outlined else 0.75 for outlined in chosen],
            },
        },
        text=lines,
        textposition="inside",
        insidetextanchor="middle",
        constraintext="none",
        textangle=0,
        textfont={"color": text_colors, "size": 13},
        customdata=symbols,
        hovertext=hover,
        # A click selects, and plotly would fade all other cells; the outline says it instead. Until
        # the page is drawn again, plotly knows one colour for the texts of the others.
        selected=untouched,
        unselected=untouched | {"textfont": {"color": colors.text}},
    )


def _color_axis(span: ColorRange, scale: tuple[str, ...], label: str) -> dict[str, Any]:
    """Place the colour bar in the table's gap between beryllium and boron."""
    return {
        "cmin": span.low,
        "cmax": span.high,
        "colorscale": list(scale),
        "colorbar": {
            "orientation": "h",
            "title": {"text": label, "side": "top"},
            "x": 0.41,
            "xanchor": "center",
            "y": 0.99,
            "yanchor": "top",
            "len": 0.38,
            "tickvals": list(span.ticks),
            "ticktext": list(span.labels),
        },
    }
