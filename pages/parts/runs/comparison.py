"""Several runs: all in one table, some of them overlaid, and beside the paper's."""

from functools import partial

import streamlit as st

from core.frames.provenance import MODEL_LABELLED, origin
from core.runs.process import local
from core.runs.record.directory import Run
from core.runs.record.listing import status_if_any
from core.runs.record.status import Status
from core.runs.results.about import notes
from core.runs.results.comparison import beside_paper, label_of, method_label, overview
from core.runs.results.configurations import choices, difference, matching
from core.runs.results.paper import CITATION, DOI
from core.runs.results.unseen import unseen_note
from core.training.settings.metrics import METRICS, TEST_METRICS
from pages.parts.runs.overlay import show_overlay
from pages.parts.runs.view import COLORS, act, actions, show_action_error
from pages.parts.shared.page import plain, show_command

FIRST_CHOSEN = 5
SHORT_ERRORS = {
    key: st.column_config.NumberColumn(
        info.short,
        format="%.4g",
        help=f"{info.label} on the test frames.",
    )
    for key, info in TEST_METRICS.items()
}
SPLITS = {"test": "Test", "validation": "Validation"}
TABLE = {
    "label": st.column_config.TextColumn("Run", width=200),
    "progress": st.column_config.TextColumn("State", width=110),
    "method": st.column_config.TextColumn("Method", width=80),
    "frames": st.column_config.NumberColumn("Frames", format="localized", width=65),
    "epochs": st.column_config.NumberColumn("Epochs", format="localized", width=60),
    **{
        f"{split}_{key}": st.column_config.NumberColumn(
            f"{word} {info.label.removesuffix(' MAE').lower()}, {info.unit}",
            format="%.4g",
            help=f"{info.label} on the {split} frames, in {info.unit}.",
        )
        for split, word in SPLITS.items()
        for key, info in (TEST_METRICS if split == "test" else METRICS).items()
    },
    "dataset": st.column_config.TextColumn("Data set"),
    "labels": st.column_config.TextColumn("Labels by"),
    "seconds": st.column_config.NumberColumn("Training, s", format="%.0f"),
}


def filtered(runs: list[Run]) -> list[Run]:
    """Let the reader filter the runs by name and by settings."""
    if len(runs) < 2:
        return runs
    left, right = st.columns(2)
    words = left.text_input(
        "Filter by name",
        key="find",
        bind="query-params",
        placeholder="words of the name or the id",
        help="Runs whose name, method or data set contains this.",
    )
    conditions = right.multiselect(
        "Filter by setting",
        choices(runs),
        key="where",
        bind="query-params",
        placeholder="settings in which the runs differ",
        help="Of several values of one setting, a run has to have one.",
    )
    return matching(runs, words=words or "", conditions=conditions)


def choose_runs(runs: list[Run]) -> list[Run]:
    """Show runs and let the reader tick those to compare; the choice is in the page's address.

    Ticked runs that the filter hides are ticked again once it shows them.
    """
    ids = [run.id for run in runs]
    ticked = _ticked(ids)
    chosen = [run_id for run_id in ticked if run_id in ids]
    rows = [ids.index(run_id) for run_id in chosen]
    table = overview(runs)
    # Rows are ticked by their position, so another list of runs is another widget.
    key = f"runs-table-{hash(tuple(ids))}"
    st.dataframe(
        table.assign(labels=table["labels"].map(origin, na_action="ignore").fillna("")),
        key=key,
        hide_index=True,
        placeholder="–",
        column_order=list(TABLE),
        column_config=TABLE,
        selection_mode="multi-row",
        selection_default={"selection": {"rows": rows, "columns": [], "cells": []}},
        on_select=partial(_choose, key, ids),
    )
    st.caption(
        "Tick runs to compare them below. Errors are mean absolute errors. Runs with labels made "
        f"by a model are {MODEL_LABELLED}."
    )
    return [run for run in runs if run.id in chosen]


def _ticked(ids: list[str]) -> list[str]:
    if linked := st.query_params.get_all("runs"):
        return linked
    ticked: list[str] = st.session_state.get("chosen runs", ids[:FIRST_CHOSEN])
    return ticked


def _choose(key: str, ids: list[str]) -> None:
    hidden = [run_id for run_id in _ticked(ids) if run_id not in ids]
    chosen = hidden + [ids[row] for row in st.session_state[key]["selection"]["rows"]]
    st.session_state["chosen runs"] = chosen
    st.query_params["runs"] = chosen


def compare(chosen: list[Run]) -> None:
    """Show the chosen runs' curves, their errors beside the paper's, and their controls."""
    if not chosen:
        st.info("Tick one or more runs in the table.", icon=":material/check_box:")
        return
    show_overlay(chosen)
    for run in chosen:
        if sentences := notes(run):
            st.caption(plain(f"{label_of(run)}: {' '.join(sentences)}"))
    _configurations(chosen)
    _paper(chosen)
    _actions(chosen)


def _configurations(chosen: list[Run]) -> None:
    """Show the settings in which two of the runs differ."""
    if len(chosen) < 2:
        return
    st.subheader("Differences between two configurations", anchor=False)
    by_label = {label_of(run): run for run in chosen}
    left, right = st.columns(2)
    first = left.selectbox(
        "Run",
        list(by_label),
        key="one",
        bind="query-params",
        help="One of the two runs whose settings are compared.",
    )
    others = [label for label in by_label if label != first]
    second = right.selectbox(
        "Compared with",
        others,
        key="other",
        bind="query-params",
        help="The other one.",
    )
    table = difference(by_label[first], by_label[second])
    if table.empty:
        st.caption("They have the same settings.")
        return
    st.dataframe(
        table,
        key="difference",
        hide_index=True,
        column_config={"setting": st.column_config.TextColumn("Setting", width=160)},
    )


def _paper(chosen: list[Run]) -> None:
    st.subheader("Test errors beside the paper's", anchor=False)
    table = beside_paper(chosen)
    if not table["unseen"].any():
        table = table.drop(columns=["energy_seen", "unseen"])
    st.dataframe(
        table.assign(labels=[origin(name) for name in table["labels"]]),
        key="beside-paper",
        hide_index=True,
        placeholder="–",
        column_config={
            "whose": st.column_config.TextColumn("Run", width=200),
            "method": st.column_config.TextColumn("Method", width=145),
            "start": st.column_config.TextColumn("Starts from", width=270),
            **SHORT_ERRORS,
            "energy_seen": st.column_config.NumberColumn(
                "Energy, elements seen, meV/atom",
                format="%.4g",
                help="Energy MAE without the test frames that hold an element that training never "
                "saw; empty where there are none, or the errors per frame are missing.",
            ),
            "unseen": st.column_config.TextColumn("With an unseen element", width=170),
            "data": st.column_config.TextColumn("Measured on", width=280),
            "labels": st.column_config.TextColumn("Labels by", width=290),
        },
    )
    st.caption(
        "The paper's rows are Table 1 of "
        f"[{plain(CITATION)}](https://doi.org/{DOI}), on the MP-r2SCAN test set after 50 epochs on "
        "about 190,000 DFT frames. Compare the order of the methods, not the size of the errors."
    )
    if note := unseen_note(chosen, "test"):
        st.info(plain(note), icon=":material/visibility_off:")


def _actions(chosen: list[Run]) -> None:
    st.subheader("Ticked runs", anchor=False)
    show_action_error()
    for run in chosen:
        status = status_if_any(run)
        if status is None:
            continue
        with st.container(horizontal=True, vertical_alignment="center", border=True):
            st.badge(status.state, color=COLORS[status.state])
            st.markdown(f"**{plain(label_of(run))}**  \n{method_label(run.config.method)}")
            st.space("stretch")
            st.page_link(
                "pages/transfer.py",
                label="Open",
                icon=":material/open_in_new:",
                query_params={"run": run.id},
            )
            actions(run, status, key=run.id)
            with st.popover(
                "Command",
                icon=":material/terminal:",
                key=f"command-{run.id}",
                help="The commands that show this run and act on it.",
            ):
                for line in _commands(run, status):
                    show_command(line)
            if not status.is_active:
                with st.popover(
                    "Delete",
                    icon=":material/delete:",
                    key=f"delete-popover-{run.id}",
                    help="Asks before it deletes.",
                ):
                    st.markdown(f"Delete **{plain(label_of(run))}** and its checkpoints?")
                    st.button(
                        "Delete",
                        key=f"delete-{run.id}",
                        type="primary",
                        on_click=act,
                        args=(local.delete, run),
                        help="Removes this run with its checkpoints.",
                    )


def _commands(run: Run, status: Status) -> list[str]:
    """Return the commands that show a run and act on it in its state, without deleting it."""
    actions = ["show"]
    if status.is_active:
        actions += ["pause", "cancel"]
    elif status.state != "finished":
        actions.append("resume")
    return [f"atomref runs {action} {run.id}" for action in actions]
