"""All runs: their states, their curves, and their errors beside the paper's."""

import streamlit as st

from core.runs.record.directory import Run
from core.runs.record.listing import list_runs, status_if_any
from pages.parts.runs.comparison import choose_runs, compare, filtered
from pages.parts.runs.view import REFRESH
from pages.parts.shared.page import command, errors_shown, head
from pages.parts.shared.share import report_buttons

# Time between two searches for runs that something else starts, such as a command.
IDLE_REFRESH = "15s"


def main() -> None:
    head("Runs", "How did my runs end, and how do they compare with one another and the paper's?")
    active = any_active(list_runs())
    follow = st.session_state.get("follow", True)
    # The interval is fixed when the fragment is created: a change of it reruns the page.
    every = (REFRESH if active else IDLE_REFRESH) if follow else None
    st.fragment(panel, run_every=every)(active=active, follow=follow)


def panel(*, active: bool, follow: bool) -> None:
    if st.session_state.get("follow", True) != follow:
        st.rerun()
    with errors_shown():
        runs = list_runs()
        if any_active(runs) != active:
            st.rerun()
        if not runs:
            st.info(
                "No runs yet. The Transfer page starts one with a click; the first takes about two "
                "minutes.",
                icon=":material/model_training:",
            )
            st.page_link("pages/transfer.py", label="Start a run", icon=":material/model_training:")
            return
        if active:
            st.toggle(
                "Follow the runs",
                value=True,
                key="follow",
                bind="query-params",
                help="Turn it off to zoom in: new points redraw the figures.",
            )
        matches = filtered(runs)
        if matches:
            compare(choose_runs(matches))
        else:
            st.info("No run matches the filter.", icon=":material/filter_alt_off:")
        with st.container(horizontal=True):
            report_buttons(key="runs")
        command("atomref runs list", "atomref report --out runs.html")


def any_active(runs: list[Run]) -> bool:
    return any((status := status_if_any(run)) and status.is_active for run in runs)


main()
