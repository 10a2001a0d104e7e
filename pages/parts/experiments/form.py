"""The settings of a new matched experiment, and the list of those there are."""

from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from core.errors import LabError
from core.runs.groups import experiment as matched
from core.runs.record.listing import status_if_any
from core.runs.results.comparison import method_label
from core.training.settings.config import RunConfig
from core.training.settings.methods import METHODS
from pages.parts.shared.launch_all import launch_all
from pages.parts.shared.page import command, errors_shown
from pages.parts.training.form import choose_dataset, choose_source
from pages.parts.training.settings import choose_amount, more_settings

FIRST_SEEDS = 3


def show_form(experiments: list[matched.Experiment]) -> None:
    """Show the experiments there are, and the form of a new one."""
    _known(experiments)
    st.subheader("New experiment", anchor=False)
    left, middle, right = st.columns([4, 5, 4], gap="large")
    with left:
        info = choose_dataset()
    if info is None:
        return
    wanted: tuple[RunConfig, list[str], list[int]] | None = None
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
            wanted = _checked(settings, methods, seeds)
    with right:
        launch_all("experiment", wanted, _start, linked="experiment")
    if wanted is not None:
        command(_command(*wanted))


def _known(experiments: list[matched.Experiment]) -> None:
    if not experiments:
        st.info(
            "No experiment yet. One form starts all its runs; they train one after another on a "
            "device, and the table fills in as they end.",
            icon=":material/science:",
        )
        return
    table = pd.DataFrame([_row(one) for one in experiments])
    event = st.dataframe(
        table,
        key=f"experiments-{len(experiments)}",
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "id": "Experiment",
            "name": "Name",
            "made": "Made",
            "data": "Data set",
            "methods": "Methods",
            "seeds": st.column_config.NumberColumn("Seeds"),
            "done": st.column_config.ProgressColumn(
                "Runs finished", format="percent", min_value=0, max_value=1
            ),
        },
    )
    st.caption("Select a row to open an experiment.")
    if event.selection.rows and event.selection.rows[0] < len(experiments):
        st.query_params["experiment"] = experiments[event.selection.rows[0]].id
        st.rerun()


def _row(one: matched.Experiment) -> dict[str, Any]:
    states = [status.state for run in matched.runs_of(one) if (status := status_if_any(run))]
    return {
        "id": one.id,
        "name": one.name,
        "made": datetime.fromtimestamp(one.created).strftime("%Y-%m-%d %H:%M"),
        "data": one.base.dataset,
        "methods": ", ".join(one.methods),
        "seeds": len(one.seeds),
        "done": states.count("finished") / max(1, len(one.runs)),
    }


def _methods_and_seeds() -> tuple[list[str], list[int]]:
    methods = st.pills(
        "Methods",
        list(METHODS),
        selection_mode="multi",
        default=list(METHODS),
        format_func=method_label,
        key="methods",
        bind="query-params",
        help="All of them see the same frames in the same order.",
    )
    count = st.number_input(
        "Seeds",
        min_value=1,
        max_value=20,
        value=FIRST_SEEDS,
        key="seeds",
        bind="query-params",
        help="Each method is trained once a seed; the spread over seeds tells what is chance. "
        "Seeds change which frames are taken, their order, and random weights; validation and "
        "test frames stay.",
    )
    st.caption(f"{len(methods) * count} runs, one after another on a device.")
    return methods, list(range(count))


def _checked(
    settings: dict[str, Any], methods: list[str], seeds: list[int]
) -> tuple[RunConfig, list[str], list[int]]:
    """Return what is to be launched, refusing what one of the methods would refuse."""
    if not methods:
        raise LabError("No method is chosen; choose at least one.")
    for method in methods:
        RunConfig.from_options({**settings, "method": method}, where=method_label(method))
    first = next(method for method in METHODS if method in methods)
    return RunConfig.from_options({**settings, "method": first}), methods, seeds


def _command(base: RunConfig, methods: list[str], seeds: list[int]) -> str:
    return matched.Experiment(
        id="",
        name="",
        created=0,
        base=base,
        methods=[method for method in METHODS if method in methods],
        seeds=seeds,
        runs=[],
    ).command


def _start(wanted: tuple[RunConfig, list[str], list[int]]) -> str:
    base, methods, seeds = wanted
    made = matched.make_experiment(base, methods=methods, seeds=seeds)
    matched.launch(made)
    return made.id
