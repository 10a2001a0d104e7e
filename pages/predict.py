"""What models say of a structure: energy, forces, stress, moments, and how far to trust them."""

import shlex

import streamlit as st

from core.potential.released import MODELS
from core.studies.models.given import GivenStructures
from pages.parts.predict.properties import predictions_of, show_properties
from pages.parts.predict.structures import choose_structures
from pages.parts.shared.models import choose_models
from pages.parts.shared.page import command, errors_shown, head


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
            show_properties(name, structures, found)
        command(*(_command(structures, model) for model in models))


def _command(structures: GivenStructures, model: str) -> str:
    return shlex.join(["atomref", "predict", *structures.arguments, "--model", model])


main()
