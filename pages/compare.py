"""Models side by side on any labelled data set: where each of them errs."""

from pages.parts.compare.question import choose_question, command_of, compared
from pages.parts.compare.views import (
    choose_kind,
    show_groups,
    show_numbers,
    show_parity,
    show_worst,
)
from pages.parts.shared.datasets import show_provenance
from pages.parts.shared.page import command, errors_shown, head
from pages.parts.shared.views import choose_view

VIEWS = {
    "parity": ("Parity", show_parity),
    "groups": ("By group", show_groups),
    "worst": ("Worst frames", show_worst),
}


def main() -> None:
    head(
        "Compare models",
        "How far are models from the labels of a data set, and on which elements, materials and "
        "frames?",
    )
    with errors_shown():
        question = choose_question()
        if question is None:
            return
        words: list[str] = []
        found = compared(question)
        if found is not None:
            show_provenance(found.source)
            show_numbers(found)
            view = choose_view({key: label for key, (label, _) in VIEWS.items()})
            kind = choose_kind(found)
            words = [*VIEWS[view][1](found, kind), "--kind", kind]
        command(command_of(question, words))


main()
