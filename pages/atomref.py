"""The elemental references that bring two functionals together (Figure 2)."""

import streamlit as st

from core.frames.pairs import PairSet
from core.studies.atomref_fit import AtomRefStudy
from core.studies.interaction import InteractionStudy
from core.studies.pair_choice import PairChoice
from pages.parts.atomref.energies import EnergyChoice, choose_energies
from pages.parts.atomref.form import choose_fit, show_fitted
from pages.parts.atomref.influence import show_influence
from pages.parts.atomref.intervals import show_uncertainty
from pages.parts.atomref.library import show_library
from pages.parts.atomref.references import show_references
from pages.parts.atomref.single import show_one_functional
from pages.parts.atomref.strength import show_strength_and_prior
from pages.parts.shared.job import computed
from pages.parts.shared.page import command, errors_shown, head
from pages.parts.shared.pairs import choose_pairs
from pages.parts.shared.views import choose_view, one_of

VIEWS = {
    "References": show_references,
    "Uncertainty": show_uncertainty,
    "Influence": show_influence,
    "Strength and prior": show_strength_and_prior,
    "Library": show_library,
}


FUNCTIONALS = ("Two functionals", "One functional")


def main() -> None:
    head(
        "AtomRef",
        "Which elemental reference energies bring two functionals to one scale, and how well are "
        "they determined?",
    )
    with errors_shown():
        functionals = one_of(
            st,
            "Energies in",
            FUNCTIONALS,
            default=FUNCTIONALS[0],
            key="functionals",
            help="One functional needs formulas and one energy only.",
        )
        if functionals == FUNCTIONALS[1]:
            show_single()
            return
        choice = choose_pairs()
        if choice is None:
            return
        study = choose_fit(choice)
        view = choose_view({label: label for label in VIEWS})
        if study.method == "residual" and not has_interaction_energies(choice, study):
            command(study.command)
            return
        if VIEWS[view] is not show_library:
            show_fitted(choice, study)
        VIEWS[view](choice, study)


def show_single() -> None:
    """Show the references of the energies of one functional."""
    choice = choose_energies()
    if choice is None:
        return
    study = choose_fit(choice)
    if study.method == "residual" and not has_interaction_energies(choice, study):
        command(study.command)
        return
    show_one_functional(choice, study)


def has_interaction_energies(choice: PairChoice | EnergyChoice, study: AtomRefStudy) -> bool:
    """Return whether the network's interaction energies are computed; offer to, if not."""
    data = choice.data
    if isinstance(data, PairSet) and not data.has_structures:
        return True  # There is nothing to compute; the fit reports it.
    interaction = InteractionStudy(dataset=choice.selection.dataset, model=study.model)
    return computed(interaction) is not None


main()
