"""What models predict for the structures, side by side."""

from collections.abc import Mapping, Sequence

import streamlit as st

from core.report.models.predicted import (
    STRUCTURES,
    ZEROS,
    hull_text,
    placement_rows,
    quantities,
    structure_rows,
    unplaced,
)
from core.studies.models.given import GivenStructures
from core.studies.models.placement import Placed, PlacementStudy
from core.studies.models.prediction import Predictions, PredictionStudy
from pages.parts.predict.asked import Asked
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


def show_properties(asked: Asked) -> list[str]:
    """Show the chosen structure with all that the models say of it.

    Returns:
        Words of the command that does the same.
    """
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
            st.caption(ZEROS)
        if placed:
            st.caption(plain(hull_text([place], placed)))
    with right:
        show_forces(asked)
    for text in unplaced(place, placed):
        st.caption(plain(text))
    show_warnings(asked)
    return ["--hull"]


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
    rows = structure_rows(structures, found)
    st.markdown(f"**{len(rows):,} structures**, energies in eV/atom. Select one to see all of it.")
    chosen = linked_table(
        rows,
        structures.names.tolist(),
        param=PICKED,
        key=f"structures-{name}-{len(found)}",
        hide_index=True,
        height=min(36 * (len(rows) + 1) + 2, 260),
        column_config=STRUCTURES
        | {model: st.column_config.NumberColumn(model, format="%.4f") for model in found},
    )
    return chosen or 0
