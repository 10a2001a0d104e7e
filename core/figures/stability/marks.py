"""How the phases of a hull are marked, in a plane and in space."""

from typing import Any, Final

import numpy as np
import plotly.graph_objects as go

from core.figures.base.canvas import Array
from core.figures.base.theme import Palette
from core.figures.stability.view import HullView, edges

NAMES: Final = {
    "unstable": "unstable",
    "elsewhere": "stable in the other hull only",
    "stable": "stable",
}
"""The kinds of phases, in the order in which they are drawn, and what the legend says."""

SYMBOLS: Final = {"unstable": "diamond", "elsewhere": "square", "stable": "circle"}

_MEV: Final = 1000.0


def rows_by_kind(view: HullView) -> dict[str, list[int]]:
    """Return the rows of each kind that occurs; of unstable phases the lowest come last, on top."""
    kinds, order = view.kinds(), np.argsort(-view.table["above_hull"].to_numpy(), kind="stable")
    rows = {kind: [int(row) for row in order if kinds[row] == kind] for kind in NAMES}
    return {kind: chosen for kind, chosen in rows.items() if chosen}


def fill(
    view: HullView, rows: list[int], kind: str, above: float | None, colors: Palette
) -> dict[str, Any]:
    """Return the colours of phases of one kind, as properties of plotly's marker.

    Args:
        view: the phases.
        rows: their rows.
        kind: their kind.
        above: energy above the hull, eV/atom, at which colours end; None for one colour.
        colors: the theme.
    """
    if kind == "stable":
        return {"color": view.color}
    if above is None:
        return {"color": colors.muted}
    values = _MEV * np.clip(view.table["above_hull"].to_numpy()[rows], 0.0, above)
    return {"color": values, "coloraxis": "coloraxis"}


def outline(kind: str, colors: Palette) -> dict[str, Any]:
    """Return the outline of phases of one kind, as plotly's `marker.line`."""
    if kind == "elsewhere":
        return {"width": 2, "color": colors.groups[1]}
    return {"width": 1, "color": colors.background}


def entry(view: HullView, kind: str, colors: Palette) -> dict[str, Any]:
    """Return the marker of a kind in the legend, where coloured points show the first one's colour.

    Args:
        view: the phases.
        kind: their kind.
        colors: the theme.
    """
    color = view.color if kind == "stable" else colors.muted
    return {"symbol": SYMBOLS[kind], "size": 10, "color": color, "line": outline(kind, colors)}


def add_color_axis(figure: go.Figure, above: float, colors: Palette) -> None:
    """Add the colours of energies above the hull and their bar.

    Args:
        figure: changed in place.
        above: eV/atom at which colours end.
        colors: the theme.
    """
    figure.update_layout(
        coloraxis={
            "cmin": 0.0,
            "cmax": _MEV * above,
            "colorscale": list(colors.sequential),
            "colorbar": {
                "title": {"text": "Above the hull (meV/atom)", "side": "right"},
                "len": 0.85,
                "y": 0.0,
                "yanchor": "bottom",
            },
        }
    )


def broken_lines(view: HullView, frame: Array) -> Array:
    """Return the edges of a hull as lines with gaps, one row per coordinate.

    Args:
        view: the hull.
        frame: (k, d) places of the k elements.
    """
    ends = (view.corners @ frame)[edges(view.corners, view.depths)]
    gaps = np.full((len(ends), 1, frame.shape[1]), np.nan)
    return np.concatenate([ends, gaps], axis=1).reshape(-1, frame.shape[1]).T
