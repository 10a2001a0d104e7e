"""AtomRef, view "Influence": leaving out one material at a time."""

from typing import Any

import plotly.graph_objects as go
import streamlit as st

from core.figures.base.clicks import picked
from core.reference.fits.leave_one_out import LeaveOneOut
from core.report.atomref.figures import left_out_parity, leverage_figure
from core.studies.atomref_fit import AtomRefStudy
from core.studies.pair_choice import PairChoice
from core.transfer.atomref_fits import AtomRefFit
from pages.parts.atomref.form import cached, choose_side, fitted
from pages.parts.shared.figure import show
from pages.parts.shared.page import command, is_dark, plain
from pages.parts.shared.selection import link_to, linked
from pages.parts.shared.structures import PICKED, table_with_structures
from pages.parts.shared.views import one_of

MOST = 50
"""Materials listed."""

MOST_NAMED = 20
"""Materials named in the warning."""

COLUMNS = {
    "leverage": st.column_config.NumberColumn(
        "Leverage",
        format="%.3g",
        help="Degrees of freedom of the fit that the material takes up; 1: it alone determines a "
        "reference.",
    ),
    "residual": st.column_config.NumberColumn(
        "Residual, eV/atom",
        format="%.3f",
        help="Energy minus its prediction by the fit to all other materials.",
    ),
    "cook": st.column_config.NumberColumn(
        "Cook's distance", format="%.2g", help="How far all fitted energies move without it."
    ),
    "moves": st.column_config.TextColumn(
        "Change of its references, eV/atom", help="When it is left out.", width="medium"
    ),
    "element": None,
    "move": None,
    "alone": None,
    "undetermined": None,
}


def show_influence(choice: PairChoice, study: AtomRefStudy) -> None:
    """Show each material predicted by all others, and the most influential ones."""
    study = choose_side(choice, study, difference=study.method != "huber")
    fit, left_out = fitted(choice, study), leave_one_out(choice, study)
    show_numbers(fit, left_out)
    figure = one_of(
        st,
        "Show",
        ["influence", "parity"],
        format_func={"influence": "Influence", "parity": "Prediction against energy"}.__getitem__,
        default="influence",
        key="single",
        wrap=True,
        help="Materials that move the references most, or every energy against what composition "
        "alone predicts.",
    )
    if figure == "influence":
        show_leverage(choice, study)
    else:
        show_predictions(choice, study)
    show_most_influential(choice, study)
    command(f"{study.command} --influence {MOST}")


@cached("Leaving out each material …")
def leave_one_out(choice: PairChoice, study: AtomRefStudy) -> LeaveOneOut:
    """Leave out each material, once for all readers."""
    return fitted(choice, study).leave_one_out()


@cached()
def names_in_links(choice: PairChoice, study: AtomRefStudy) -> list[str]:
    """Return the names of all materials in links."""
    rows = fitted(choice, study).rows[leave_one_out(choice, study).first]
    return choice.names_of(rows.tolist())


def show_numbers(fit: AtomRefFit, left_out: LeaveOneOut) -> None:
    """Show the error with and without the material itself."""
    cells = st.columns(4)
    cells[0].metric(
        "MAE left out, eV/atom",
        f"{left_out.mae:.3f}",
        border=True,
        help="Each material predicted by the fit to all others.",
    )
    cells[1].metric(
        "MAE fitted, eV/atom",
        f"{fit.mae:.3f}",
        border=True,
        help="Residuals of the fit to all materials.",
    )
    cells[2].metric("Materials", f"{fit.n_materials:,}", border=True)
    cells[3].metric(
        "Undetermined",
        f"{left_out.undetermined.sum():,}",
        border=True,
        help="Materials that the other materials cannot predict: each alone determines a "
        "reference.",
    )
    if fit.atomref.method == "huber":
        st.caption("Huber fits without a material take one Newton step from the fit to all.")
    if sole := left_out.sole_elements:
        named = [f"{name} ({elements})" for name, elements in sole.items()][:MOST_NAMED]
        more = f" and {len(sole) - MOST_NAMED} more" if len(sole) > MOST_NAMED else ""
        consequence = (
            "The prior predicts these elements."
            if fit.prior is not None
            else "The other materials cannot predict these."
        )
        st.warning(
            plain(f"Elements in one material only: {', '.join(named)}{more}. {consequence}"),
            icon=":material/warning:",
        )


def show_leverage(choice: PairChoice, study: AtomRefStudy) -> None:
    """Show leverage against residual."""
    chosen = linked(PICKED)
    show(
        leverage_of(
            choice,
            study,
            chosen if chosen in names_in_links(choice, study) else None,
            dark=is_dark(),
        ),
        name=f"atomref-influence-{study.side}",
        caption="Materials far to the right determine a reference almost alone; those far up or "
        "down are badly predicted by the others; both together move the fit. Click a point to see "
        "the material.",
        source=choice.source,
        table=leave_one_out(choice, study).table,
        on_click=point_clicked,
    )


def point_clicked(event: Any) -> None:
    """Put the clicked material into the page's link."""
    points = picked(event)
    link_to(PICKED, points[-1] if points else None)


@cached(max_entries=16)
def leverage_of(
    choice: PairChoice, study: AtomRefStudy, chosen: str | None, *, dark: bool
) -> go.Figure:
    """Draw leverage against residual, once for all readers."""
    left_out = leave_one_out(choice, study)
    rows = fitted(choice, study).rows[left_out.first]
    formulas = choice.data.table()["formula"].to_numpy()[rows]
    names = names_in_links(choice, study)
    return leverage_figure(left_out, formulas, names, picked=chosen, dark=dark)


def show_predictions(choice: PairChoice, study: AtomRefStudy) -> None:
    """Show predictions against energies."""
    fit, left_out = fitted(choice, study), leave_one_out(choice, study)
    show(
        prediction_figure(choice, study, dark=is_dark()),
        name=f"atomref-left-out-{study.side}",
        caption="Each energy against its prediction by composition alone, fitted to all other "
        "materials. What lies off the line is chemistry that composition cannot describe.",
        source=choice.source,
        table=lambda: fit.predictions(left_out),
    )


@cached()
def prediction_figure(choice: PairChoice, study: AtomRefStudy, *, dark: bool) -> go.Figure:
    """Draw predictions against energies, once for all readers."""
    return left_out_parity(fitted(choice, study), leave_one_out(choice, study), dark=dark)


@cached(max_entries=16)
def most_influential(choice: PairChoice, study: AtomRefStudy, also: int | None) -> Any:
    """List the most influential materials, once for all readers."""
    return leave_one_out(choice, study).influential(MOST, also=also)


def show_most_influential(choice: PairChoice, study: AtomRefStudy) -> None:
    """Show the most influential materials, and the one that the link names, with structures."""
    st.subheader("Most influential")
    st.caption(
        "Sorted by Cook's distance: how much the fit changes without the material, and how far the "
        "references of its elements move. Select a row to see its structure."
    )
    names, chosen = names_in_links(choice, study), linked(PICKED)
    also = names.index(chosen) if chosen in names else None
    table = most_influential(choice, study, also)
    if table.empty:
        st.info("No material can be left out: each has an element of its own.")
        return
    rows = fitted(choice, study).rows[table["row"]]
    table = table.assign(row=rows, formula=choice.data.table()["formula"].to_numpy()[rows])
    order = ["row", "material_id", "formula", "moves", "residual", "leverage", "cook"]
    table_with_structures(
        table[[*order, *(name for name in table if name not in order)]],
        choice,
        key=f"influential {study.command}",
        columns=COLUMNS,
    )
