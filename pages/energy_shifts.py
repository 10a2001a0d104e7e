"""How far apart two functionals lie, by material and by element (Figure 1 of the paper)."""

import streamlit as st

from pages.parts.shared.page import command, errors_shown, head
from pages.parts.shared.pairs import choose_elements, choose_pairs, containing
from pages.parts.shared.views import choose_view, one_of
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


FITTED_TO = {"all": "all pairs", "selected": "pairs with these elements"}


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
        elements, any_of = choose_elements()
        refit = bool(elements) and choose_refit()
        view = choose_view({name: label for name, (label, _) in VIEWS.items()})
        choice = containing(everything, elements, any_of=any_of, refit=refit)
        if choice is None:
            which = "any" if any_of else "all"
            st.info(f"No material contains {which} of these elements; remove one of them.")
            return
        for warning in choice.warnings:
            st.warning(warning, icon=":material/warning:")
        options = VIEWS[view][1](choice)
        command(" ".join(filter(None, ["atomref shift", choice.arguments, options])))


def choose_refit() -> bool:
    """Let the reader choose which pairs AtomRef is fitted to, where elements are selected."""
    fitted_to = one_of(
        st,
        "AtomRef fitted to",
        list(FITTED_TO),
        format_func=FITTED_TO.__getitem__,
        default="all",
        key="fitted",
        wrap=True,
        help="Scaled energies and residuals are what AtomRef leaves. Fitted to the selected "
        "materials alone, it follows them the more closely, the fewer they are.",
    )
    return bool(fitted_to == "selected")


main()
