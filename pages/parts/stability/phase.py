"""One phase by reference and by model: energies, competitors, structure before and after."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.figures.base.text import signed
from core.frames.registry import open_dataset
from core.frames.schema import Frame
from core.potential.relaxation.cells import cell_table
from core.potential.relaxation.kept import kept_relaxation
from core.report.hulls import phase_table
from core.report.stability import MEV, Judged
from core.stability.system_hull import SystemHull
from pages.parts.shared.page import plain
from pages.parts.shared.structures import show_structure

AS_GIVEN = (
    "Structures are taken as given. Turn on Relax with the model to see what becomes of this one."
)
NOT_KEPT = (
    "The relaxed structure is not kept: the model refused it, or the cache was emptied. To see it, "
    "relax it with the command atomref relax."
)
CELLS: dict[str, Any] = {
    "quantity": "Cell",
    "given": st.column_config.NumberColumn("As given", format="%.4f"),
    "relaxed": st.column_config.NumberColumn("Relaxed", format="%.4f"),
    "change": st.column_config.NumberColumn("Change", format="percent"),
}


def show_phase(judged: Judged, hulls: Sequence[SystemHull], phase: str) -> None:
    """Show the selected phase."""
    rows = [row_of(hull, phase) for hull in hulls]
    known = next((row for row in rows if row is not None), None)
    if known is None:
        return
    st.subheader(f"{plain(known['formula'])} ({plain(phase)})", anchor=False)
    st.markdown(sentence(rows, ("Reference", judged.label)))
    st.dataframe(
        phase_table(hulls, phase, judged.label),
        key="phase-energies",
        hide_index=True,
        column_config={
            "source": "By",
            "formation": st.column_config.NumberColumn("Formation, eV/atom", format="%.3f"),
            "decomposition": st.column_config.NumberColumn(
                "Decomposition, meV/atom",
                format="%.1f",
                help="Negative for a phase on the hull: its distance to the hull without it.",
            ),
            "stable": "Is",
            "competing": st.column_config.TextColumn(
                "Competing phases", help="With their amounts as fractions of atoms.", width="large"
            ),
        },
    )
    show_structures(judged, known["row"], known["formula"])


def show_structures(judged: Judged, row: int, formula: str) -> None:
    """Show the structure in the data set and, where the model relaxed it, what became of it."""
    if row < 0:
        st.caption("It is the reference energy of an element, without a structure.")
        return
    (frame,) = open_dataset(judged.study.dataset).frames([row])
    relaxed = None
    settings, model = judged.study.relaxation, judged.found.model.source.model
    if frame is not None and settings is not None and model is not None:
        relaxed = kept_relaxation(frame, model, settings)
    columns = st.columns(2, gap="medium")
    with columns[0]:
        show_structure(frame, f"{formula}, as given", key=f"before-{judged.name}-{row}")
    with columns[1]:
        if relaxed is None:
            st.caption(AS_GIVEN if settings is None else NOT_KEPT)
            show_cell(frame)
            return
        state = f"{formula}, {relaxed.state} in {relaxed.steps:,} steps"
        show_structure(relaxed.structure, state, key=f"after-{judged.name}-{row}")
        if relaxed.reason:
            st.caption(plain(relaxed.reason))
    show_cell(frame, relaxed.structure)


def show_cell(frame: Frame | None, relaxed: Frame | None = None) -> None:
    """Show the cell of a structure, and what a relaxation changed."""
    if frame is None:
        return
    hidden = {} if relaxed is not None else {"relaxed": None, "change": None}
    st.dataframe(
        cell_table(frame, relaxed),
        key="phase-cells",
        hide_index=True,
        column_config=CELLS | hidden,
    )


def row_of(hull: SystemHull, phase: str) -> dict[str, Any] | None:
    """Return a phase of a hull, None if the hull lacks it."""
    for row in hull.table[hull.table["id"] == phase].to_dict("records"):
        return {str(name): value for name, value in row.items()}
    return None


def sentence(rows: Sequence[dict[str, Any] | None], names: tuple[str, str]) -> str:
    """Return how reference and model differ on a phase, as Markdown."""
    reference, model = rows
    if reference is None or model is None:
        missing = names[rows.index(None)]
        return plain(f"{missing} has no energy of this phase, so it is not compared.")
    # Without the sign of what is zero.
    change = round(MEV * (model["decomposition"] - reference["decomposition"]), 1) + 0.0
    text = (
        f"Decomposition energy: {signed(MEV * reference['decomposition'], digits=1)} meV/atom by "
        f"the reference, {signed(MEV * model['decomposition'], digits=1)} by {names[1]} "
        f"(error {signed(change, digits=1)})."
    )
    first, second = (names_in(row["competing"]) for row in (reference, model))
    if first == second:
        return plain(f"{text} The competing phases are the same.")
    differ = [
        f"only by {name}: {', '.join(sorted(only))}"
        for name, only in ((names[0].lower(), first - second), (names[1], second - first))
        if only
    ]
    return plain(f"{text} The competing phases differ; {'; '.join(differ)}.")


def names_in(competing: str) -> set[str]:
    """Return the formulas in "0.75 Li2O + 0.25 CoO2"."""
    return {part.partition(" ")[2] for part in competing.split(" + ") if part}
