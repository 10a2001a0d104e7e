"""Energy by volume of the chosen structure, and the bulk modulus, by each model."""

import streamlit as st

from core.potential.relaxation.equation_of_state import EquationOfState, all_tables
from core.report.models.relaxed import (
    VOLUME_TEXT,
    VOLUMES,
    volume_figure,
    volume_rows,
    volume_source,
)
from core.studies.models.equation_of_state import EquationOfStateStudy
from pages.parts.predict.asked import Asked
from pages.parts.shared.figure import show
from pages.parts.shared.job import computed
from pages.parts.shared.page import errors_shown, is_dark
from pages.parts.shared.views import number


def show_equation_of_state(asked: Asked) -> list[str]:
    """Show the view: the energies, the curves through them, and the numbers.

    Returns:
        Words of the command that does the same.
    """
    left, middle, right = st.columns([2, 2, 3], vertical_alignment="bottom")
    span = number(
        left,
        "Volumes up to ± %",
        "span",
        min_value=1.0,
        max_value=15.0,
        value=6.0,
        step=1.0,
        help="Departure from the volume of lowest energy, which is found first.",
    )
    points = number(
        middle,
        "Volumes",
        "points",
        min_value=5,
        max_value=51,
        value=11,
        step=2,
        help="How many volumes around the given one are computed.",
    )
    relax = right.toggle(
        "Relax the atoms at each volume",
        key="relax-atoms",
        bind="query-params",
        help="The cell keeps its shape in either case. Matters where atoms may move: not in rock "
        "salt, but in quartz.",
    )
    found: dict[str, EquationOfState] = {}
    for model in asked.models:
        with errors_shown():
            one: EquationOfState | None = computed(
                EquationOfStateStudy(
                    model=model,
                    structures=asked.name,
                    place=asked.place,
                    span=span / 100,
                    points=points,
                    relax=relax,
                ),
                what=f"The equation of state by {model}",
            )
            if one is not None:
                found[model] = one
    if found:
        _show_curves(asked, found)
        _show_numbers(found)
    words = ["--span", str(span / 100), "--points", str(points), *(["--relax"] if relax else [])]
    return [*asked.chosen, *words]


def _show_curves(asked: Asked, found: dict[str, EquationOfState]) -> None:
    show(
        volume_figure(asked.models, found, dark=is_dark()),
        name="equation-of-state",
        caption=VOLUME_TEXT,
        source=volume_source(asked.title, found),
        table=lambda: all_tables(found),
    )


def _show_numbers(found: dict[str, EquationOfState]) -> None:
    st.dataframe(
        volume_rows(found),
        key="equation-of-state-numbers",
        hide_index=True,
        column_config=VOLUMES
        | {
            "derivative": st.column_config.TextColumn(
                VOLUMES["derivative"],
                help="By pressure, dimensionless; about 4 for most solids.",
            ),
            "rms": st.column_config.TextColumn(
                VOLUMES["rms"], help="Root mean square of what the curve leaves."
            ),
        },
    )
