"""What the views of the Feature importance page share."""

from dataclasses import dataclass

import streamlit as st

from core.reference.importance.analysis import Importance
from core.studies.importance import ImportanceResult
from pages.parts.shared.page import plain
from pages.parts.shared.pairs import PairChoice
from pages.parts.shared.selection import link_to
from pages.parts.shared.views import open_view


@dataclass(kw_only=True, frozen=True)
class Analysis:
    """One analysis: with the source's corrections, or without.

    Attributes:
        name: What tells it from the other, as "with MP2020 corrections".
        result: What came out.
        key: Names it in caches.
    """

    name: str
    result: ImportanceResult
    key: str

    @property
    def found(self) -> Importance:
        """What the trees say."""
        return self.result.found


@dataclass(kw_only=True, frozen=True)
class Compared:
    """The analyses of one choice of materials.

    Attributes:
        choice: Data set and energies.
        what: What is explained, in words.
        analyses: One or two.
        chosen: The one that views of a single analysis show.
    """

    choice: PairChoice
    what: str
    analyses: tuple[Analysis, ...]
    chosen: Analysis

    @property
    def first(self) -> Analysis:
        """The energies as they are chosen."""
        return self.analyses[0]

    def source(self, analysis: Analysis | None = None) -> str:
        """Say where the numbers come from, below a figure."""
        words = [self.choice.source]
        if self.first.found.references:
            words.append(plain(f"Pure elements: {self.first.found.references}."))
        if analysis is not None and analysis.result.origin:
            words.append(plain(f"Uncorrected source energies: {analysis.result.origin}."))
        return " ".join(words)


def choose_analysis(analyses: tuple[Analysis, ...]) -> Analysis:
    """Let the reader choose between corrected and uncorrected energies, where there are both."""
    if len(analyses) == 1:
        return analyses[0]
    names = dict(zip(("with", "without"), analyses, strict=True))
    which = st.segmented_control(
        "Show the score of source energies",
        list(names),
        format_func=lambda name: f"{name} MP2020 corrections",
        default="with",
        required=True,
        key="which",
        bind="query-params",
    )
    return names[which]


def select_element(symbol: str) -> None:
    """Turn the page to one element; called from the callback of a click."""
    # The widget that holds the element is not on the page yet, so the link is written by hand.
    link_to("element", symbol)
    st.session_state["element"] = symbol
    open_view("element")
