"""A hull as a binary plot, a ternary triangle or a quaternary tetrahedron, with its phases."""

from typing import Final

import numpy as np
import plotly.graph_objects as go

from core.figures.base.canvas import Array, add_heading, canvas, legend_entry, ring
from core.figures.base.cloud import Range, points
from core.figures.base.text import minus, plain, with_unit
from core.figures.base.theme import FONT_SIZE, Palette, empty_figure, palette
from core.figures.stability.marks import (
    NAMES,
    SYMBOLS,
    add_color_axis,
    broken_lines,
    entry,
    fill,
    outline,
    rows_by_kind,
)
from core.figures.stability.tetrahedron import tetrahedron
from core.figures.stability.view import HullView

HEIGHT: Final = 460
DRAWN: Final = (2, 3, 4)
"""Numbers of elements for which a hull can be drawn; one or more than four are a table."""

_MANY_NAMES: Final = 14
"""More stable phases are not named beside their points."""

_TRIANGLE: Final = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, np.sqrt(3) / 2]])


def hull_figure(
    view: HullView, *, energies: Range, above: float, selected: str | None = None, dark: bool
) -> go.Figure:
    """Draw a hull of two, three or four elements.

    The phases carry their ids as `customdata`, so that a click in a plane figure reports them.

    Args:
        view: phases and hull.
        energies: range of the axis of formation energies, eV/atom, the same for hulls side by side.
        above: energy above the hull, eV/atom, at which colours end, the same side by side.
        selected: id of the phase to ring.
        dark: which theme.
    """
    if view.table.empty:
        return empty_figure("No phase of this system has an energy.", dark=dark, height=HEIGHT)
    if len(view.elements) == 2:
        figure = _binary(view, energies, selected, dark=dark)
    elif len(view.elements) == 3:
        figure = _ternary(view, above, selected, dark=dark)
    else:
        figure = tetrahedron(view, above=above, selected=selected, height=HEIGHT, dark=dark)
    font = {"size": FONT_SIZE, "color": palette(dark=dark).text}
    add_heading(figure, f"<b>{plain(view.title)}</b>", font=font)
    return figure


def _binary(view: HullView, energies: Range, selected: str | None, *, dark: bool) -> go.Figure:
    first, second = view.elements
    figure = canvas(
        height=HEIGHT,
        dark=dark,
        x=f"Fraction of {second} in {first}–{second}",
        y=with_unit("Formation energy", "eV/atom"),
        revision=f"hull|{first}|{second}",
        xaxis={"range": [-0.06, 1.06]},
        yaxis={"range": list(energies), "zeroline": True},
    )
    order = np.argsort(view.corners[:, 1], kind="stable")
    figure.add_trace(
        go.Scatter(
            name="hull",
            mode="lines",
            x=view.corners[order, 1],
            y=view.depths[order],
            line={"color": view.color, "width": 2.5},
            hoverinfo="skip",
        )
    )
    places = np.column_stack([view.fractions[:, 1], view.table["formation"]])
    row = view.row_of(selected)
    if row is not None and np.isfinite(view.table["decomposition"].iloc[row]):
        figure.add_traces(_decomposition(view, row, palette(dark=dark)))
        energy = float(view.table["decomposition"].iloc[row])
        figure.add_annotation(
            x=places[row, 0],
            y=places[row, 1] + max(0.0, -energy),
            text=f"<b>{minus(f'{1000 * energy:+.0f}')} meV/atom</b>",
            yshift=18,
        )
    # Height shows the energy above the hull, so colours need not.
    _add_phases(figure, view, places, None, selected, palette(dark=dark))
    return figure


def _ternary(view: HullView, above: float, selected: str | None, *, dark: bool) -> go.Figure:
    hidden = {"visible": False, "constrain": "domain"}
    figure = canvas(
        height=HEIGHT,
        dark=dark,
        revision=f"hull|{'|'.join(view.elements)}",
        xaxis={"range": [-0.1, 1.1], **hidden},
        yaxis={"range": [-0.12, 1.0], "scaleanchor": "x", **hidden},
        margin={"l": 8, "r": 8},
    )
    x, y = broken_lines(view, _TRIANGLE)
    line = {"color": view.color, "width": 1.5}
    figure.add_trace(go.Scatter(name="hull", mode="lines", x=x, y=y, line=line, hoverinfo="skip"))
    for symbol, (x, y), shift in zip(view.elements, _TRIANGLE, (-18, -18, 18), strict=True):
        figure.add_annotation(x=x, y=y, text=f"<b>{symbol}</b>", yshift=shift)
    places = view.fractions @ _TRIANGLE
    _add_phases(figure, view, places, above, selected, palette(dark=dark))
    add_color_axis(figure, above, palette(dark=dark))
    return figure


def _add_phases(
    figure: go.Figure,
    view: HullView,
    places: Array,
    above: float | None,
    selected: str | None,
    colors: Palette,
) -> None:
    """Add the phases to a plane figure, those on the hull above all others.

    Args:
        figure: changed in place.
        view: the phases.
        places: (n, 2) where they are.
        above: energy above the hull at which colours end; None for one colour, and names.
        selected: id of the phase to ring.
        colors: the theme.
    """
    hover, ids = view.hover(), view.table["id"].astype(str).tolist()
    for kind, rows in rows_by_kind(view).items():
        trace = points(
            places[rows, 0],
            places[rows, 1],
            marker={
                "symbol": SYMBOLS[kind],
                "size": 11 if kind == "stable" else 9,
                "opacity": 1.0,
                "line": outline(kind, colors),
                **fill(view, rows, kind, above, colors),
            },
            name=kind,
            legendgroup=kind,
            showlegend=False,
            hovertext=[hover[row] for row in rows],
            customdata=[ids[row] for row in rows],
        )
        if above is None and kind == "stable" and len(rows) <= _MANY_NAMES:
            trace.update(
                mode="markers+text",
                text=[plain(view.table["formula"].iloc[row]) for row in rows],
                textposition="bottom center",
                textfont={"color": colors.text, "size": 13},
                cliponaxis=False,
            )
        look = {"mode": "markers", "marker": entry(view, kind, colors)}
        figure.add_traces([trace, legend_entry(NAMES[kind], legendgroup=kind, **look)])
    row = view.row_of(selected)
    if row is not None:
        figure.add_traces(_rings(places, row, list(view.rivals[row]), colors))


def _rings(places: Array, row: int, rivals: list[int], colors: Palette) -> list[go.Scatter]:
    """Return a ring around a phase, and one around each that it competes with."""
    marker = {"symbol": "circle-open", "size": 18, "color": colors.groups[1], "line": {"width": 2}}
    x, y = places[rivals].T
    competing = go.Scatter(
        name="competing with it", mode="markers", x=x, y=y, marker=marker, hoverinfo="skip"
    )
    chosen = ring(places[row, 0], places[row, 1], colors)
    return [competing, chosen] if rivals else [chosen]


def _decomposition(view: HullView, row: int, colors: Palette) -> list[go.Scatter]:
    """Return the line between a phase's competitors, and its distance from there."""
    x, y = view.fractions[row, 1], float(view.table["formation"].iloc[row])
    energy = float(view.table["decomposition"].iloc[row])
    rivals = sorted(view.rivals[row], key=lambda rival: view.fractions[rival, 1])
    line = {"color": colors.groups[1], "width": 2}
    ends = go.Scatter(
        name="competing phases",
        mode="lines",
        x=view.fractions[rivals, 1],
        y=view.levels[rivals],
        line=line | {"dash": "dot"},
        hoverinfo="skip",
        showlegend=False,
    )
    distance = go.Scatter(
        name="decomposition energy",
        mode="lines",
        x=[x, x],
        y=[y - energy, y],
        line=line | {"width": 3},
        hoverinfo="skip",
        showlegend=False,
    )
    return [ends, distance]
