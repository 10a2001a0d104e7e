"""AtomRef, view "Single materials": leaving out one at a time."""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core.figures.atomref.influence import influence
from core.figures.base.clicks import picked
from core.figures.shifts.parity import parity
from core.reference.fits.leave_one_out import LeaveOneOut, leave_one_out
from core.transfer.pair_fits import Side, SideFit
from pages.parts.atomref.form import FitChoice, choose_side, fitted
from pages.parts.shared.figure import show
from pages.parts.shared.page import command, is_dark, plain
from pages.parts.shared.pairs import PairChoice
from pages.parts.shared.selection import link_to, linked
from pages.parts.shared.structures import PICKED, table_with_structures

MOST = 50
COLUMNS = {
    "leverage": st.column_config.NumberColumn(
        "Leverage",
        format="%.3g",
        help="Part of the fit's freedom that the material takes; 1: it alone fixes a reference.",
    ),
    "residual": st.column_config.NumberColumn(
        "Residual, eV/atom",
        format="%.3f",
        help="Energy less its prediction by the fit to all other materials.",
    ),
    "cook": st.column_config.NumberColumn(
        "Cook's distance", format="%.2g", help="How far all fitted energies move without it."
    ),
    "moves": st.column_config.TextColumn(
        "Its references move by, eV/atom", help="When it is left out.", width="medium"
    ),
    "element": None,
    "move": None,
    "alone": None,
    "undetermined": None,
}


def single_materials(choice: PairChoice, how: FitChoice) -> None:
    """Show each material predicted by all others, and which of them matter most."""
    side = choose_side(choice, difference=how.is_linear)
    made = fitted(choice, how, side)
    found, within = left_out(choice.key, how.key, side, made)
    numbers(made, found, within)
    which = st.segmented_control(
        "Show",
        ["influence", "parity"],
        format_func={"influence": "Influence", "parity": "Prediction against energy"}.__getitem__,
        default="influence",
        required=True,
        key="single",
        bind="query-params",
    )
    names = named(choice.key, how.key, side, choice, made, found)
    if which == "influence":
        influence_shown(choice, how, side, made, found, names)
    else:
        prediction_shown(choice, how, side, made, found)
    most_influential(choice, how, side, made, found, names)
    command(f"{how.command(choice, side)} --influence {MOST}")


@st.cache_resource(max_entries=8, show_spinner="Leaving out each material …")
def left_out(
    key: tuple[str, ...],  # noqa: ARG001  part of the cache's key
    how: tuple[Any, ...],  # noqa: ARG001  the same
    side: Side,  # noqa: ARG001  the same
    _made: SideFit,
) -> tuple[LeaveOneOut, float]:
    """Leave out each material, once for all readers; and the fit's own MAE, eV/atom."""
    seen = _made.seen
    found = leave_one_out(seen.fractions, seen.energies, seen.materials, _made.fit)
    within = np.abs(seen.energies - _made.fit.contribution(seen.fractions)).mean()
    return found, float(within)


def numbers(made: SideFit, found: LeaveOneOut, within: float) -> None:
    """Show the error without and with the material itself."""
    cells = st.columns(4)
    cells[0].metric(
        "MAE left out, meV/atom",
        f"{1000 * found.mae:,.0f}",
        border=True,
        help="Each material predicted by the fit to all others.",
    )
    cells[1].metric(
        "MAE fitted, meV/atom",
        f"{1000 * within:,.0f}",
        border=True,
        help="The residuals of the fit itself, which saw the material.",
    )
    cells[2].metric("Materials", f"{len(found.materials):,}", border=True)
    cells[3].metric(
        "Undetermined",
        f"{int(found.undetermined.sum()):,}",
        border=True,
        help="Materials that no fit to the others predicts: they alone fix a reference.",
    )
    if made.fit.method == "huber":
        st.caption("Huber fits without a material take one Newton step from the fit to all.")
    alone = np.flatnonzero(found.alone != "")
    if len(alone):
        told = ", ".join(f"{found.materials[i]} ({found.alone[i]})" for i in alone[:20])
        more = f" and {len(alone) - 20} more" if len(alone) > 20 else ""
        st.warning(
            plain(
                f"Elements in one material only: {told}{more}. "
                + (
                    "Their predictions are the prior's."
                    if made.fit.strength is not None
                    else "These materials cannot be predicted by others."
                )
            ),
            icon=":material/warning:",
        )


@st.cache_resource(max_entries=8, show_spinner=False)
def named(
    key: tuple[str, ...],  # noqa: ARG001  part of the cache's key
    how: tuple[Any, ...],  # noqa: ARG001  the same
    side: Side,  # noqa: ARG001  the same
    _choice: PairChoice,
    _made: SideFit,
    _found: LeaveOneOut,
) -> list[str]:
    """Name all materials as links do."""
    return _choice.names_of(_made.seen.rows[_found.first].tolist())


def influence_shown(
    choice: PairChoice,
    how: FitChoice,
    side: Side,
    made: SideFit,
    found: LeaveOneOut,
    names: list[str],
) -> None:
    """Show leverage against residual."""
    chosen = linked(PICKED)
    show(
        influence_figure(
            choice.key,
            how.key,
            side,
            chosen if chosen in names else None,
            choice,
            made,
            found,
            names,
            dark=is_dark(),
        ),
        name=f"atomref-influence-{side}",
        caption="Materials far to the right decide a reference nearly alone; far up or down, the "
        "others predict them badly; both together move the fit. Click a point to see the material.",
        source=choice.source,
        labels=choice.labels,
        table=found.table,
        on_click=pick,
    )


def pick(event: Any) -> None:
    """Take the clicked material into the page's link."""
    chosen = picked(event)
    link_to(PICKED, chosen[-1] if chosen else None)


@st.cache_resource(max_entries=16, show_spinner=False)
def influence_figure(
    key: tuple[str, ...],  # noqa: ARG001  part of the cache's key
    how: tuple[Any, ...],  # noqa: ARG001  the same
    side: Side,  # noqa: ARG001  the same
    chosen: str | None,
    _choice: PairChoice,
    _made: SideFit,
    _found: LeaveOneOut,
    _names: list[str],
    *,
    dark: bool,
) -> go.Figure:
    """Draw leverage against residual, once for all readers."""
    formula = _choice.data.table()["formula"].to_numpy()[_made.seen.rows[_found.first]]
    return influence(
        _found.leverage,
        _found.mean_residual,
        _found.cook,
        names=[f"{f}\n{m}" for f, m in zip(formula, _found.materials, strict=True)],
        ids=_names,
        picked=chosen,
        dark=dark,
    )


def prediction_shown(
    choice: PairChoice, how: FitChoice, side: Side, made: SideFit, found: LeaveOneOut
) -> None:
    """Show predictions against energies."""
    show(
        parity_figure(choice.key, how.key, side, made, found, dark=is_dark()),
        name=f"atomref-left-out-{side}",
        caption="Each energy and its prediction by composition alone, fitted to all other "
        "materials. What lies off the line is chemistry that composition does not tell.",
        source=choice.source,
        labels=choice.labels,
        table=lambda: pd.DataFrame(
            {
                "material_id": made.seen.materials,
                "energy": made.seen.energies,
                "prediction": found.prediction,
                "residual": found.residual,
            }
        ),
    )


@st.cache_resource(max_entries=8, show_spinner=False)
def parity_figure(
    key: tuple[str, ...],  # noqa: ARG001  part of the cache's key
    how: tuple[Any, ...],  # noqa: ARG001  the same
    side: Side,  # noqa: ARG001  the same
    _made: SideFit,
    _found: LeaveOneOut,
    *,
    dark: bool,
) -> go.Figure:
    """Draw predictions against energies, once for all readers."""
    what = "less interaction energy" if _made.fit.method == "residual" else "energy"
    return parity(
        _made.seen.energies,
        _found.prediction,
        x_title=f"{_made.fit.functional} {what}",
        y_title="Prediction without the material",
        hover=_made.seen.materials.astype(str).tolist(),
        dark=dark,
    )


@st.cache_data(max_entries=16, show_spinner=False)
def ranked(
    key: tuple[str, ...],  # noqa: ARG001  part of the cache's key
    how: tuple[Any, ...],  # noqa: ARG001  the same
    side: Side,  # noqa: ARG001  the same
    also: int | None,
    _found: LeaveOneOut,
) -> pd.DataFrame:
    """List the most influential materials, once for all readers."""
    return _found.influential(MOST, also=also)


def most_influential(
    choice: PairChoice,
    how: FitChoice,
    side: Side,
    made: SideFit,
    found: LeaveOneOut,
    names: list[str],
) -> None:
    """Show the most influential materials, and the one that the link names, with structures."""
    st.subheader("Most influential")
    st.caption(
        "By Cook's distance: without which materials the fit would change most, and how far the "
        "references of their elements would move. Select a row to see its structure."
    )
    chosen = linked(PICKED)
    also = names.index(chosen) if chosen in names else None
    table = ranked(choice.key, how.key, side, also, found)
    if table.empty:
        st.info("No material can be left out: each has an element of its own.")
        return
    rows = made.seen.rows[table["row"]]
    table = table.assign(row=rows, formula=choice.data.table()["formula"].to_numpy()[rows])
    order = ["row", "material_id", "formula", "moves", "residual", "leverage", "cook"]
    table_with_structures(
        table[[*order, *(one for one in table if one not in order)]],
        choice,
        key="-".join(["influential", side, choice.arguments, *map(str, how.key)]),
        columns=COLUMNS,
    )
