"""A button that launches many runs, once however often it is clicked."""

import secrets
from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from core.errors import LabError
from pages.parts.shared.page import plain

Wanted = TypeVar("Wanted")


def launch_all(
    kind: str, wanted: Wanted | None, start: Callable[[Wanted], str], *, linked: str
) -> None:
    """Show the button, and what went wrong when it was last clicked.

    Args:
        kind: What is launched; names the button.
        wanted: What the form shows; None where it cannot be launched.
        start: Launches it and returns its id.
        linked: The query parameter that takes the id.
    """
    draft = st.session_state.setdefault(f"{kind} draft", secrets.token_hex(8))
    st.button(
        "Launch all",
        type="primary",
        icon=":material/rocket_launch:",
        key=f"launch-{kind}",
        width="stretch",
        disabled=wanted is None,
        on_click=_start,
        args=(kind, wanted, start, linked, draft),
        help="Starts a process a run. They wait for their turn, and go on when you close this "
        "page or stop the dashboard.",
    )
    if text := st.session_state.pop(f"{kind} trouble", None):
        st.error(plain(text), icon=":material/error:")


def _start(
    kind: str, wanted: Wanted, start: Callable[[Wanted], str], linked: str, draft: str
) -> None:
    """Start what one form shows, once: the second click of a double click has the same draft."""
    if st.session_state.get(f"{kind} draft") != draft:
        return
    try:
        made = start(wanted)
    except LabError as error:
        st.session_state[f"{kind} trouble"] = str(error)
        return
    del st.session_state[f"{kind} draft"]
    st.query_params[linked] = made
