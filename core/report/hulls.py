"""The hulls of one chemical system by reference and model, as page and report show them."""

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from core.figures.base.theme import palette
from core.figures.stability.hulls import DRAWN, hull_figure
from core.figures.stability.view import HullView, energy_range, highest_above
from core.report.document import Table
from core.stability.system_hull import SystemHull

_HULLS = {
    "id": "Phase",
    "formula": "Formula",
    "formation": "Formation, eV/atom",
    "above_hull": "Above the hull, meV/atom",
    "decomposition": "Decomposition, meV/atom",
    "stable": "Stable",
    "competing": "Competing phases",
}
_PHASE = {
    "source": "By",
    "formation": "Formation, eV/atom",
    "decomposition": "Decomposition, meV/atom",
    "stable": "Is",
    "competing": "Competing phases",
}
SIDES = ("reference", "model")
"""Whose hulls are drawn."""

NOTHING = "no other phase"
_MEV = 1000.0


def hull_tables(
    hulls: Sequence[SystemHull], titles: Sequence[str], phase: str | None
) -> list[Table]:
    """Return the phases of both hulls, and one of them by both.

    Args:
        hulls: by the reference and by the model; none make no table.
        titles: what stands over each; the second is what the model is called.
        phase: id of the one; None leaves it out.
    """
    tables = [
        Table(
            title=f"{'-'.join(hull.elements)}: {title}",
            table=hull_table(hull).rename(columns=_HULLS),
            note=hull_text(hull),
        )
        for hull, title in zip(hulls, titles, strict=False)
    ]
    if hulls and phase is not None:
        table = phase_table(hulls, phase, titles[1]).rename(columns=_PHASE)
        tables.append(Table(title=f"Phase {phase}", table=table))
    return tables


def hull_figures(
    hulls: Sequence[SystemHull],
    titles: Sequence[str],
    color: str,
    *,
    selected: str | None,
    dark: bool,
) -> list[go.Figure | None]:
    """Draw both hulls of a chemical system with the same axes.

    Args:
        hulls: by the reference and by the model; none draw nothing.
        titles: what stands over each.
        color: #RRGGBB of the model.
        selected: id of the phase to mark.
        dark: whether the background is dark.

    Returns:
        One figure per hull, None for a system of one element, or of more than four.
    """
    views = [
        HullView(
            elements=hull.elements,
            table=hull.table,
            rivals=hull.rivals,
            levels=hull.levels,
            fractions=hull.fractions,
            corners=hull.corners,
            depths=hull.depths,
            title=title,
            color=own,
        )
        for hull, title, own in zip(hulls, titles, (palette(dark=dark).muted, color), strict=False)
    ]
    if not views:
        return []
    energies, above = energy_range(views), highest_above(views)
    return [
        hull_figure(one, energies=energies, above=above, selected=selected, dark=dark)
        if len(one.elements) in DRAWN
        else None
        for one in views
    ]


def hull_text(hull: SystemHull) -> str:
    """Return how many phases one of two hulls goes through."""
    stable, only = int(hull.table["stable"].sum()), int(hull.table["elsewhere"].sum())
    text = f"{stable:,} of {len(hull.table):,} phases are on this hull"
    return text + (f", {only:,} more only on the other." if only else ".")


def hull_table(hull: SystemHull) -> pd.DataFrame:
    """Return the phases of a hull, the stable ones first, with energies above it in meV/atom."""
    table = hull.table.sort_values("above_hull").drop(columns=["row", "elsewhere"])
    return table.assign(**{name: _MEV * table[name] for name in ("above_hull", "decomposition")})


def phase_table(hulls: Sequence[SystemHull], phase: str, label: str) -> pd.DataFrame:
    """Return a phase by reference and model, a row for each of them that has it.

    Args:
        hulls: by the reference and by the model.
        phase: its id.
        label: what the model is called.

    Returns:
        Columns source, formation (eV/atom), decomposition (meV/atom), stable and competing.
    """
    rows = [
        {
            "source": name,
            "formation": row["formation"],
            "decomposition": _MEV * row["decomposition"],
            "stable": "stable" if row["stable"] else "unstable",
            "competing": row["competing"] or NOTHING,
        }
        for hull, name in zip(hulls, ("Reference", label), strict=True)
        for row in hull.table[hull.table["id"] == phase].to_dict("records")
    ]
    return pd.DataFrame(rows)
