"""One analysis of feature importance, as the views of the page show it."""

from operator import attrgetter
from typing import Any

import streamlit as st

from core.figures.base.clicks import picked
from core.report.importance import Analysis
from pages.parts.shared.selection import link_to
from pages.parts.shared.views import one_of, open_view

BY_KEY: dict[str | type, Any] = {Analysis: attrgetter("key")}
"""Hash functions for caches: an analysis is identified by its key."""


def choose_analysis(analyses: list[Analysis]) -> Analysis:
    """Show the choice between corrected and uncorrected energies, where there are both."""
    if len(analyses) == 1:
        return analyses[0]
    by_name = dict(zip(("with", "without"), analyses, strict=True))
    name = one_of(
        st,
        "Source energies",
        list(by_name),
        format_func=lambda name: f"{name} MP2020 corrections",
        default="with",
        key="which",
        wrap=True,
        help="With the MP2020 corrections, or without.",
    )
    return by_name[name]


def open_element(event: Any) -> None:
    """Open the view of the clicked element; called from the callback of a click."""
    clicked = picked(event)
    if clicked:
        # The widget that holds the element is not on the page yet, so the link is written by hand.
        link_to("element", clicked[-1])
        st.session_state["element"] = clicked[-1]
        open_view("element")
