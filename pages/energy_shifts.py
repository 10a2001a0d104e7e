"""How far apart two functionals lie, by material and by element (Figure 1 of the paper)."""

import streamlit as st

from core.elements import SYMBOLS
from pages.parts.shared.page import command, errors_shown, head
from pages.parts.shared.pairs import choose_pairs, containing
from pages.parts.shared.views import choose_view
from pages.parts.shifts.columns import show_columns
from pages.parts.shifts.data_efficiency import show_data_efficiency
from pages.parts.shifts.elements import show_elements
from pages.parts.shifts.parity import show_parity

VIEWS = {
    "parity": ("Parity", show_parity),
    "column": ("By column", show_columns),
    "element": ("By element", show_elements),
    "few": ("Data efficiency", show_data_efficiency),
}


def main() -> None:
    head(
        "Energy shifts",
        "How far apart are the total energies of two functionals, and what does the shift depend "
        "on?",
    )
    with errors_shown():
        everything = choose_pairs()
        if everything is None:
            return
        elements = st.multiselect(
            "Only materials that contain",
            SYMBOLS,
            key="elements",
            bind="query-params",
            placeholder="any element: select here, or click elements of a periodic table below",
        )
        view = choose_view({name: label for name, (label, _) in VIEWS.items()})
        choice = containing(everything, tuple(elements))
        if choice is None:
            st.info("No material contains all of these elements; remove one of them.")
            return
        options = VIEWS[view][1](choice)
        command(" ".join(filter(None, ["atomref shift", choice.arguments, options])))


main()
