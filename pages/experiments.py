"""Matched experiments: several methods and seeds on the same data, compared as in a paper."""

from core.runs.groups.experiment import Experiment
from pages.parts.experiments.form import show_form
from pages.parts.experiments.view import show_experiment
from pages.parts.shared.page import errors_shown, head
from pages.parts.shared.selection import linked


def main() -> None:
    head(
        "Experiments",
        "Which method is best on your data, and is the difference larger than chance?",
    )
    with errors_shown():
        experiments = Experiment.load_all()
        chosen = next((group for group in experiments if group.id == linked("experiment")), None)
        if chosen is not None:
            show_experiment(chosen)
            return
        show_form(experiments)


main()
