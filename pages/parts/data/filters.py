"""The controls that choose frames of a data set."""

from typing import Any

import streamlit as st

from core.elements import SYMBOLS
from core.figures.base.clicks import toggled
from core.frames.contents.filters import LABEL_KINDS, FrameFilter, Range, elements_in
from core.frames.contents.numbers import Contents, Quantity, quantities_of
from core.frames.registry import DatasetInfo

ALL_OF = "elements"
"""Key of the elements that a click changes."""


def choose_frames(info: DatasetInfo, contents: Contents) -> FrameFilter:
    """Show the filters; each is part of the page's link.

    Raises:
        LabError: if the chemical system cannot be read.
    """
    all_of, any_of, none_of = _choose_elements()
    system_box, low_box, high_box, label_box = st.columns([3, 2, 2, 4], vertical_alignment="bottom")
    system = system_box.text_input(
        "Chemical system",
        key="system",
        bind="query-params",
        placeholder="Li-Co-O",
        help="These elements, no more and no fewer.",
    )
    least = low_box.number_input(
        "Atoms, from",
        min_value=1,
        value=None,
        step=1,
        key="from",
        bind="query-params",
        help="Smallest number of atoms per structure.",
    )
    most = high_box.number_input(
        "to",
        min_value=1,
        value=None,
        step=1,
        key="to",
        bind="query-params",
        help="Largest number of atoms per structure.",
    )
    quantities = quantities_of(contents, info.card.energies)
    labels = {
        quantity.label: key
        for quantity in quantities
        for key in [quantity.key]
        if key in LABEL_KINDS or info.card.kind == "pairs"
    }
    labelled = label_box.multiselect(
        "Labelled with",
        list(labels),
        key=f"labels-{info.card.kind}",
        bind="query-params",
        help="Frames that have all of these labels.",
    )
    ranges = _choose_range(quantities)
    return FrameFilter(
        all_of=tuple(all_of),
        any_of=tuple(any_of),
        none_of=tuple(none_of),
        system=elements_in(system),
        min_atoms=least,
        max_atoms=most,
        labels=tuple(labels[label] for label in labelled),
        ranges=ranges,
    )


def _choose_elements() -> list[list[str]]:
    boxes = st.columns(3)
    titles = {ALL_OF: "All of these elements", "any": "Any of these", "none": "None of these"}
    return [
        # What is typed finds the symbol that it is before longer ones, and Enter takes that alone.
        box.multiselect(
            title,
            sorted(SYMBOLS),
            key=key,
            bind="query-params",
            select_all=False,
            filter_mode="prefix",
            help="Elements by their symbols.",
        )
        for box, (key, title) in zip(boxes, titles.items(), strict=True)
    ]


def _choose_range(quantities: list[Quantity]) -> dict[str, Range]:
    box, low_box, high_box = st.columns([4, 2, 2], vertical_alignment="bottom")
    titles = {f"{quantity.title} ({quantity.unit})": quantity.key for quantity in quantities}
    title = box.selectbox(
        "Limits of",
        list(titles),
        index=None,
        key="limited",
        bind="query-params",
        placeholder="no quantity",
        help="Frames without this label are left out.",
    )
    off = title is None
    low = low_box.number_input(
        "At least",
        value=None,
        key="low",
        bind="query-params",
        format="%g",
        disabled=off,
        help="Smallest value; empty for no limit.",
    )
    high = high_box.number_input(
        "At most",
        value=None,
        key="high",
        bind="query-params",
        format="%g",
        disabled=off,
        help="Largest value; empty for no limit.",
    )
    if title is None or (low is None and high is None):
        return {}
    return {titles[title]: (low, high)}


def toggle_element(event: Any) -> None:
    """Add the clicked element to those that all frames contain, or remove it."""
    st.session_state[ALL_OF] = toggled(st.session_state.get(ALL_OF, []), event)
