"""What pages keep of the frames that the reader's filters select, for all readers."""

from operator import attrgetter
from typing import Any

import streamlit as st

from core.frames.contents.distributions import Bins, bins_of
from core.frames.contents.filters import FrameFilter
from core.frames.contents.numbers import Contents, Quantity
from core.frames.contents.selected import Selected
from core.frames.registry import DatasetInfo
from pages.parts.shared.datasets import key_of

BY_KEY: dict[str | type, Any] = {Selected: attrgetter("key")}
"""How Streamlit's caches identify a selection."""


def select(info: DatasetInfo, contents: Contents, chosen: FrameFilter) -> Selected:
    """Return the frames of a data set that filters keep.

    Raises:
        LabError: if a filter asks for a label that the data set does not have.
    """
    return _select((key_of(info.card), chosen.model_dump_json()), info, contents, chosen)


@st.cache_resource(max_entries=16, show_spinner=False)
def _select(
    key: tuple[str, str], _info: DatasetInfo, _contents: Contents, _chosen: FrameFilter
) -> Selected:
    return Selected.of(_info.card, _contents, _chosen, key=key)


@st.cache_data(max_entries=32, show_spinner=False, hash_funcs=BY_KEY)
def missing_in(selected: Selected) -> dict[str, int]:
    """Return the number of selected frames without a label, by label."""
    return selected.missing()


def bins(selected: Selected, quantity: Quantity) -> Bins:
    """Return the bins of a quantity of all frames of the data set."""
    return _bins(key_of(selected.card), quantity, selected.contents)


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs={Quantity: attrgetter("key")})
def _bins(key: str, quantity: Quantity, _contents: Contents) -> Bins:  # noqa: ARG001
    return bins_of(_contents, quantity)
