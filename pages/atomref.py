"""The elemental references that bring two functionals together (Figure 2)."""

from core.frames.pairs import PairSet
from core.studies.interaction import InteractionStudy
from pages.parts.atomref.form import FitChoice, choose_fit
from pages.parts.atomref.influence import single_materials
from pages.parts.atomref.intervals import how_sure
from pages.parts.atomref.library import library
from pages.parts.atomref.references import references
from pages.parts.atomref.strength import strength_and_prior
from pages.parts.shared.job import computed
from pages.parts.shared.page import command, errors_shown, head
from pages.parts.shared.pairs import PairChoice, choose_pairs
from pages.parts.shared.views import choose_view


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
        view = choose_view({label: label for label in VIEWS})
        if how.method == "residual" and not knows_interaction(choice, how):
            command(how.command(choice))
            return
        VIEWS[view](choice, how)


def knows_interaction(choice: PairChoice, how: FitChoice) -> bool:
    """Tell whether the network's part of all energies is known; a job can find it out."""
    data = choice.data
    if isinstance(data, PairSet) and not data.has_structures:
        return True  # Nothing can be computed, and the fit says so.
    study = InteractionStudy(dataset=choice.selection.dataset, model=how.model)
    return computed(study) is not None


VIEWS = {
    "References": references,
    "How sure": how_sure,
    "Single materials": single_materials,
    "Strength and prior": strength_and_prior,
    "Library": library,
}

main()
