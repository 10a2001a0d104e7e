"""What models say of a structure: energy, forces, stress, moments, and how far to trust them."""

import shlex

import streamlit as st

from core.potential.released import MODELS
from pages.parts.predict.asked import Asked
from pages.parts.predict.equation_of_state import show_equation_of_state
from pages.parts.predict.properties import choose_structure, predictions_of, show_properties
from pages.parts.predict.relaxation import show_relaxation
from pages.parts.predict.structures import choose_structures
from pages.parts.shared.models import choose_models
from pages.parts.shared.page import command, errors_shown, head
from pages.parts.shared.views import choose_view

VIEWS = {
    "properties": ("Properties", show_properties, "predict"),
    "relaxation": ("Relaxation", show_relaxation, "relax"),
    "volume": ("Equation of state", show_equation_of_state, "eos"),
}


def main() -> None:
    head(
        "Predict",
        "What do models say of a structure: energy, forces, stress and magnetic moments, and how "
        "far can they be trusted?",
    )
    with errors_shown():
        models = choose_models(st.container(), default=list(MODELS))
        given = choose_structures()
        if given is None:
            return
        if not models:
            st.info("Choose at least one model: a released one, or a run that you have trained.")
            return
        name, structures = given
        found = predictions_of(models, name)
        if found:
            place = choose_structure(name, structures, found)
            view = choose_view({key: label for key, (label, _, _) in VIEWS.items()})
            asked = Asked(name=name, structures=structures, models=models, found=found, place=place)
            _, show, program = VIEWS[view]
            line = ["atomref", program, *structures.arguments]
            line += [word for model in models for word in ("--model", model)]
            command(shlex.join([*line, *show(asked)]))


main()
