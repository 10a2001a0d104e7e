"""The form of a new matched experiment, and the list of existing ones."""

from typing import Any

import streamlit as st

from core.frames.registry import DatasetInfo
from core.frames.schema import Card
from core.runs.groups.experiment import Experiment
from core.runs.results.comparison import method_label
from core.training.settings.config import RunConfig
from core.training.settings.methods import ALONE
from pages.parts.shared.group import list_groups
from pages.parts.shared.launch import LaunchForm, choose_methods, choose_seeds
from pages.parts.training.estimate import show_group_estimate


class ExperimentForm(LaunchForm[Experiment]):
    """Launches every method with every seed."""

    kind = linked = "experiment"

    def choose_methods(self, info: DatasetInfo) -> tuple[list[str], list[int]]:  # noqa: ARG002
        """Let the reader choose methods and seeds."""
        methods = choose_methods(
            ALONE,
            format_func=method_label,
            help_text="All methods see the same frames in the same order.",
        )
        seeds = choose_seeds(
            "Each method is trained once per seed; the spread over seeds shows what is chance. "
            "Seeds change which frames are taken, their order, and random weights; validation and "
            "test frames stay the same."
        )
        st.caption(f"{len(methods) * len(seeds)} runs, one after another on each device.")
        return methods, seeds

    def draft(self, settings: dict[str, Any], choices: tuple[list[str], list[int]]) -> Experiment:
        """Return the experiment without its runs."""
        methods, seeds = choices
        base = RunConfig.from_options(settings, where="These settings")
        return Experiment.draft(base, methods=methods, seeds=seeds)

    def estimate(self, draft: Experiment, card: Card) -> None:
        """Show how long the experiment will take."""
        show_group_estimate(draft, card)

    def start(self, draft: Experiment, on: str | None) -> str:
        """Start the runs."""
        experiment = draft.model_copy(update={"on": on}).create()
        experiment.launch()
        return experiment.id


def show_form(experiments: list[Experiment]) -> None:
    """Show the existing experiments, and the form of a new one."""
    if experiments:
        list_groups(experiments, param="experiment")
    else:
        st.info(
            "No experiment yet. One form starts all its runs; they train one after another on a "
            "device, and the table fills in as they end.",
            icon=":material/science:",
        )
    st.subheader("New experiment", anchor=False)
    ExperimentForm().show()
