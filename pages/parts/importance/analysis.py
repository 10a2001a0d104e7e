"""One analysis of feature importance, as the views of the page show it."""

from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

import streamlit as st

from core.figures.base.clicks import picked
from core.frames.provenance import Provenance
from core.reference.importance.analysis import EXPLAINED, Importance
from core.studies.importance import ImportanceResult, ImportanceStudy
from pages.parts.shared.page import signed
from pages.parts.shared.pairs import PairChoice
from pages.parts.shared.selection import link_to
from pages.parts.shared.views import one_of, open_view


@dataclass(kw_only=True, frozen=True)
class Analysis:
    """Feature importance with or without corrections in the source energies.

    Attributes:
        name: "with MP2020 corrections", "without MP2020 corrections" or "as they are".
        choice: data set and energies.
        study: the settings.
        result: what the study found.
        key: identifies the study and its data.
    """

    name: str
    choice: PairChoice
    study: ImportanceStudy
    result: ImportanceResult
    key: str

    @property
    def importance(self) -> Importance:
        """Importance of the elements."""
        return self.result.importance

    @property
    def quantity(self) -> str:
        """What is explained, in words."""
        return EXPLAINED[self.study.explained]

    @property
    def unit(self) -> tuple[float, str]:
        """Factor from eV/atom to the unit of every number on the page, and that unit.

        Total energies differ by some eV/atom, formation and scaled energies by some meV/atom.
        """
        return (1.0, "eV/atom") if self.study.explained == "total" else (1000.0, "meV/atom")

    def in_unit(self, table: Any, *columns: str) -> Any:
        """Return a table with columns of energies in the page's unit instead of eV/atom."""
        factor, _ = self.unit
        return table.assign(**{name: factor * table[name] for name in columns})

    def energy(self, value: float) -> str:
        """Return an energy in the page's unit with its sign, without the unit."""
        factor, _ = self.unit
        return signed(factor * value, digits=self.digits)

    @property
    def digits(self) -> int:
        """Decimals of energies in the page's unit."""
        return 1 if self.unit[1] == "meV/atom" else 3

    @property
    def source(self) -> Provenance:
        """Where the numbers come from."""
        details = [self.choice.source.details]
        if self.importance.references:
            details.append(f"Pure elements: {self.importance.references}.")
        if self.result.origin:
            details.append(f"Uncorrected source energies: {self.result.origin}.")
        return replace(self.choice.source, details=" ".join(details))


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
