"""Addresses that Streamlit cannot read as they are.

It keeps a choice in the address by its label, so that links shared before a label changed need the
new one; and an infinite number in the address of a box for whole numbers ends the page.
"""

from collections.abc import Mapping
from math import isinf

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


def mend_address() -> None:
    """Replace former labels in the page's address, and drop infinite numbers.

    Call it before any widget reads the address.
    """
    infinite = [name for name in st.query_params if any(map(_is_infinite, _values(name)))]
    if infinite:
        for name in infinite:
            del st.query_params[name]
        st.rerun()
    renamed = {}
    for name in FORMER | FORMER_ENDS:
        values = _values(name)
        new = [_renamed(name, value) for value in values]
        if new != values:
            renamed[name] = new
    if renamed:
        for name, values in renamed.items():
            st.query_params[name] = values
        # Widgets take their first value from the address as it was when the run began.
        st.rerun()


def mend_choice(name: str, labels: Mapping[str, str]) -> None:
    """Replace in the page's address what a choice was called while it had no words.

    Call it before the widget.

    Args:
        name: the widget's name in the address.
        labels: label by former label.
    """
    values = _values(name)
    new = [labels.get(value, value) for value in values]
    if new != values:
        st.query_params[name] = new
        st.rerun()


def _values(name: str) -> list[str]:
    return st.query_params.get_all(name)


def _is_infinite(value: str) -> bool:
    try:
        return isinf(float(value))
    except ValueError:
        return False


def _renamed(name: str, value: str) -> str:
    """Return a label as it reads now."""
    for former, end in FORMER_ENDS.get(name, {}).items():
        if value.endswith(former):
            return value.removesuffix(former) + end
    return FORMER.get(name, {}).get(value, value)
