"""What a run's model has forgotten of the source functional."""

import streamlit as st

from core.runs.record.directory import Run
from core.training.settings.report import forgotten_rows

COLUMNS = {
    "measure": "Measure",
    "before": "Before training",
    "after": "After training",
    "on": "Measured on",
}


def show_forgotten(run: Run) -> None:
    """Show it once the run has ended."""
    rows = forgotten_rows(run.event("end").get("forgotten"))
    if not rows:
        return
    with st.expander("What was forgotten", icon=":material/history:"):
        st.caption(
            "The best model beside the pretrained one, on the source functional. To lose less, "
            "replay source frames, or let the pretrained model teach."
        )
        st.dataframe(
            [{title: row[key] for key, title in COLUMNS.items()} for row in rows],
            key=f"forgotten-{run.id}",
            hide_index=True,
        )
