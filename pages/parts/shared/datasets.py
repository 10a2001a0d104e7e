"""Choosing a data set, and saying what its labels are."""

from collections.abc import Iterable

import streamlit as st

from core.frames.pairs import PairSet
from core.frames.registry import DatasetInfo, list_datasets, open_dataset
from core.frames.schema import DFT, Card, Corrections
from core.frames.store import FrameSet
from core.potential.released import MODELS
from pages.parts.shared.page import plain

MODEL_LABELLED = "model-labelled, not DFT"
CORRECTIONS: dict[Corrections, str] = {
    "MP2020": "MP2020 corrections included",
    "none": "without MP2020 corrections",
    "unknown": "MP2020 corrections unknown",
}


def choose(label: str, infos: list[DatasetInfo], *, key: str, help_text: str) -> DatasetInfo | None:
    """Let the reader choose a data set; the choice is part of the page's link.

    Shows what to do next, and returns None, where there is nothing to choose from; says so where a
    link names a data set that is not there, because another one takes its place.
    """
    if not infos:
        st.info("No data set fits here yet: bring one in on the Data page.")
        st.page_link("pages/data.py", label="Import data", icon=":material/upload:")
        return None
    by_name = {info.card.name: info for info in infos}
    asked = st.query_params.get(key)
    name = st.selectbox(label, list(by_name), key=key, bind="query-params", help=help_text)
    if asked is not None and asked not in by_name:
        st.warning(plain(f"No data set {asked} fits here; this is {name}."))
    return by_name.get(name or "")


def opened(info: DatasetInfo) -> FrameSet | PairSet:
    """Open a data set once for all readers and reruns, until it is imported anew."""
    return _opened(info.card.name, key_of(info.card))


@st.cache_resource(max_entries=16, show_spinner="Opening the data set …")
def _opened(name: str, key: str) -> FrameSet | PairSet:  # noqa: ARG001  the cache needs it
    return open_dataset(name)


def key_of(card: Card) -> str:
    """Return what tells a data set from another of its name: all that its card says."""
    return card.model_dump_json()


def available(kind: str | None = None) -> list[DatasetInfo]:
    """Return the data sets of a kind ("frames" or "pairs"), or all."""
    return [info for info in list_datasets() if kind in {None, info.card.kind}]


def frames_to_learn() -> list[DatasetInfo]:
    """Return data sets of frames; first those with something new for the default model."""
    known = next(iter(MODELS.values())).functional
    return sorted(available("frames"), key=lambda info: info.card.functional == known)


def origin(labels: str) -> str:
    """Say who made some labels."""
    return "DFT" if labels == DFT else f"{labels} ({MODEL_LABELLED})"


def model_badge(made_by: Iterable[str]) -> None:
    """Mark labels that no DFT code computed.

    Args:
        made_by: Who made the labels, "dft" or names of models.
    """
    models = sorted(set(made_by) - {DFT})
    if models:
        st.badge(
            MODEL_LABELLED,
            icon=":material/smart_toy:",
            color="orange",
            help=f"Labels made by {plain(', '.join(models))}: they show how methods behave, not "
            "how good a functional is.",
        )
