"""The settings of a new matched experiment, and the list of existing ones."""

import streamlit as st

from core.runs.groups.experiment import Experiment
from core.runs.results.comparison import method_label
from core.training.settings.config import RunConfig
from core.training.settings.methods import METHODS
from pages.parts.shared.group import list_groups
from pages.parts.shared.launch_all import launch_all
from pages.parts.shared.page import command, errors_shown
from pages.parts.training.form import choose_dataset, choose_source
from pages.parts.training.settings import choose_amount, more_settings

FIRST_SEEDS = 3


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
    left, middle, right = st.columns([4, 5, 4], gap="large")
    with left:
        info = choose_dataset()
    if info is None:
        return
    draft: Experiment | None = None
    with errors_shown():
        with left:
            source = choose_source()
        with middle:
            methods, seeds = _methods_and_seeds()
        with right:
            amount = choose_amount(info)
        with st.expander("More settings", icon=":material/tune:"):
            more = more_settings(info, amount, seed=False)
        if source is not None:
            settings = {"dataset": info.card.name, "source_model": source, **amount, **more}
            base = RunConfig.from_options(settings, where="These settings")
            draft = Experiment.draft(base, methods=methods, seeds=seeds)
    with right:
        launch_all("experiment", draft, _start, linked="experiment")
    if draft is not None:
        command(draft.command)


def _start(draft: Experiment) -> str:
    experiment = draft.create()
    experiment.launch()
    return experiment.id


def _methods_and_seeds() -> tuple[list[str], list[int]]:
    methods = st.pills(
        "Methods",
        list(METHODS),
        selection_mode="multi",
        default=list(METHODS),
        format_func=method_label,
        key="methods",
        bind="query-params",
        help="All methods see the same frames in the same order.",
    )
    count = st.number_input(
        "Seeds",
        min_value=1,
        max_value=20,
        value=FIRST_SEEDS,
        key="seeds",
        bind="query-params",
        help="Each method is trained once per seed; the spread over seeds shows what is chance. "
        "Seeds change which frames are taken, their order, and random weights; validation and "
        "test frames stay the same.",
    )
    st.caption(f"{len(methods) * count} runs, one after another on each device.")
    return methods, list(range(count))
