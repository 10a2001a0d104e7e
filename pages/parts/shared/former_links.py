"""Links shared before a label changed: Streamlit keeps a choice in the address by its label."""

import streamlit as st

FORMER: dict[str, dict[str, str]] = {
    "view": {"How little data": "Data efficiency"},
}
"""New label by former label, for each name in the address; rows are added, never removed."""


def update_former_labels() -> None:
    """Replace former labels in the page's address, before any widget reads them."""
    for name, labels in FORMER.items():
        held = st.query_params.get_all(name)
        if any(label in labels for label in held):
            st.query_params[name] = [labels.get(label, label) for label in held]
