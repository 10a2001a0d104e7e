"""Which chemical systems a model gets wrong most."""

from collections.abc import Sequence
from typing import Final

import plotly.graph_objects as go

from core.figures.base.canvas import canvas
from core.figures.base.text import plain, precise
from core.figures.base.theme import empty_figure
from core.figures.stability.classification import Line

_ROW: Final = 26


def worst_systems(lines: Sequence[Line], systems: Sequence[str], *, dark: bool) -> go.Figure:
    """Draw the decomposition MAE of chemical systems, the first on top.

    Each bar carries its system as `customdata`, so that a click reports it.

    Args:
        lines: models whose tables have the columns `system`, `n` and `mae` (meV/atom).
        systems: the systems to draw, such as "Li-Fe-O", from top to bottom.
        dark: which theme.
    """
    if not systems or not lines:
        return empty_figure("No chemical system could be compared.", dark=dark)
    figure = canvas(
        height=130 + _ROW * len(systems) * max(1, (len(lines) + 1) // 2),
        dark=dark,
        x="Decomposition energy MAE (meV/atom)",
        legend=len(lines) > 1,
        xaxis={"rangemode": "tozero"},
        yaxis={
            "type": "category",
            "categoryarray": list(systems),
            "autorange": "reversed",
            "showgrid": False,
            "dtick": 1,
        },
        barmode="group",
        dragmode=False,
        revision="systems",
    )
    same = {"marker": {"opacity": 1.0}}
    for line in lines:
        rows = line.table[line.table["system"].isin(systems)]
        figure.add_trace(
            go.Bar(
                name=plain(line.name),
                orientation="h",
                y=rows["system"],
                x=rows["mae"],
                marker={
                    "color": line.color,
                    "line": {"width": 0},
                    "pattern": {"shape": "" if line.dash == "solid" else "/", "solidity": 0.3},
                },
                customdata=rows["system"].tolist(),
                hovertext=[
                    f"<b>{plain(row['system'])}</b>, {plain(line.name)}<br>"
                    f"{precise(round(row['mae'], 3))} meV/atom, mean of {row['n']:,} phases"
                    for row in rows.to_dict("records")
                ],
                selected=same,
                unselected=same,
            )
        )
    return figure
