"""The elemental references that bring two functionals together (Figure 2)."""

import streamlit as st

from pages.parts.atomref_form import choose_fit
from pages.parts.atomref_influence import single_materials
from pages.parts.atomref_intervals import how_sure
from pages.parts.atomref_library import library
from pages.parts.atomref_references import references
from pages.parts.atomref_strength import strength_and_prior
from pages.parts.page import errors_shown, head
from pages.parts.pairs import choose_pairs


def main() -> None:
    head(
        "AtomRef",
        "Which elemental reference energies bring two functionals to one scale, and how well are "
        "they known?",
    )
    with errors_shown():
        choice = choose_pairs()
        if choice is None:
            return
        how = choose_fit()
        view = st.segmented_control(
            "View",
            list(VIEWS),
            default="References",
            required=True,
            key="view",
            bind="query-params",
            label_visibility="collapsed",
        )
        VIEWS[view](choice, how)


VIEWS = {
    "References": references,
    "How sure": how_sure,
    "Single materials": single_materials,
    "Strength and prior": strength_and_prior,
    "Library": library,
}

main()
