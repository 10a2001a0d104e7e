"""The hull of four elements as a tetrahedron that can be turned."""

from typing import Final

import numpy as np
import plotly.graph_objects as go

from core.figures.base.canvas import Array, canvas
from core.figures.base.theme import FONT_SIZE, palette
from core.figures.stability.marks import (
    NAMES,
    SYMBOLS,
    add_color_axis,
    broken_lines,
    entry,
    fill,
    rows_by_kind,
)
from core.figures.stability.view import HullView

_CORNERS: Final = np.array(
    [
        [0.0, 0.0, 0.0],
        [1.0, 0.0, 0.0],
        [0.5, np.sqrt(3) / 2, 0.0],
        [0.5, np.sqrt(3) / 6, np.sqrt(2 / 3)],
    ]
)
_LABELS: Final = 1.15
"""Distance of the elements' symbols from the middle over that of the corners."""


def tetrahedron(
    view: HullView, *, above: float, selected: str | None, height: int, dark: bool
) -> go.Figure:
    """Draw the phases of four elements and the edges of their hull.

    Args:
        view: phases and hull.
        above: energy above the hull, eV/atom, at which colours end.
        selected: id of the phase to ring.
        height: height in px.
        dark: which theme.
    """
    colors = palette(dark=dark)
    hidden = {"visible": False, "showspikes": False}
    figure = canvas(
        height=height,
        dark=dark,
        revision=f"hull|{'|'.join(view.elements)}",
        margin={"l": 0, "r": 0},
        dragmode="orbit",
        scene={
            **{f"{name}axis": hidden for name in "xyz"},
            "aspectmode": "data",
            "camera": {"eye": {"x": 1.0, "y": -1.5, "z": 0.6}},
        },
    )
    line = {"color": view.color, "width": 2}
    figure.add_trace(_points(broken_lines(view, _CORNERS).T, name="hull", mode="lines", line=line))
    middle = _CORNERS.mean(axis=0)
    figure.add_trace(
        _points(
            middle + _LABELS * (_CORNERS - middle),
            name="elements",
            mode="text",
            text=[f"<b>{symbol}</b>" for symbol in view.elements],
            textfont={"color": colors.text, "size": FONT_SIZE},
            showlegend=False,
        )
    )
    places, hover = view.fractions @ _CORNERS, view.hover()
    for kind, rows in rows_by_kind(view).items():
        marker = {"symbol": SYMBOLS[kind], "size": 5 if kind == "stable" else 4}
        figure.add_trace(
            _points(
                places[rows],
                name=kind,
                legendgroup=kind,
                showlegend=False,
                mode="markers",
                hovertext=[hover[row] for row in rows],
                hovertemplate="%{hovertext}<extra></extra>",
                hoverinfo=None,
                customdata=view.table["id"].iloc[rows].astype(str).tolist(),
                marker=marker | fill(view, rows, kind, above, colors),
            )
        )
        figure.add_trace(
            _points(
                np.full((1, 3), np.nan),
                name=NAMES[kind],
                legendgroup=kind,
                meta="key",
                mode="markers",
                marker=entry(view, kind, colors),
            )
        )
    row = view.row_of(selected)
    if row is not None:
        rivals = list(view.rivals[row])
        for name, rows, color in (
            ("competing with it", rivals, colors.groups[1]),
            ("picked", [row], colors.text),
        ):
            ring = {"symbol": "circle-open", "size": 10, "color": color}
            figure.add_trace(
                _points(places[rows], name=name, mode="markers", marker=ring, showlegend=False)
            )
    add_color_axis(figure, above, colors)
    return figure


def _points(places: Array, **options: object) -> go.Scatter3d:
    x, y, z = places.T
    return go.Scatter3d(x=x, y=y, z=z, **{"hoverinfo": "skip"} | options)
