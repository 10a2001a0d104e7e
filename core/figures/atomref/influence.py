"""Which materials decide a fit: leverage against the residual without the material."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import plotly.graph_objects as go

from core.figures.base.canvas import Array, canvas, ring
from core.figures.base.cloud import DENSITY_ABOVE, density_image, finite_cloud, padded, points
from core.figures.base.scales import decade_ticks
from core.figures.base.text import plain, precise
from core.figures.base.theme import empty_figure, palette

HEIGHT: Final = 520
MOST_POINTS: Final = 200
"""Points drawn over a density image: the most influential materials."""

_DECADES: Final = 4.0
"""What the colours span: Cook's distances far below the largest do not matter."""


def influence(
    leverage: Array,
    residual: Array,
    cook: Array,
    *,
    names: Sequence[str],
    ids: Sequence[str],
    picked: str | None = None,
    density_above: int = DENSITY_ABOVE,
    dark: bool,
) -> go.Figure:
    """Draw materials by leverage and by residual when left out, coloured by Cook's distance.

    Cook's distance is large where both are (Cook, Technometrics 19, 15 (1977),
    doi:10.1080/00401706.1977.10489493).

    Args:
        leverage: (m,) above 0; the axis is logarithmic.
        residual: (m,) eV/atom; materials without a finite one are left out.
        cook: Cook's distance (m,).
        names: m plain texts that open the hover labels.
        ids: m identifiers, which a click on a point reports as `customdata`.
        picked: the identifier of the point to ring.
        density_above: above so many materials, a density image with only the most influential as
            points.
        dark: which theme.
    """
    rows = np.flatnonzero(
        np.isfinite(leverage) & (leverage > 0) & np.isfinite(residual) & np.isfinite(cook)
    )
    if not len(rows):
        note = "No material can be left out: each has an element of its own."
        return empty_figure(note, dark=dark, height=HEIGHT)
    colors = palette(dark=dark)
    # A Huber fit does not see its outliers: their leverage is 0, and they are not drawn.
    logs = np.log10(np.where(leverage > 0, leverage, np.nan))
    figure = canvas(
        height=HEIGHT,
        dark=dark,
        x="Leverage",
        y="Energy − prediction without it (eV/atom)",
        legend=False,
        revision=f"influence|{len(rows)}",
        clickmode="event+select",
    )
    dense = len(rows) > density_above
    if dense:
        x, y = logs[rows], residual[rows]
        x_range, y_range = padded(x.min(), x.max()), padded(y.min(), y.max())
        image = density_image(finite_cloud(x, y), x_range, y_range)
        figure.add_trace(
            image.update(
                name="density",
                colorscale=[[0.0, colors.grid], [1.0, colors.muted]],
                showscale=False,
                hovertemplate="Materials in this bin: %{customdata:,}<extra></extra>",
            )
        )
        rows = rows[np.argsort(-cook[rows], kind="stable")[:MOST_POINTS]]
    rows = rows[np.argsort(cook[rows], kind="stable")]
    top = np.log10(max(float(cook[rows].max()), 1e-300))
    figure.add_trace(
        points(
            logs[rows],
            residual[rows],
            name="materials",
            customdata=[ids[row] for row in rows.tolist()],
            hovertext=[
                f"<b>{plain(names[row])}</b><br>Leverage: {precise(leverage[row])}<br>"
                f"Energy − prediction without it: {precise(residual[row])} eV/atom<br>"
                f"Cook's distance: {cook[row]:.2g}"
                for row in rows.tolist()
            ],
            marker={
                "size": 8,
                "opacity": 1.0,
                "color": np.log10(np.maximum(cook[rows], 10 ** (top - _DECADES))),
                "cmin": top - _DECADES,
                "cmax": top,
                "colorscale": list(colors.sequential),
                "line": {"width": 0.5, "color": colors.line},
                "colorbar": {
                    "title": {"text": "Cook's distance", "side": "right"},
                    **decade_ticks(int(np.ceil(top - _DECADES)), int(np.floor(top))),
                },
            },
        )
    )
    for row in rows.tolist():
        if ids[row] == picked:
            figure.add_trace(ring(logs[row], residual[row], colors))
    figure.update_xaxes(decade_ticks(int(np.floor(logs[rows].min())) - (3 if dense else 0), 1))
    figure.update_yaxes(zeroline=True)
    return figure
