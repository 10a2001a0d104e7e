"""What models predict for the structures, side by side."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from core.figures.base.text import signed
from core.studies.models.given import GivenStructures
from core.studies.models.placement import Placed, PlacementStudy
from core.studies.models.prediction import Predictions, PredictionStudy
from pages.parts.predict.asked import UNKNOWN, Asked
from pages.parts.predict.warnings import show_warnings
from pages.parts.shared.job import computed
from pages.parts.shared.page import errors_shown, plain
from pages.parts.shared.selection import linked_table
from pages.parts.shared.structures import show_structure
from pages.parts.shared.views import one_of

PICKED = "structure"


def predictions_of(models: Sequence[str], name: str) -> dict[str, Predictions]:
    """Return the predictions of the models that are done; the others show their state."""
    found = {}
    for model in models:
        one: Predictions | None = computed(PredictionStudy(model=model, structures=name))
        if one is not None:
            found[model] = one
    return found


def show_properties(asked: Asked) -> None:
    """Show the chosen structure with all that the models say of it."""
    place, found = asked.place, asked.found
    placed = placements(asked)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.dataframe(
            [*quantities(place, found), *placement_rows(place, found, placed)],
            key=f"properties-{asked.name}-{place}",
            hide_index=True,
            column_config={"quantity": st.column_config.TextColumn("Quantity", width="medium")},
        )
        if len(found) > 1:
            st.caption("Energies of models of different functionals have different zeros.")
        for one in placed.values():
            st.caption(
                plain(
                    f"Hulls are of the model's own energies of the {one.n_phases[place]:,} known "
                    f"structures in the chemical system (mp-structures, as given). Elements: "
                    f"{one.elements}."
                )
            )
            break
    with right:
        show_forces(asked)
    for model, one in placed.items():
        if one.why[place]:
            st.caption(plain(f"{model}: not among the known phases, {one.why[place]}."))
    show_warnings(asked)


def show_forces(asked: Asked) -> None:
    """Show the structure with the forces of one model as arrows."""
    models = [model for model, one in asked.found.items() if not one.why[asked.place]]
    forces, formula = None, asked.structures.formulas[asked.place]
    title = formula
    if models:
        model = models[0]
        if len(models) > 1:
            model = one_of(
                st,
                "Forces of",
                models,
                default=models[0],
                key="forces-of",
                wrap=True,
                help="The model whose forces are drawn as arrows.",
            )
        one = asked.found[model]
        forces = one.forces[one.atoms(asked.place)]
        largest = one.summary(asked.place)["max_force"]
        title = f"{formula}, forces of {model}, at most {largest:.3f} eV/Å"
    show_structure(
        asked.structures.frame(asked.place),
        title,
        key=f"given-{asked.name}-{asked.place}",
        forces=forces,
    )


def placements(asked: Asked) -> dict[str, Placed]:
    """Return where the structures lie among the known phases, by the models that are done."""
    found = {}
    for model in asked.found:
        with errors_shown():
            study = PlacementStudy(model=model, structures=asked.name)
            one: Placed | None = computed(study, what=f"The hull by {model}")
            if one is not None:
                found[model] = one
    return found


def choose_structure(
    name: str, structures: GivenStructures, found: Mapping[str, Predictions]
) -> int:
    """Show the structures with their energies, where there are several; return the chosen one."""
    if len(structures) == 1:
        return 0
    names = structures.names.tolist()
    rows = [
        {
            "structure": names[place],
            "formula": formula,
            "atoms": int(structures.n_atoms[place]),
            **{model: float(one.energies[place]) for model, one in found.items()},
        }
        for place, formula in enumerate(structures.formulas)
    ]
    st.markdown(f"**{len(rows):,} structures**, energies in eV/atom. Select one to see all of it.")
    chosen = linked_table(
        rows,
        names,
        param=PICKED,
        key=f"structures-{name}-{len(found)}",
        hide_index=True,
        height=min(36 * (len(rows) + 1) + 2, 260),
        column_config={
            "structure": "Structure",
            "formula": "Formula",
            "atoms": "Atoms",
            **{model: st.column_config.NumberColumn(model, format="%.4f") for model in found},
        },
    )
    return chosen or 0


def quantities(place: int, found: Mapping[str, Predictions]) -> list[dict[str, Any]]:
    """Return one row per quantity with a column per model."""
    summaries = {model: one.summary(place) for model, one in found.items()}
    labels = {
        "energy_per_atom": ("Energy, eV/atom", 4),
        "max_force": ("Largest force, eV/Å", 4),
        "pressure": ("Pressure, GPa", 3),
        "magmom": ("Sum of |moments|, μB per cell", 3),
    }
    return [
        {
            "quantity": label,
            **{model: signed(values[key], digits=digits) for model, values in summaries.items()},
        }
        for key, (label, digits) in labels.items()
    ]


def placement_rows(
    place: int, found: Mapping[str, Predictions], placed: Mapping[str, Placed]
) -> list[dict[str, Any]]:
    """Return the rows on formation energy and hull."""

    def row(label: str, values: Mapping[str, str]) -> dict[str, Any]:
        return {"quantity": label, **{model: values.get(model, UNKNOWN) for model in found}}

    return [
        row(
            "Formation energy, eV/atom",
            {model: signed(float(one.formation[place]), digits=3) for model, one in placed.items()},
        ),
        row(
            "Above the hull, meV/atom",
            {
                # Without the sign of what is zero.
                model: signed(round(1000 * float(one.above_hull[place]), 1) + 0.0, digits=1)
                for model, one in placed.items()
            },
        ),
        row(
            "Phases of the hull there",
            {model: str(one.competing[place]) or UNKNOWN for model, one in placed.items()},
        ),
    ]
