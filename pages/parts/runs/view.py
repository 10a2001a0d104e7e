"""One run, live: where it stands, its curves, its log, and what can be done with it."""

from collections.abc import Callable
from typing import Literal

import streamlit as st

from core.errors import LabError
from core.runs.process import local
from core.runs.record.directory import Run
from core.runs.record.listing import list_runs, queue_ahead, status_if_any
from core.runs.record.progress import duration_text
from core.runs.record.status import State, Status
from core.runs.results.comparison import done_share, errors_table, label_of
from core.training.settings.metrics import METRICS
from pages.parts.runs.about import about, commands, source_line
from pages.parts.runs.curves import show_errors, show_gradients, show_speed
from pages.parts.runs.export import take_home
from pages.parts.runs.frame_errors import show_frame_errors
from pages.parts.shared.page import command, errors_shown, plain

REFRESH = "2s"
LOG_LINES = 12
SHOWS = {
    "errors": "Errors",
    "gradients": "Gradients",
    "speed": "Speed",
    "parity": "Parity",
    "elements": "By element",
    "take": "Take it home",
}
COLORS: dict[State, Literal["gray", "blue", "green", "red", "orange"]] = {
    "queued": "gray",
    "running": "blue",
    "finished": "green",
    "failed": "red",
    "cancelled": "orange",
    "paused": "orange",
}
ERRORS = {
    key: st.column_config.NumberColumn(f"{info.label}, {info.unit}", format="%.4g")
    for key, info in METRICS.items()
}
"""Columns of metrics, with their units."""


def find(run_id: str) -> Run | None:
    """Return the lab's run of this id; None if there is none (any more)."""
    return next((run for run in list_runs() if run.id == run_id), None)


def show_run(run: Run) -> None:
    """Show one run; while it waits or trains, the view refreshes itself."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(plain(label_of(run)), anchor=False, width="stretch")
        st.page_link("pages/transfer.py", label="New run", icon=":material/add:")
        st.page_link(
            "pages/runs.py",
            label="Compare on the Runs page",
            icon=":material/list:",
            query_params={"runs": run.id},
        )
    st.markdown(about(run))
    live = run.status().is_active
    follow = live and st.session_state.get("follow", True)
    # The interval is fixed when the fragment is made: a run that ends makes the page anew.
    st.fragment(_panel, run_every=REFRESH if follow else None)(run, live=live, follow=follow)
    command(commands(run, run.status()))


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
            help="Writes a checkpoint and lets others have the device, until you resume it.",
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
            help="Goes on from the last checkpoint.",
        )


def act(action: Callable[[Run], None], run: Run) -> None:
    """Do something to a run, and keep what went wrong for `trouble` to show."""
    try:
        action(run)
    except LabError as error:
        st.session_state["run trouble"] = str(error)


def trouble() -> None:
    """Show once what the last action could not do."""
    if text := st.session_state.pop("run trouble", None):
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
    trouble()
    with errors_shown():
        _standing(run, status)
        _numbers(run)
        _shown(run, live=live)
    shown = status.state in {"running", "failed"}
    with st.expander("Log", icon=":material/notes:", expanded=shown):
        text = "\n".join(run.log_tail(LOG_LINES))
        st.code(text or "Nothing yet.", language=None, wrap_lines=True)


def _standing(run: Run, status: Status) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(status.state, color=COLORS[status.state])
        st.progress(done_share(status), _progress_text(status))
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
                help="Processes to go on with; left empty, as many as before.",
            )
        actions(run, status, key=run.id)
    if status.state == "queued":
        ahead = queue_ahead(run)
        place = f" {len(ahead)} more wait before it." if ahead else ""
        st.info(
            f"{plain(status.message or 'Starting.')} One run trains on a device at a time.{place}",
            icon=":material/hourglass_empty:",
        )
    elif status.state == "failed":
        st.error(plain(status.message), icon=":material/error:")
    elif status.state in {"cancelled", "paused"}:
        st.warning(plain(status.message), icon=":material/stop_circle:")
    elif status.state == "running":
        st.caption(plain(f"{status.message} It goes on if you close this page."))


def _progress_text(status: Status) -> str:
    text = f"Epoch {status.epoch:.1f} of {status.epochs}"
    if status.state == "finished" and status.duration:
        return f"{text}, trained in {duration_text(status.duration)} on {status.device}"
    if status.state != "running":
        return text
    if status.step == status.steps:
        return f"{text}, now validation and test"
    return f"{text}, {duration_text(status.eta_s)} left" if status.eta_s else text


def _shown(run: Run, *, live: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        shows = st.segmented_control(
            "Show",
            list(SHOWS),
            format_func=SHOWS.__getitem__,
            default="errors",
            required=True,
            key="shows",
            bind="query-params",
            label_visibility="collapsed",
        )
        if live:
            st.toggle(
                "Follow the run",
                value=True,
                key="follow",
                bind="query-params",
                help="Turn it off to zoom in: new points draw the figures anew.",
            )
    if shows == "errors":
        show_errors(run)
    elif shows == "gradients":
        show_gradients(run)
    elif shows == "speed":
        show_speed(run)
    elif shows == "take":
        take_home(run)
    else:
        show_frame_errors(run, by_element=shows == "elements")


def _numbers(run: Run) -> None:
    table = errors_table(run)
    if table.empty:
        return
    st.dataframe(
        table,
        key=f"errors-{run.id}",
        hide_index=True,
        placeholder="–",
        column_config={"what": "Mean absolute error", **ERRORS},
    )
    st.caption(plain(source_line(run)))
