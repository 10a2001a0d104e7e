"""All runs: how they stand, how they learned, and how they compare with the paper's."""

import streamlit as st

from core.runs.directory import Run
from core.runs.listing import list_runs, status_if_any
from pages.parts.page import errors_shown, head
from pages.parts.run_compare import choose_runs, compare
from pages.parts.run_view import REFRESH

# How often runs that something else starts, such as a command, are looked for.
IDLE = "15s"


def main() -> None:
    head("Runs", "How did my runs end, and how do they compare with one another and the paper's?")
    active = any_active(list_runs())
    st.fragment(panel, run_every=REFRESH if active else IDLE)(active=active)


def panel(*, active: bool) -> None:
    with errors_shown():
        runs = list_runs()
        if any_active(runs) != active:
            st.rerun()
        if not runs:
            st.info(
                "No runs yet. The Transfer page starts one in a click; the first takes about two "
                "minutes.",
                icon=":material/model_training:",
            )
            st.page_link("pages/transfer.py", label="Start a run", icon=":material/model_training:")
            return
        chosen = choose_runs(runs)
        compare(chosen)


def any_active(runs: list[Run]) -> bool:
    return any((status := status_if_any(run)) and status.is_active for run in runs)


main()
