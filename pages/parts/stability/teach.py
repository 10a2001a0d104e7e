"""Two made-up hulls, to see what a decomposition energy is (Figure 4 of the paper)."""

from dataclasses import replace
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.figures.base.clicks import picked
from core.figures.base.text import signed
from core.figures.base.theme import METHOD_COLORS
from core.frames.provenance import Provenance
from core.report.stability import MEV
from core.stability.schematic import BY_DFT, BY_MODEL, ELEMENTS, schematic
from core.stability.system_hull import SystemHull, system_hulls
from pages.parts.shared.page import plain
from pages.parts.stability.hull import show_both

SOURCE = Provenance(data="made up", details="Energies of a system A–B, to learn from.")
PHASE = "lesson-phase"
"""Name of the selected phase in the page's link."""

SIDES = {"dft": ("DFT", BY_DFT), "model": ("the model", BY_MODEL)}


def show_lesson() -> None:
    """Show the view."""
    st.markdown(
        "A phase is stable if no mixture of others has less energy: it lies on the **hull**. Its "
        "**decomposition energy** is its distance to the hull of all *other* phases: negative for "
        "a stable phase, positive for an unstable one. A model with small errors may still "
        "find other phases stable, because the competing phases move as well."
    )
    phase = st.selectbox(
        "Phase",
        list(BY_DFT),
        index=list(BY_DFT).index("AB2"),
        key=PHASE,
        bind="query-params",
        width=320,
        help="The phase that the sliders move.",
    )
    moved = [
        {**usual, phase: choose_energy(box, phase, name, usual[phase])}
        for box, (name, usual) in zip(st.columns(2, gap="medium"), SIDES.values(), strict=True)
    ]
    hulls = [
        replace(hull, elements=("A", "B"))
        for hull in system_hulls(schematic(by_dft=moved[0], by_model=moved[1]), ELEMENTS)
    ]
    columns = st.columns(2, gap="medium")
    for column, hull, (name, _) in zip(columns, hulls, SIDES.values(), strict=True):
        column.markdown(verdict(hull, phase, name))
    show_both(
        hulls,
        ("DFT", "A model"),
        METHOD_COLORS["residual"],
        phase=phase,
        source=SOURCE,
        name="lesson",
        on_click=select_phase,
    )


def choose_energy(box: DeltaGenerator, phase: str, name: str, usual: float) -> float:
    """Show the slider of a phase's energy; the energies of all others are as they were."""
    return box.slider(
        f"Formation energy of {phase} by {name}, eV/atom",
        min_value=-0.80,
        max_value=0.10,
        value=usual,
        step=0.01,
        key=f"lesson-{name}-{phase}",
        help="Move it and watch which phases are stable.",
    )


def verdict(hull: SystemHull, phase: str, name: str) -> str:
    """Return what one side says of a phase, as Markdown."""
    (row,) = hull.table[hull.table["id"] == phase].to_dict("records")
    energy = f"**{signed(MEV * row['decomposition'], digits=0)} meV/atom**"
    competing = plain(row["competing"])
    if row["stable"]:
        return (
            f"By {name}, {phase} is **stable**: {energy}, its distance to a mixture of {competing}."
        )
    return f"By {name}, {phase} is **unstable**: {energy}; it decomposes into {competing}."


def select_phase(event: Any) -> None:
    """Select the clicked phase; called from the callback of a click."""
    clicked = [phase for phase in picked(event) if phase in BY_DFT]
    if clicked:
        st.session_state[PHASE] = clicked[-1]
