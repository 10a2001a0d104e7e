"""What a data set holds: its elements, its distributions, its frames."""

import streamlit as st

from core.frames.contents.selected import Selected
from core.frames.registry import DatasetInfo
from core.report.contents import missing_text
from core.studies.contents import ContentsStudy
from pages.parts.data.checking import show_pairs_check
from pages.parts.data.distributions import show_distributions
from pages.parts.data.elements import show_elements
from pages.parts.data.filters import choose_frames
from pages.parts.data.frames import show_frames
from pages.parts.data.making import show_making
from pages.parts.data.selected import missing_in, select
from pages.parts.shared.datasets import model_badge
from pages.parts.shared.job import computed
from pages.parts.shared.page import command, plain
from pages.parts.shared.views import choose_view

VIEWS = {
    "elements": ("Elements", show_elements),
    "distributions": ("Distributions", show_distributions),
    "frames": ("Frames", show_frames),
}


def explore(info: DatasetInfo) -> None:
    """Show the contents of a data set, with filters.

    Raises:
        LabError: if the data set is damaged, or a filter cannot be read.
    """
    st.subheader(f"Contents of {plain(info.card.name)}")
    contents = computed(ContentsStudy(dataset=info.card.name))
    if contents is None:
        return
    selected = select(info, contents, choose_frames(info, contents))
    show_counts(selected)
    show_making(selected)
    show_pairs_check(info)
    labels = {name: label for name, (label, _) in VIEWS.items()}
    words = VIEWS[choose_view(labels)][1](selected)
    command(selected.command(*words))


def show_counts(selected: Selected) -> None:
    """Say how many frames are left, and which labels they lack."""
    counted, contents, things = selected.counted, selected.contents, selected.things
    some = not selected.chosen.is_empty
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        model_badge(selected.card.made_by)
        st.markdown(
            (f"**{counted.n:,}** of " if some else "")
            + f"{len(contents):,} {things}, "
            + (f"**{counted.n_materials:,}** of " if some else "")
            + f"{contents.n_materials:,} materials",
            width="stretch",
        )
    if text := missing_text(missing_in(selected)):
        st.caption(plain(text))
