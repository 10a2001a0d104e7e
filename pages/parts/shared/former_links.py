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

FORMER_ENDS: dict[str, dict[str, str]] = {
    name: {", rebuilt": ", uncorrected (rebuilt)"} for name in ("across", "up")
}
"""New end by former end of labels that begin with a name from the data."""


def update_former_labels() -> None:
    """Replace former labels in the page's address, before any widget reads them."""
    renamed = {}
    for name in FORMER | FORMER_ENDS:
        values = st.query_params.get_all(name)
        new = [_renamed(name, value) for value in values]
        if new != values:
            renamed[name] = new
    if renamed:
        for name, values in renamed.items():
            st.query_params[name] = values
        # Widgets take their first value from the address as it was when the run began.
        st.rerun()


def _renamed(name: str, value: str) -> str:
    """Return a label as it reads now."""
    for former, end in FORMER_ENDS.get(name, {}).items():
        if value.endswith(former):
            return value.removesuffix(former) + end
    return FORMER.get(name, {}).get(value, value)
