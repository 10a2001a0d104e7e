"""What the views of the Energy shifts page share: the pairs shown, and which quantity of them."""

import shlex
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from core.figures.base.canvas import Axis
from core.reference.shifts.pairs import PairedEnergies
from core.reference.shifts.shift import ShiftSummary, summarize
from pages.parts.shared.pairs import PairChoice

QUANTITIES = {"shift": "Shift", "residual": "Residual after AtomRef"}


@dataclass(kw_only=True, frozen=True)
class Shown:
    """The pairs that the reader looks at.

    Attributes:
        choice: Data set and energies.
        elements: Only materials that contain all of these.
        pairs: These pairs.
        summary: Their comparison.
    """

    choice: PairChoice
    elements: tuple[str, ...]
    pairs: PairedEnergies
    summary: ShiftSummary

    @property
    def key(self) -> tuple[Any, ...]:
        """Names the pairs in caches."""
        return (self.choice.key, self.elements)

    @property
    def lead(self) -> str:
        """Say in a caption which pairs are shown, where that is not all of them."""
        if not self.elements:
            return ""
        return f"The {len(self.pairs):,} pairs that contain {', '.join(self.elements)}. "

    @property
    def arguments(self) -> str:
        """The same choice as arguments of `shift`."""
        words = [word for symbol in self.elements for word in ("--element", symbol)]
        return " ".join([self.choice.arguments, shlex.join(words)]).strip()

    def values(self, quantity: str) -> np.ndarray:
        """Return the shift, or what two AtomRefs leave of it, of each pair, (n,) eV/atom."""
        if quantity == "shift":
            return self.pairs.shift
        return self.summary.scaled_target - self.summary.scaled_source


def choose_quantity() -> str:
    """Let the reader choose between the shift and its residual."""
    return st.segmented_control(
        "Of",
        list(QUANTITIES),
        format_func=QUANTITIES.__getitem__,
        default="shift",
        required=True,
        key="of",
        bind="query-params",
        help="Shift: target minus source total energy. Residual: what is left of it when each "
        "functional's own least-squares AtomRef is subtracted, fitted to the pairs shown.",
    )


def axis_of(quantity: str) -> Axis:
    """Return what an axis of the quantity says."""
    return Axis(title=QUANTITIES[quantity], unit="eV/atom")


@st.cache_resource(max_entries=16, show_spinner=False)
def filtered(
    key: tuple[str, ...],  # noqa: ARG001  part of the cache's key
    elements: tuple[str, ...],
    _choice: PairChoice,
) -> Shown | None:
    """Return the pairs that contain all elements; None where none does."""
    pairs, summary = _choice.pairs, _choice.summary
    if elements:
        pairs = pairs.containing(elements)
        if not len(pairs):
            return None
        summary = summarize(pairs)
    return Shown(choice=_choice, elements=elements, pairs=pairs, summary=summary)
