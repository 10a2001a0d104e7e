"""Both functionals' energies against each other, by element, and the largest outliers."""

import streamlit as st

from core.figures.base.text import signed
from core.reference.shifts.hubbard import HubbardShifts, pair_shifts
from core.reference.shifts.shift import outliers
from core.report.shifts import N_OUTLIERS
from core.studies.pair_choice import PairChoice
from pages.parts.shared.before_after import show_before_after
from pages.parts.shared.page import plain
from pages.parts.shared.structures import table_with_structures
from pages.parts.shifts.elements import show_periodic_table
from pages.parts.shifts.hubbard import show_hubbard

_ENERGIES = {
    name: st.column_config.NumberColumn(name.capitalize(), format="%.3f", width=76, help=about)
    for name, about in (
        ("source", "Total energy in the source functional, eV/atom."),
        ("target", "Total energy in the target functional, eV/atom."),
        ("shift", "Target minus source energy, eV/atom."),
        ("residual", "Scaled target energy minus scaled source energy, eV/atom."),
    )
}
"""Columns that fit beside a structure on a page of 1,280 px; the caption gives their unit."""


def show_parity(choice: PairChoice) -> str:
    """Show the view.

    Returns:
        The same as options of `shift`: none.
    """
    show_metrics(choice)
    if (of_u := _u_shifts(choice)) is not None:
        show_hubbard(of_u, key="u-shifts")
    grouped = st.toggle(
        "Colour by chemistry",
        key="chemistry",
        bind="query-params",
        help="Oxides, halides and so on, by the elements of a material. Each material is then a "
        "point, up to 20,000; without colours, more than 5,000 are a density image.",
    )
    summary = choice.summary
    show_before_after(
        choice.key,
        choice.pairs,
        (summary.scaled_source, summary.scaled_target),
        captions=(
            (
                f"{choice.lead}On a common energy scale the points would lie on the dashed line; "
                f"they are {summary.mae:.1f} eV/atom off on average."
            ),
            (
                f"{choice.lead}After each functional's own least-squares AtomRef, fitted to "
                f"{choice.fitted_to}: the remaining differences are due to structure, not "
                "composition."
            ),
        ),
        source=choice.source,
        grouped=grouped,
    )
    st.subheader("Shift by element")
    # Over all materials, so that every element can be clicked.
    show_periodic_table(choice.whole or choice, choice.elements, "shift", name="shift-by-element")
    st.subheader("Largest outliers")
    st.caption(
        "The materials whose shift composition explains least, ordered by |residual|, the "
        "difference of the two scaled energies. Energies in eV/atom. Select a row to see its "
        "structure."
    )
    table_with_structures(
        outliers(choice.pairs, N_OUTLIERS, summary=summary),
        choice,
        key="-".join(["outliers", choice.selection.arguments, *choice.elements]),
        columns=_ENERGIES,
    )
    return ""


@st.cache_data(
    max_entries=8,
    show_spinner=False,
    hash_funcs={PairChoice: lambda choice: choice.key},
)
def _u_shifts(choice: PairChoice) -> HubbardShifts | None:
    return pair_shifts(choice.opened)


def show_metrics(choice: PairChoice) -> None:
    """Show the comparison in five numbers."""
    pairs, summary = choice.pairs, choice.summary
    metrics = {
        "Pairs": (f"{summary.n:,}", None),
        "Mean shift, eV/atom": (
            signed(summary.mean_shift),
            plain(f"Mean of {pairs.target_functional} − {pairs.source_functional} total energy."),
        ),
        "Mean |shift|, eV/atom": (
            f"{summary.mae:.2f}",
            "Mean absolute difference of the two total energies.",
        ),
        "r of total energies": (
            signed(summary.pearson_raw, digits=3),
            "Pearson correlation of the two functionals' total energies.",
        ),
        "r after AtomRef": (
            signed(summary.pearson_scaled, digits=3),
            plain(
                "The same after each functional's own least-squares AtomRef, fitted to "
                f"{choice.fitted_to}."
            ),
        ),
    }
    for cell, (label, (value, explanation)) in zip(st.columns(5), metrics.items(), strict=True):
        cell.metric(label, value, border=True, help=explanation)
