"""The hulls of one chemical system side by side, and the phase that is selected in them."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import streamlit as st

from core.errors import LabError
from core.figures.base.clicks import picked
from core.frames.provenance import Provenance
from core.report.hulls import SIDES, hull_figures, hull_table, hull_text
from core.report.stability import Judged, hull_names
from core.stability.system_hull import SystemHull, system_hulls
from pages.parts.shared.figure import show
from pages.parts.shared.page import is_dark, is_open, plain
from pages.parts.stability.judged import BY_KEY
from pages.parts.stability.phase import show_phase
from pages.parts.stability.picking import choose_system, explained, show_elements

PHASE = "phase"
"""Name of the selected phase in the page's link."""

BELOW = {2: ", or click a point below", 3: ", or click a point below", 4: ""}
ROW = ", or a row below"
"""Where else a phase can be selected, by the number of elements; a tetrahedron takes no clicks."""


def show_hulls(_: Sequence[Judged], judged: Judged, __: float) -> list[str]:
    """Show the view.

    Returns:
        Options of the command that shows the same.
    """
    left, right = st.columns(2, gap="medium", vertical_alignment="bottom")
    elements: tuple[str, ...] = ()
    phase, problem = None, ""
    with left:
        try:
            elements = choose_system(judged)
            hulls = hulls_of(judged, elements)
        except LabError as error:
            problem = str(error)
    if problem:
        explained(problem)
    else:
        with right:
            phase = choose_phase(hulls)
        show_both(
            hulls,
            hull_names(judged),
            judged.color,
            phase=phase,
            source=judged.source,
            name=f"hull-{'-'.join(elements)}",
            on_click=select_phase,
        )
        if phase is not None:
            show_phase(judged, hulls, phase)
    # The table is sent when it is asked for; Streamlit takes another state for another box.
    box = st.expander(
        "Pick elements",
        icon=":material/grid_on:",
        expanded=bool(problem),
        key=f"pick-elements-{bool(problem)}",
        on_change="rerun",
    )
    if is_open(box):
        with box:
            show_elements(judged, elements)
    if problem:
        return []
    return ["--system", "-".join(elements), *([] if phase is None else ["--phase", phase])]


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=BY_KEY)
def hulls_of(judged: Judged, elements: tuple[str, ...]) -> tuple[SystemHull, SystemHull]:
    """Return the hulls of one system by reference and model."""
    return system_hulls(judged.comparison, elements)


def choose_phase(hulls: Sequence[SystemHull]) -> str | None:
    """Show the choice of a phase; return its id."""
    table = hulls[0].table
    names = dict(zip(table["id"], table["formula"], strict=True))
    # A phase of another system, from before.
    if st.session_state.get(PHASE) not in {None, *names}:
        st.session_state[PHASE] = None
    chosen: str | None = st.selectbox(
        "Phase",
        sorted(names, key=lambda phase: (names[phase], phase)),
        index=None,
        format_func=lambda phase: f"{names[phase]} ({phase})",
        key=PHASE,
        bind="query-params",
        placeholder=f"one of {len(names)}: select here{BELOW.get(len(hulls[0].elements), ROW)}",
        help="Whose decomposition and structure are shown below.",
    )
    return chosen


def show_both(
    hulls: Sequence[SystemHull],
    titles: tuple[str, str],
    color: str,
    *,
    phase: str | None,
    source: Provenance,
    name: str,
    on_click: Callable[[Any], None],
) -> None:
    """Show both hulls with the same axes, as figures or, beyond four elements, as tables.

    Args:
        hulls: by the reference and by the model.
        titles: what stands over each.
        color: #RRGGBB of the model.
        phase: id of the selected phase.
        source: data and origin of the labels.
        name: of the figures, unique on the page.
        on_click: called with the event of a clicked phase.
    """
    figures = hull_figures(hulls, titles, color, selected=phase, dark=is_dark())
    for column, figure, hull, title, side in zip(
        st.columns(2, gap="medium"), figures, hulls, titles, SIDES, strict=True
    ):
        with column:
            if figure is None:
                show_table(hull, title, name=f"{name}-{side}")
                continue
            show(
                figure,
                name=f"{name}-{side}",
                caption=caption(hull),
                source=source,
                table=partial(table_of, hull),
                on_click=on_click,
            )


def table_of(hull: SystemHull) -> Any:
    """Return the phases of a hull."""
    return hull.table


def caption(hull: SystemHull) -> str:
    """Return what to see in one of two hulls."""
    text = hull_text(hull)
    if len(hull.elements) == 4:
        return f"{text} Drag to turn it."
    return f"{text} Click a phase to see what it competes with."


def show_table(hull: SystemHull, title: str, *, name: str) -> None:
    """Show the phases of one element, or of more than four."""
    st.markdown(f"**{plain(title)}**")
    table = hull_table(hull)
    st.dataframe(
        table,
        key=name,
        hide_index=True,
        column_config={
            "id": "Phase",
            "formula": "Formula",
            **{
                column: st.column_config.NumberColumn(label, format=digits)
                for column, label, digits in (
                    ("formation", "Formation, eV/atom", "%.3f"),
                    ("above_hull", "Above the hull, meV/atom", "%.1f"),
                    ("decomposition", "Decomposition, meV/atom", "%.1f"),
                )
            },
            "stable": "Stable",
            "competing": "Competing phases",
        },
        height=360,
        selection_mode="single-row",
        on_select=lambda: _select_row(table["id"].tolist(), name),
    )


def _select_row(phases: Sequence[str], name: str) -> None:
    rows = st.session_state[name]["selection"]["rows"]
    if rows:
        st.session_state[PHASE] = phases[rows[0]]


def select_phase(event: Any) -> None:
    """Select the clicked phase; called from the callback of a click."""
    clicked = picked(event)
    if clicked:
        st.session_state[PHASE] = clicked[-1]
