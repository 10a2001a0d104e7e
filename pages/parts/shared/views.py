"""The switch between the views of a page."""

from collections.abc import Mapping

import streamlit as st

_SET = "view set by the page"


def choose_view(labels: Mapping[str, str], *, default: str | None = None, key: str = "view") -> str:
    """Show the switch between a page's views; the choice is part of the page's address.

    Args:
        labels: label of each view by its key.
        default: key of the view that opens first; the first of all where it is None.
        key: name of the choice in the page's address.

    Returns:
        The key of the chosen view.
    """
    default = default or next(iter(labels))
    view = st.segmented_control(
        "View",
        list(labels),
        format_func=labels.__getitem__,
        # Streamlit warns about a default beside a value that `open_view` has set.
        default=None if st.session_state.pop(_SET, False) else default,
        required=True,
        key=key,
        wrap=True,
        bind="query-params",
        label_visibility="collapsed",
    )
    return view or default


def open_view(view: str) -> None:
    """Switch the page to a view on its next run; called from the callback of a click."""
    st.session_state["view"] = view
    st.session_state[_SET] = True
