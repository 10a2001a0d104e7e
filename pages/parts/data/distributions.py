"""How sizes and labels are distributed."""

from typing import Any

import streamlit as st

from core.figures.data.distributions import Histogram, distributions
from core.frames.contents.distributions import SIZES, histogram_table, summary
from core.frames.contents.numbers import Quantity
from pages.parts.data.selected import BY_KEY, Selected, bins
from pages.parts.shared.figure import show
from pages.parts.shared.page import is_dark


def show_distributions(selected: Selected) -> list[str]:
    """Show the view.

    Returns:
        Options of the command that prints the same.
    """
    log = st.toggle(
        "Logarithmic counts",
        value=True,
        key="log",
        bind="query-params",
        help="Shows rare values beside frequent ones.",
    )
    things = selected.things
    drawn = [*SIZES, *selected.quantities]
    counts = _counts(selected)
    histograms = [
        Histogram(
            title=quantity.title,
            unit=quantity.unit,
            edges=binned.edges,
            counts=part,
            whole=whole,
            ends=binned.ends,
        )
        for quantity, (binned, whole, part) in zip(drawn, counts, strict=True)
    ]
    show(
        distributions(
            histograms,
            things=things,
            selected=not selected.chosen.is_empty,
            log=log,
            dark=is_dark(),
        ),
        name="distributions",
        caption=f"{selected.lead}Forces and magmoms are each frame's largest, stress is the norm "
        "of the tensor. The first and the last bin also hold what lies beyond them."
        if things == "frames"
        else f"{selected.lead}The first and the last bin also hold what lies beyond them.",
        source=selected.source,
        table=lambda: histogram_table([(binned, part) for binned, _, part in counts]),
    )
    st.dataframe(
        _summary(selected),
        key="distributions-table",
        hide_index=True,
        column_config={
            "key": None,
            "title": "Quantity",
            "unit": "Unit",
            "n": st.column_config.NumberColumn(
                f"{things.capitalize()} with it", format="localized"
            ),
            "missing": st.column_config.NumberColumn("Without it", format="localized"),
            "least": st.column_config.NumberColumn("Smallest", format="%.4g"),
            "low": st.column_config.NumberColumn("5 %", format="%.4g"),
            "median": st.column_config.NumberColumn("Median", format="%.4g"),
            "high": st.column_config.NumberColumn("95 %", format="%.4g"),
            "largest": st.column_config.NumberColumn("Largest", format="%.4g"),
        },
    )
    return []


@st.cache_resource(max_entries=16, show_spinner="Counting …", hash_funcs=BY_KEY)
def _counts(selected: Selected) -> list[Any]:
    """Return bins, counts of all frames and counts of the selected ones, per quantity."""
    found = [bins(selected, quantity) for quantity in (*SIZES, *selected.quantities)]
    mask = None if selected.chosen.is_empty else selected.mask
    return [(binned, binned.counts(), binned.counts(mask)) for binned in found]


@st.cache_resource(max_entries=16, show_spinner="Sorting …", hash_funcs=BY_KEY)
def _summary(selected: Selected) -> Any:
    quantities: list[Quantity] = [*SIZES, *selected.quantities]
    mask = None if selected.chosen.is_empty else selected.mask
    return summary(selected.contents, quantities, mask)
