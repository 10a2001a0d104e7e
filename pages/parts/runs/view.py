"""One run, live: its progress, its curves, its log, and its controls."""

import shlex
from collections.abc import Callable
from typing import Literal

import streamlit as st

from core.errors import LabError
from core.progress import duration_text
from core.runs.process import local
from core.runs.record.cluster import job_log, waiting_text
from core.runs.record.directory import Run
from core.runs.record.listing import list_runs, queue_ahead, status_if_any
from core.runs.record.status import State, Status
from core.runs.results.about import description, provenance_of
from core.runs.results.comparison import errors_table, label_of, no_gain
from core.training.settings.metrics import TEST_METRICS
from pages.parts.runs.curves import show_errors, show_gradients, show_speed
from pages.parts.runs.export import show_export
from pages.parts.runs.forgotten import show_forgotten
from pages.parts.runs.frame_errors import show_frame_errors
from pages.parts.shared.datasets import show_provenance
from pages.parts.shared.page import command, errors_shown, plain
from pages.parts.shared.share import reportable
from pages.parts.shared.views import choose_view

REFRESH = "2s"
LOG_LINES = 12
VIEWS = {
    "errors": "Errors",
    "gradients": "Gradients",
    "speed": "Speed",
    "parity": "Parity",
    "elements": "By element",
    "export": "Export",
}
COLORS: dict[State, Literal["gray", "blue", "green", "red", "orange"]] = {
    "queued": "gray",
    "running": "blue",
    "finished": "green",
    "failed": "red",
    "cancelled": "orange",
    "paused": "orange",
}
METRIC_COLUMNS = {
    key: st.column_config.NumberColumn(info.short, format="%.4g", help=info.label)
    for key, info in TEST_METRICS.items()
}
"""Columns of metrics, with their units."""


def find(run_id: str) -> Run | None:
    """Return the run with this id; None if there is none."""
    return next((run for run in list_runs() if run.id == run_id), None)


def show_run(run: Run) -> None:
    """Show one run; while it waits or trains, the view refreshes itself."""
    reportable(run.id)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(plain(label_of(run)), anchor=False, width="stretch")
        st.page_link("pages/transfer.py", label="New run", icon=":material/add:")
        st.page_link(
            "pages/runs.py",
            label="Compare on the Runs page",
            icon=":material/list:",
            query_params={"runs": run.id},
        )
    if text := no_gain(run):
        st.warning(plain(text), icon=":material/trending_flat:")
    st.markdown(plain(description(run)))
    show_provenance(provenance_of(run))
    live = run.status().is_active
    follow = live and st.session_state.get("follow", True)
    # The interval is fixed when the fragment is created: a run that ends reruns the page.
    st.fragment(_panel, run_every=REFRESH if follow else None)(run, live=live, follow=follow)


def actions(run: Run, status: Status, *, key: str) -> None:
    """Show the buttons that change a run."""
    if status.is_active:
        st.button(
            "Pause",
            key=f"pause-{key}",
            icon=":material/pause:",
            disabled=status.cancel_requested,
            on_click=act,
            args=(local.pause, run),
            help="Writes a checkpoint and frees the device for other runs until you resume it.",
        )
        st.button(
            "Stopping …" if status.cancel_requested else "Cancel",
            key=f"cancel-{key}",
            icon=":material/stop:",
            disabled=status.cancel_requested,
            on_click=act,
            args=(local.cancel, run),
            help="The run writes a checkpoint first, and can be resumed later.",
        )
    elif status.state != "finished":
        st.button(
            "Resume",
            key=f"resume-{key}",
            icon=":material/play_arrow:",
            on_click=act,
            args=(_resume, run),
            help="Continues from the last checkpoint.",
        )


def act(action: Callable[[Run], None], run: Run) -> None:
    """Apply an action to a run, and keep its error for `show_action_error`."""
    try:
        action(run)
    except LabError as error:
        st.session_state["run error"] = str(error)


def show_action_error() -> None:
    """Show once why the last action failed."""
    if text := st.session_state.pop("run error", None):
        st.error(plain(text), icon=":material/error:")


def _resume(run: Run) -> None:
    # The second click of a double click finds the run on its way already.
    if run.status().is_active:
        return
    if wanted := st.session_state.get(f"processes-{run.id}"):
        local.resume(run, processes=wanted)
    else:
        local.resume(run)


def _panel(run: Run, *, live: bool, follow: bool) -> None:
    status = status_if_any(run)
    if status is None or status.is_active != live:
        st.rerun()
    if live and st.session_state.get("follow", True) != follow:
        st.rerun()
    show_action_error()
    view = ""
    with errors_shown():
        _progress(run, status)
        _errors(run)
        view = _views(run, live=live)
        show_forgotten(run)
    expanded = status.state in {"running", "failed"}
    with st.expander("Log", icon=":material/notes:", expanded=expanded):
        text = "\n".join(run.log_tail(LOG_LINES))
        st.code(text or "Nothing yet.", language=None, wrap_lines=True)
        if said := job_log(status, LOG_LINES):
            st.caption(plain(f"Job {status.job} on {status.on}"))
            st.code("\n".join(said), language=None, wrap_lines=True)
    # The view of exports shows its own command.
    if view != "export":
        # The report on the run holds what they answer.
        command(_command(run, view), reported=False)


def _command(run: Run, view: str) -> str:
    """Return the command that shows what a view shows."""
    # The untrained and other models of the run have no command of their own.
    if view in {"parity", "elements"} and st.session_state.get("model_of", "best") == "best":
        split = st.session_state.get("part", "test")
        words = ["evaluate", run.id, "--dataset", run.config.dataset, "--split", split]
        return shlex.join(["atomref", *words])
    return f"atomref runs show {run.id}"


def _progress(run: Run, status: Status) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(status.state, color=COLORS[status.state])
        st.progress(status.done_share, _progress_text(status))
        if status.state in {"failed", "cancelled", "paused"}:
            st.number_input(
                "Processes",
                min_value=1,
                max_value=1024,
                value=None,
                key=f"processes-{run.id}",
                placeholder=f"processes: {status.processes or 'auto'}",
                label_visibility="collapsed",
                width=160,
                help="Processes to resume with; left empty, as many as before.",
            )
        actions(run, status, key=run.id)
    if status.state == "queued" and status.on is not None:
        st.info(plain(waiting_text(run, status)), icon=":material/hourglass_empty:")
    elif status.state == "queued":
        ahead = queue_ahead(run)
        place = f" Runs ahead in the queue: {len(ahead)}." if ahead else ""
        text = f"{status.message or 'Starting.'}{_where(run, status)}"
        st.info(
            f"{plain(text)} Each device trains one run at a time.{place}",
            icon=":material/hourglass_empty:",
        )
    elif status.state == "failed":
        st.error(plain(status.message), icon=":material/error:")
    elif status.state in {"cancelled", "paused"}:
        st.warning(plain(status.message), icon=":material/stop_circle:")
    elif status.state == "running":
        text = f"{status.message}{_where(run, status)} It continues if you close this page."
        st.caption(plain(text))


def _where(run: Run, status: Status) -> str:
    """Return where a run works, if not on this machine."""
    if status.on:
        return f" Job {status.job} on {status.on}."
    return f" On {status.host}." if run.is_elsewhere(status) else ""


def _progress_text(status: Status) -> str:
    text = f"Epoch {status.epoch:.1f} of {status.epochs}"
    if status.state == "finished" and status.duration:
        return f"{text}, trained in {duration_text(status.duration)} on {status.device}"
    if status.state != "running":
        return text
    if status.step == status.steps:
        return f"{text}, now validation and test"
    return f"{text}, {duration_text(status.eta_s)} left" if status.eta_s else text


def _views(run: Run, *, live: bool) -> str:
    with st.container(horizontal=True, vertical_alignment="center"):
        view = choose_view(VIEWS, key="shows")
        if live:
            st.toggle(
                "Follow the run",
                value=True,
                key="follow",
                bind="query-params",
                help="Turn it off to zoom in: new points redraw the figures.",
            )
    if view == "errors":
        show_errors(run)
    elif view == "gradients":
        show_gradients([run], name=f"{run.id}-gradients", first_epoch=False)
    elif view == "speed":
        show_speed(run)
    elif view == "export":
        show_export(run)
    else:
        show_frame_errors(run, by_element=view == "elements")
    return view


def _errors(run: Run) -> None:
    table = errors_table(run)
    if table.empty:
        return
    st.dataframe(
        table,
        key=f"errors-{run.id}",
        hide_index=True,
        placeholder="–",
        column_config={"model": "Mean absolute error", **METRIC_COLUMNS},
    )
