"""The data set that the Data page shows, and the frames of it that the reader's filters keep."""

import shlex
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import streamlit as st

from core.frames.contents.distributions import Bins, bins_of
from core.frames.contents.filters import FrameFilter
from core.frames.contents.numbers import (
    Contents,
    Occurrence,
    Quantity,
    missing_labels,
    occurrence,
    quantities_of,
)
from core.frames.pairs import PairSet
from core.frames.provenance import Provenance
from core.frames.registry import DatasetInfo, open_dataset
from core.frames.store import FrameSet
from pages.parts.shared.datasets import key_of


@dataclass(kw_only=True, frozen=True)
class Selected:
    """Frames, or pairs, of a data set.

    Attributes:
        info: the data set.
        contents: what it holds.
        chosen: the filters.
        mask: which frames they keep, (n,) booleans.
        counted: elements of these frames.
    """

    info: DatasetInfo
    contents: Contents
    chosen: FrameFilter
    mask: Any
    counted: Occurrence

    @property
    def name(self) -> str:
        """Name of the data set."""
        return self.info.card.name

    @property
    def things(self) -> str:
        """What a row is, in the plural: "frames" or "pairs"."""
        return self.info.card.kind

    @property
    def data(self) -> FrameSet | PairSet:
        """The data set itself."""
        return open_dataset(self.name)

    @property
    def key(self) -> tuple[str, str]:
        """What identifies data and filters in caches."""
        return key_of(self.info.card), self.chosen.model_dump_json()

    @property
    def quantities(self) -> list[Quantity]:
        """The quantities of which the data set has numbers."""
        return quantities_of(self.contents, self.info.card.energies)

    @property
    def lead(self) -> str:
        """Start of a caption that says which frames are shown; empty for all of them."""
        if self.chosen.is_empty:
            return ""
        return f"The {self.counted.n:,} {self.things} {self.chosen.text}. "

    @property
    def source(self) -> Provenance:
        """Data set, filters and origin of the labels."""
        only = "" if self.chosen.is_empty else f", only {self.things} {self.chosen.text}"
        return Provenance(
            data=f"{self.name}{only}",
            labels=self.info.card.made_by,
            details=f"{self.counted.n:,} {self.things} of {self.counted.n_materials:,} materials.",
        )

    def missing(self) -> dict[str, int]:
        """Return the number of selected frames without a label, by label, where there are any."""
        counts = _missing(self)
        return {key: n for key, n in counts.items() if n}

    def command(self, *words: str) -> str:
        """Return the command that describes the same frames."""
        return shlex.join(
            ["atomref", "datasets", "describe", self.name, *self.chosen.arguments(), *words]
        )


BY_KEY: dict[str | type, Any] = {Selected: attrgetter("key")}
"""How Streamlit's caches identify a selection."""


def select(info: DatasetInfo, contents: Contents, chosen: FrameFilter) -> Selected:
    """Return the frames of a data set that filters keep.

    Raises:
        LabError: if a filter asks for a label that the data set does not have.
    """
    mask, counted = _counted(key_of(info.card), chosen.model_dump_json(), contents, chosen)
    return Selected(info=info, contents=contents, chosen=chosen, mask=mask, counted=counted)


@st.cache_resource(max_entries=16, show_spinner=False)
def _counted(
    key: str,  # noqa: ARG001  key and settings identify the others in the cache
    settings: str,  # noqa: ARG001
    _contents: Contents,
    _chosen: FrameFilter,
) -> tuple[Any, Occurrence]:
    mask = _chosen.mask(_contents)
    return mask, occurrence(_contents, mask)


@st.cache_data(max_entries=32, show_spinner=False, hash_funcs=BY_KEY)
def _missing(selected: Selected) -> dict[str, int]:
    return missing_labels(selected.contents, selected.mask)


def bins(selected: Selected, quantity: Quantity) -> Bins:
    """Return the bins of a quantity of all frames of the data set."""
    return _bins(key_of(selected.info.card), quantity, selected.contents)


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs={Quantity: attrgetter("key")})
def _bins(key: str, quantity: Quantity, _contents: Contents) -> Bins:  # noqa: ARG001
    return bins_of(_contents, quantity)
