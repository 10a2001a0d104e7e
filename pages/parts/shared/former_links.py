"""Links shared before a label changed: Streamlit keeps a choice in the address by its label."""

import streamlit as st

FORMER: dict[str, dict[str, str]] = {
    "covered": {"Materials there": "Existing materials"},
    "references": {"a table of mine (CSV)": "your own table (CSV)"},
    "quantity": {"Loss": "Training loss", "Memory": "Peak memory"},
    "shows": {"Take it home": "Export"},
    "model": {"A checkpoint of my own": "Uploaded checkpoint"},
    "view": {
        "How little data": "Data efficiency",
        "How sure": "Uncertainty",
        "Single materials": "Influence",
    },
}
"""New label by former label, for each name in the address; rows are added, never removed."""


def update_former_labels() -> None:
    """Replace former labels in the page's address, before any widget reads them."""
    renamed = {}
    for name, labels in FORMER.items():
        values = st.query_params.get_all(name)
        if any(value in labels for value in values):
            renamed[name] = [labels.get(value, value) for value in values]
    if renamed:
        for name, values in renamed.items():
            st.query_params[name] = values
        # Widgets take their first value from the address as it was when the run began.
        st.rerun()
