"""Whether a model tells which phases are stable: hulls, decomposition energies, classification."""

from pages.parts.shared.datasets import show_provenance
from pages.parts.shared.page import command, errors_shown, head
from pages.parts.shared.views import choose_view
from pages.parts.stability.errors import show_parity, show_systems
from pages.parts.stability.form import choose_question, show_own_labels
from pages.parts.stability.hull import show_hulls
from pages.parts.stability.judged import choose_model, judged_models
from pages.parts.stability.numbers import choose_threshold, show_left_out, show_numbers
from pages.parts.stability.scores import show_scores
from pages.parts.stability.teach import show_lesson

LESSON = "lesson"
VIEWS = {
    "errors": ("Errors", show_parity),
    "scores": ("Stable or not", show_scores),
    "systems": ("Chemical systems", show_systems),
    "hull": ("Hulls", show_hulls),
}


def main() -> None:
    head(
        "Stability",
        "Does a model tell which phases are stable, and how large are its errors of formation and "
        "decomposition energies?",
    )
    with errors_shown():
        labels = {name: label for name, (label, _) in VIEWS.items()}
        view = choose_view({**labels, LESSON: "What a hull is"}, default="errors")
        if view == LESSON:
            show_lesson()
            return
        question = choose_question()
        if question is None:
            return
        models, threshold = judged_models(question), 0.0
        words: list[str] = []
        if models:
            show_provenance(models[0].source)
            show_own_labels(question)
            judged = choose_model(models)
            threshold = choose_threshold()
            show_numbers(models, threshold)
            show_left_out(judged)
            words = VIEWS[view][1](models, judged, threshold)
        command(*question.commands(threshold, words))


main()
