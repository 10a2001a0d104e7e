"""What models predict for the structures, side by side."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.studies.models.given import GivenStructures
from core.studies.models.prediction import Predictions, PredictionStudy
from pages.parts.shared.job import computed
from pages.parts.shared.page import plain
from pages.parts.shared.selection import linked_table
from pages.parts.shared.structures import show_structure

PICKED = "structure"


def predictions_of(models: list[str], name: str) -> dict[str, Predictions]:
    """Return the predictions of the models that are done; the others show their state."""
    found = {}
    for model in models:
        one: Predictions | None = computed(PredictionStudy(model=model, structures=name))
        if one is not None:
            found[model] = one
    return found


def show_properties(
    name: str, structures: GivenStructures, found: Mapping[str, Predictions]
) -> None:
    """Show all structures, and the chosen one with all its properties."""
    place = choose_structure(name, structures, found)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.dataframe(
            quantities(place, found),
            key=f"properties-{name}-{place}",
            hide_index=True,
            column_config={"quantity": "Quantity"},
        )
        if len(found) > 1:
            st.caption("Energies of models of different functionals have different zeros.")
        for model, one in found.items():
            if one.why[place]:
                st.warning(plain(f"{model}: {one.why[place]}"))
    with right:
        frame = structures.frame(place)
        show_structure(frame, structures.formulas[place], key=f"given-{name}-{place}")


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
            **{model: f"{values[key]:.{digits}f}" for model, values in summaries.items()},
        }
        for key, (label, digits) in labels.items()
    ]
