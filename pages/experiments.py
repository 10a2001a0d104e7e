"""Matched experiments: several methods and seeds on the same data, compared as in a paper."""

import streamlit as st

from core.runs.groups.experiment import list_experiments
from pages.parts.shared.page import errors_shown, head


def main() -> None:
    head(
        "Experiments",
        "Which method is best on your data, and is the difference larger than chance?",
    )
    with errors_shown():
        experiments = list_experiments()
        chosen = st.query_params.get("experiment")
        if any(one.id == chosen for one in experiments):
            from pages.parts.experiments.view import show_experiment  # noqa: PLC0415

            show_experiment(next(one for one in experiments if one.id == chosen))
            return
        # It waits for torch; a look at an experiment does not.
        from pages.parts.experiments.form import show_form  # noqa: PLC0415

        show_form(experiments)


main()
