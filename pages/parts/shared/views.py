"""Controls that stand in the page's address: switches of views and options, and numbers."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import streamlit as st

Option = TypeVar("Option")

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


def one_of(
    box: Any, label: str, options: Sequence[Option], *, default: Option, **settings: Any
) -> Option:
    """Show a switch of which one option is chosen; the choice is part of the page's address.

    Args:
        box: the container, or streamlit itself.
        label: what is chosen.
        options: the options.
        default: the one chosen at first, and where the address leaves the choice empty.
        **settings: further arguments of `st.segmented_control`.
    """
    chosen: Option | None = box.segmented_control(
        label, options, default=default, required=True, bind="query-params", **settings
    )
    return default if chosen is None else chosen


def number(box: Any, label: str, key: str, **settings: Any) -> Any:
    """Ask for a number that is part of the page's address.

    Args:
        box: the container, or streamlit itself.
        label: what is asked for.
        key: its name in the address.
        **settings: further arguments of `st.number_input`.
    """
    return box.number_input(label, key=key, bind="query-params", **settings)


def open_view(view: str) -> None:
    """Switch the page to a view on its next run; called from the callback of a click."""
    st.session_state["view"] = view
    st.session_state[_SET] = True
