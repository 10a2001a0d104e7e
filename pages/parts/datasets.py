"""Choosing a data set, and saying what its labels are."""

import streamlit as st

from core.frames.pairs import PairSet
from core.frames.registry import DatasetInfo, list_datasets, open_dataset
from core.frames.schema import DFT, Card
from core.frames.store import FrameSet

MODEL_LABELLED = "model-labelled, not DFT"
CORRECTIONS = {
    "MP2020": "MP2020 corrections included",
    "none": "without MP2020 corrections",
    "unknown": "MP2020 corrections unknown",
}


def choose(label: str, infos: list[DatasetInfo], *, key: str, help_text: str) -> DatasetInfo | None:
    """Let the reader choose a data set; the choice is part of the page's link.

    Shows what to do next, and returns None, where there is nothing to choose from.
    """
    if not infos:
        st.info("No data set fits here yet: bring one in on the Data page.")
        st.page_link("pages/data.py", label="Import data", icon=":material/upload:")
        return None
    by_name = {info.card.name: info for info in infos}
    name = st.selectbox(label, list(by_name), key=key, bind="query-params", help=help_text)
    return by_name.get(name or "")


def opened(info: DatasetInfo) -> FrameSet | PairSet:
    """Open a data set once for all readers and reruns."""
    return _opened(info.card.name, info.card.fingerprint)


@st.cache_resource(max_entries=16, show_spinner="Opening the data set …")
def _opened(name: str, fingerprint: str) -> FrameSet | PairSet:  # noqa: ARG001  part of the key
    return open_dataset(name)


def available(kind: str | None = None) -> list[DatasetInfo]:
    """Return the data sets of a kind ("frames" or "pairs"), or all."""
    return [info for info in list_datasets() if kind in {None, info.card.kind}]


def origin(labels: str) -> str:
    """Say who made some labels."""
    return "DFT" if labels == DFT else f"{labels} ({MODEL_LABELLED})"


def model_badge(card: Card) -> None:
    """Mark a data set whose labels no DFT code computed."""
    if card.is_model_labelled:
        st.badge(
            MODEL_LABELLED,
            icon=":material/smart_toy:",
            color="orange",
            help="Energies, and forces where there are any, are predictions of the released "
            "CHGNet models. They show how methods behave, not how good a functional is.",
        )
