"""How sizes and labels are distributed."""

from typing import Any

import streamlit as st

from core.frames.contents.distributions import histogram_table
from core.frames.contents.selected import Selected
from core.report.contents import (
    counts_of,
    distribution_figure,
    distribution_text,
    quantities_drawn,
    summary_of,
    summary_titles,
)
from pages.parts.data.selected import BY_KEY, bins
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
    counts = _counts(selected)
    show(
        distribution_figure(selected, counts, log=log, dark=is_dark()),
        name="distributions",
        caption=distribution_text(selected),
        source=selected.source,
        table=lambda: histogram_table([(binned, part) for binned, _, part in counts]),
    )
    st.dataframe(
        _summary(selected),
        key="distributions-table",
        hide_index=True,
        column_config={
            "key": None,
            **{
                name: title
                if name in {"title", "unit"}
                else st.column_config.NumberColumn(
                    title, format="localized" if name in {"n", "missing"} else "%.4g"
                )
                for name, title in summary_titles(selected).items()
            },
        },
    )
    return []


@st.cache_resource(max_entries=16, show_spinner="Counting …", hash_funcs=BY_KEY)
def _counts(selected: Selected) -> Any:
    return counts_of(selected, [bins(selected, each) for each in quantities_drawn(selected)])


@st.cache_resource(max_entries=16, show_spinner="Sorting …", hash_funcs=BY_KEY)
def _summary(selected: Selected) -> Any:
    return summary_of(selected)
