"""SHAP values of many rows: one swarm per element, and one element's values against its share."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import plotly.graph_objects as go

from core.figures.base.canvas import Array, canvas
from core.figures.base.cloud import by_group, points
from core.figures.base.text import minus, plain, with_unit
from core.figures.base.theme import Palette, empty_figure, palette

BINS: Final = 120
"""Places along the axis at which a swarm's points are stacked."""

MOST_PER_PLACE: Final = 10
"""Points drawn at one place of a swarm: tails are drawn whole, crowds are thinned."""

MOST_POINTS: Final = 3_000
"""Points of a dependence plot."""

_ROW: Final = 34
_HALF: Final = 0.42
"""Reach of a swarm from its middle, in rows."""


def beeswarm(
    symbols: Sequence[str],
    shap: Array,
    fractions: Array,
    *,
    names: Sequence[str],
    title: str,
    unit: str = "eV/atom",
    dark: bool,
) -> go.Figure:
    """Draw the SHAP values of several elements, coloured by the element's share of atoms.

    Each element has its own scale of colours, up to nearly the largest share that it has.

    A click on a point reports the element as `customdata`.

    Args:
        symbols: the k elements from top to bottom.
        shap: (m, k) SHAP values.
        fractions: (m, k) shares of atoms, 0 to 1.
        names: m texts that open the hover labels.
        title: what SHAP values are contributions to, for the axis.
        unit: their unit.
        dark: which theme.
    """
    colors = palette(dark=dark)
    height = 110 + _ROW * max(len(symbols), 4)
    if not len(shap) or not symbols:
        return empty_figure("No SHAP values yet.", dark=dark, height=height)
    figure = canvas(
        height=height,
        dark=dark,
        x=with_unit(title, unit),
        revision="|".join(symbols),
        clickmode="event+select",
    )
    figure.add_vline(x=0, line={"color": colors.line, "width": 1})
    low, high = float(shap.min()), float(shap.max())
    places: list[tuple[np.ndarray, np.ndarray, int]] = []
    for k in range(len(symbols)):
        drawn, offset = _stacked(shap[:, k], fractions[:, k], low, high)
        places.append((drawn, len(symbols) - 1 - k + offset, k))
    for present in (False, True):
        x, y, relative, texts, ids = [], [], [], [], []
        for drawn, heights, k in places:
            chosen = (fractions[drawn, k] > 0) == present
            rows = drawn[chosen]
            x.append(shap[rows, k])
            y.append(heights[chosen])
            relative.append(fractions[rows, k] / _usual_most(fractions[:, k]))
            ids += [symbols[k]] * len(rows)
            texts += [
                _hover(names[row], symbols[k], fractions[row, k], shap[row, k], unit)
                for row in rows
            ]
        figure.add_trace(
            _points(
                np.concatenate(x),
                np.concatenate(y),
                name="contains the element" if present else "does not contain the element",
                color=np.concatenate(relative) if present else colors.line,
                hover=texts,
                ids=ids,
                size=5,
            )
        )
    _share_axis(figure, 1.0, "share, by the element's largest", colors)
    figure.update_yaxes(
        tickvals=list(range(len(symbols))),
        ticktext=[f"<b>{symbol}</b>" for symbol in reversed(symbols)],
        range=[-0.7, len(symbols) - 0.3],
        fixedrange=True,
        showgrid=False,
    )
    return figure


def dependence(
    share: Array,
    shap: Array,
    *,
    symbol: str,
    names: Sequence[str],
    other: tuple[str, Array] | None = None,
    groups: Sequence[str] | None = None,
    title: str,
    unit: str = "eV/atom",
    dark: bool,
) -> go.Figure:
    """Draw one element's SHAP values against its share of atoms.

    Args:
        share: (m,) share of atoms, above 0.
        shap: (m,) SHAP values.
        symbol: the element.
        names: m texts that open the hover labels.
        other: another element and its (m,) shares, which colour the points.
        groups: m group names, which colour the points where no other element does; beyond
            seven, the rarest are joined as "other".
        title: what SHAP values are contributions to, for the axis.
        unit: their unit.
        dark: which theme.
    """
    colors = palette(dark=dark)
    if not len(share):
        return empty_figure(f"No explained material contains {symbol}.", dark=dark, height=460)
    figure = canvas(
        height=480,
        dark=dark,
        x=f"Share of {plain(symbol)} among the atoms",
        y=with_unit(title, unit),
        revision=symbol,
    )
    figure.add_hline(y=0, line={"color": colors.line, "width": 1})
    # Evenly along the share, so that nothing is drawn at random.
    order = np.argsort(share, kind="stable")
    drawn = order[np.unique(np.linspace(0, len(order) - 1, MOST_POINTS).astype(int))]
    texts = [_hover(names[row], symbol, share[row], shap[row], unit) for row in drawn]
    if other is not None:
        name, shares = other
        texts = [
            f"{text}<br>{plain(name)}: {shares[row]:.3f} of the atoms"
            for text, row in zip(texts, drawn, strict=True)
        ]
        figure.add_trace(
            _points(share[drawn], shap[drawn], name="", color=shares[drawn], hover=texts, size=7)
        )
        _share_axis(figure, _usual_most(shares), f"share of {name}", colors)
    else:
        of_row = None if groups is None else [groups[row] for row in drawn]
        for group, (rows, color) in by_group(of_row, len(drawn), colors).items():
            figure.add_trace(
                _points(
                    share[drawn][rows],
                    shap[drawn][rows],
                    name=plain(group),
                    color=color,
                    hover=[texts[row] for row in rows],
                    size=7,
                )
            )
    return figure


def _stacked(
    values: Array, shares: Array, low: float, high: float
) -> tuple[np.ndarray, np.ndarray]:
    """Stack values that fall on one place of the axis, thinned evenly along their shares.

    Returns:
        The drawn rows and their heights above the middle of the swarm, both of equal length.
    """
    width = (high - low) or 1.0
    bins = np.minimum(((values - low) / width * BINS).astype(int), BINS - 1)
    order = np.lexsort((shares, bins))
    starts = np.flatnonzero(np.diff(bins[order], prepend=-1))
    rows, heights = [], []
    for begin, end in zip(starts, [*starts[1:], len(order)], strict=True):
        count = min(end - begin, MOST_PER_PLACE)
        picked = begin + np.linspace(0, end - begin - 1, count).round().astype(int)
        rows.append(order[picked])
        heights.append((np.arange(count) - (count - 1) / 2) * (2 * _HALF / MOST_PER_PLACE))
    return np.concatenate(rows), np.concatenate(heights)


def _hover(name: str, symbol: str, share: float, value: float, unit: str) -> str:
    added = minus(f"{value:+.4g}")
    return f"{plain(name)}<br>{symbol}: {share:.3f} of the atoms<br>SHAP: {added} {plain(unit)}"


def _points(
    x: Array,
    y: Array,
    *,
    name: str,
    color: Any,
    hover: list[str],
    size: int,
    ids: list[str] | None = None,
) -> go.Scatter:
    marker: dict[str, Any] = {"size": size, "color": color, "opacity": 0.8}
    is_share = isinstance(color, np.ndarray)
    if is_share:
        marker["coloraxis"] = "coloraxis"
    return points(
        x.astype(np.float32),
        y.astype(np.float32),
        marker=marker,
        name=name,
        # The colour bar explains shares; a legend would show them as a black point.
        showlegend=bool(name) and not is_share,
        customdata=ids,
        hovertext=hover,
    )


def _usual_most(shares: Array) -> float:
    """Return nearly the largest of the shares above 0; 1 if there is none."""
    positive = shares[shares > 0]
    return float(np.percentile(positive, 98)) if len(positive) else 1.0


def _share_axis(figure: go.Figure, top: float, title: str, colors: Palette) -> None:
    figure.update_layout(
        coloraxis={
            "cmin": 0.0,
            "cmax": top,
            "colorscale": list(colors.sequential),
            "colorbar": {"title": {"text": plain(title), "side": "right"}, "len": 0.9},
        }
    )
