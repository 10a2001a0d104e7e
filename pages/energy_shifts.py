"""How far apart two functionals lie, material by material and element by element (Figure 1)."""

import streamlit as st

from core.elements import SYMBOLS
from pages.parts.shared.page import command, errors_shown, head
from pages.parts.shared.pairs import choose_pairs
from pages.parts.shared.views import choose_view
from pages.parts.shifts.columns import show_columns
from pages.parts.shifts.data_efficiency import show_few
from pages.parts.shifts.elements import show_elements
from pages.parts.shifts.parity import show_parity
from pages.parts.shifts.selection import filtered

VIEWS = {
    "parity": ("Parity", show_parity),
    "column": ("By column", show_columns),
    "element": ("By element", show_elements),
    "few": ("Data efficiency", show_few),
}


def main() -> None:
    head(
        "Energy shifts",
        "How far apart are two functionals' total energies, and what carries the shift?",
    )
    with errors_shown():
        choice = choose_pairs()
        if choice is None:
            return
        elements = st.multiselect(
            "Only materials that contain",
            SYMBOLS,
            key="elements",
            bind="query-params",
            placeholder="any element: choose here, or click squares of a periodic table below",
        )
        view = choose_view({name: label for name, (label, _) in VIEWS.items()})
        shown = filtered(choice.key, tuple(elements), choice)
        if shown is None:
            st.info("No material contains all of these elements; remove one of them.")
            return
        options = VIEWS[view][1](shown)
        command(" ".join(filter(None, ["atomref shift", shown.arguments, options])))


main()
