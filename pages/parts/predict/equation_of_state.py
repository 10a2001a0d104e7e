"""Energy by volume of the chosen structure, and the bulk modulus, by each model."""

import streamlit as st

from core.figures.base.text import signed
from core.figures.models.equation_of_state import EnergyCurve, energy_by_volume
from core.figures.stability.classification import Line
from core.frames.provenance import Provenance
from core.potential.relaxation.equation_of_state import EquationOfState, all_tables
from core.report.looks import looks_of
from core.studies.models.equation_of_state import EquationOfStateStudy
from pages.parts.predict.asked import Asked
from pages.parts.shared.figure import show
from pages.parts.shared.job import computed
from pages.parts.shared.page import errors_shown, is_dark
from pages.parts.shared.views import number


def show_equation_of_state(asked: Asked) -> None:
    """Show the view: the energies, the curves through them, and the numbers."""
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
    if not found:
        return
    _show_curves(asked, found)
    _show_numbers(found)


def _show_curves(asked: Asked, found: dict[str, EquationOfState]) -> None:
    looks = looks_of(asked.models, dark=is_dark())
    curves = []
    for model, one in found.items():
        label, color, dash = looks[model]
        curves.append(
            EnergyCurve(
                line=Line(name=label, color=color, dash=dash, table=one.fine()),
                points=one.points(),
                volume=one.volume,
            )
        )
    given = next(iter(found.values())).given_volume
    show(
        energy_by_volume(curves, given_volume=given, dark=is_dark()),
        name="equation-of-state",
        caption="The lowest point is the volume that the model prefers; the steeper the curve, the "
        "stiffer the material.",
        source=Provenance(
            data=str(asked.structures.names[asked.place]),
            labels=set(found),
            details="Birch–Murnaghan curves of third order, fitted by pymatgen.",
        ),
        table=lambda: all_tables(found),
    )


def _show_numbers(found: dict[str, EquationOfState]) -> None:
    st.dataframe(
        [
            {
                "model": model,
                "modulus": f"{one.bulk_modulus:.1f}",
                "derivative": signed(one.derivative),
                "volume": f"{one.volume:.3f}",
                "change": f"{one.volume / one.given_volume - 1:+.2%}".replace("-", "−"),
                "energy": signed(one.energy, digits=4),
                "rms": f"{1000 * one.rms:.2f}",
            }
            for model, one in found.items()
        ],
        key="equation-of-state-numbers",
        hide_index=True,
        column_config={
            "model": "Model",
            "modulus": "Bulk modulus, GPa",
            "derivative": st.column_config.TextColumn(
                "Its derivative", help="By pressure, dimensionless; about 4 for most solids."
            ),
            "volume": "Volume, Å³ per atom",
            "change": "From the given volume",
            "energy": "Lowest energy, eV/atom",
            "rms": st.column_config.TextColumn(
                "Misfit, meV/atom", help="Root mean square of what the curve leaves."
            ),
        },
    )
