"""Choosing materials with an energy in two functionals."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.elements import SYMBOLS
from core.figures.base.canvas import Array
from core.frames.pairs import PairSet
from core.frames.provenance import Provenance, describe_energies, energy_title
from core.frames.registry import DatasetInfo, find_dataset
from core.frames.schema import EnergyColumn, Frame
from core.frames.store import FrameSet
from core.reference.shifts.pairs import (
    OpenedPairs,
    PairedEnergies,
    default_columns,
    has_pair,
)
from core.reference.shifts.shift import ShiftSummary, quantities, summarize
from core.studies.selection import PairSelection
from pages.parts.shared.datasets import available, choose, key_of, show_provenance
from pages.parts.shared.views import one_of

MATCHES = {"all": "all of them", "any": "any of them"}


@dataclass(kw_only=True, frozen=True)
class PairChoice:
    """A selection of pairs with its data.

    Attributes:
        selection: the selection, as studies take it.
        opened: its energies and the data sets they come from.
        summary: comparison of the two functionals over all pairs.
        key: identifies selection, data and elements in caches.
        elements: only materials that contain these elements are kept.
        any_of: whether one of the elements is enough; otherwise a material contains all of them.
        whole: the same with all materials; None if no elements are selected.
        refitted: whether AtomRef is fitted to the pairs with these elements instead of all pairs.
    """

    selection: PairSelection
    opened: OpenedPairs
    summary: ShiftSummary
    key: tuple[str, ...]
    elements: tuple[str, ...] = ()
    any_of: bool = False
    whole: "PairChoice | None" = None
    refitted: bool = False

    @property
    def data(self) -> FrameSet | PairSet:
        """Data set of the rows and their structures."""
        return self.opened.data

    @property
    def pairs(self) -> PairedEnergies:
        """Energies in the two functionals."""
        return self.opened.pairs

    @property
    def quantities(self) -> dict[str, Array]:
        """Shift and residual of each pair, each (n,) eV/atom."""
        return quantities(self.pairs, self.summary)

    @property
    def lead(self) -> str:
        """Start of a caption that says which pairs are shown; empty for all of them."""
        if not self.elements:
            return ""
        return f"The {len(self.pairs):,} pairs that contain {self.elements_text}. "

    @property
    def elements_text(self) -> str:
        """The selected elements, as in "that contain …"."""
        return (" or " if self.any_of else ", ").join(self.elements)

    @property
    def fitted_to(self) -> str:
        """Which pairs AtomRef is fitted to, as in "AtomRef is fitted to …"."""
        if self.whole is None or not self.refitted:
            return f"all {self.summary.n_fitted:,} pairs"
        return f"the {self.summary.n_fitted:,} pairs that contain {self.elements_text}"

    @property
    def source(self) -> Provenance:
        """Data set, labels and corrections."""
        pairs = self.pairs
        energies = {
            describe_energies(functional, labels, corrections)
            for functional, labels, corrections in (
                (pairs.source_functional, pairs.source_labels, pairs.source_corrections),
                (pairs.target_functional, pairs.target_labels, pairs.target_corrections),
            )
        }
        # An exported figure carries the name of the data alone, so the filter is part of it.
        only = (
            f", only materials with {self.elements_text}, AtomRef of "
            f"{'these' if self.refitted else 'all'} pairs"
            if self.elements
            else ""
        )
        return Provenance(
            data=f"{self.selection.dataset}{only}",
            labels={pairs.source_labels, pairs.target_labels},
            details=f"{len(pairs):,} pairs: {'; '.join(sorted(energies))}."
            + (f" AtomRef is fitted to {self.fitted_to}." if self.elements else ""),
        )

    @property
    def arguments(self) -> str:
        """The selection as arguments of `shift`."""
        words = [word for symbol in self.elements for word in ("--element", symbol)]
        words += ["--refit"] if self.refitted else []
        words += ["--any"] if self.any_of else []
        return " ".join([self.selection.arguments, *words])

    def frames(self, rows: Sequence[int]) -> Sequence[Frame | None]:
        """Return the structures of rows of the data set, None for a row without one."""
        return self.data.frames(rows)

    def names_of(self, rows: Sequence[int]) -> list[str]:
        """Return names of rows for links, which fit no other data set."""
        ids = self.data.table()["material_id"]
        return [f"{row}.{ids.iloc[row]}" for row in rows]

    def row_named(self, name: str | None) -> int | None:
        """Return the row of a name from `names_of`, None if this data set has no such row."""
        number = (name or "").partition(".")[0]
        row = int(number) if number.isdecimal() and len(number) < 12 else len(self.data)
        return row if row < len(self.data) and self.names_of([row]) == [name] else None


BY_KEY: dict[str | type, Any] = {PairChoice: attrgetter("key")}
"""How Streamlit's caches identify a choice."""


def choose_pairs() -> PairChoice | None:
    """Show the controls for a data set and two energies in it."""
    left, middle, right = st.columns(3)
    with left:
        info = choose(
            "Data set",
            [*(info for info in available("pairs") if has_pair(info.card)), *available("frames")],
            key="dataset",
            help_text="Pairs: one material with an energy in both functionals. Two sets of the "
            "same frames in two functionals work as well.",
        )
    if info is None:
        return None
    select = _select_columns if info.card.kind == "pairs" else _select_frames
    selection = select(info, middle, right)
    if selection is None:
        return None
    choice = _open(selection)
    pairs = choice.pairs
    show_provenance(choice.source)
    if pairs.n_dropped:
        st.caption(f"{pairs.n_dropped:,} rows lack one of the two energies and are left out.")
    return choice


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=BY_KEY)
def containing(
    choice: PairChoice, elements: tuple[str, ...], *, any_of: bool = False, refit: bool = False
) -> PairChoice | None:
    """Return the pairs that contain all, or any, of some elements; None if there are none.

    Args:
        choice: all pairs.
        elements: the elements.
        any_of: whether one of the elements is enough.
        refit: whether to fit AtomRef to these pairs alone instead of all.
    """
    if not elements:
        return choice
    opened = choice.opened.containing(elements, any_of=any_of)
    if not len(opened.pairs):
        return None
    return replace(
        choice,
        opened=opened,
        summary=summarize(opened.pairs, whole=None if refit else choice.summary),
        key=(*choice.key, "any" if any_of else "all", *elements, "refitted" if refit else ""),
        elements=elements,
        any_of=any_of,
        whole=choice,
        refitted=refit,
    )


def choose_elements() -> tuple[tuple[str, ...], bool]:
    """Show the filter by elements.

    Returns:
        The elements, and whether one of them is enough.
    """
    left, right = st.columns([5, 2], vertical_alignment="bottom")
    elements = left.multiselect(
        "Only materials that contain",
        # So that what is typed finds the symbol that it is before longer ones.
        sorted(SYMBOLS),
        key="elements",
        bind="query-params",
        placeholder="any element: select here, or click elements of a periodic table below",
        # Enter would select all symbols that begin with what was typed.
        select_all=False,
        filter_mode="prefix",
        help="Elements by their symbols; none for all materials.",
    )
    match = one_of(
        right,
        "Materials contain",
        list(MATCHES),
        format_func=MATCHES.__getitem__,
        default="all",
        key="match",
        wrap=True,
        disabled=len(elements) < 2,
        label_visibility="collapsed",
        help="All of the chosen elements, or at least one.",
    )
    return tuple(elements), match == "any" and len(elements) > 1


def _select_columns(
    info: DatasetInfo, source_box: DeltaGenerator, target_box: DeltaGenerator
) -> PairSelection:
    energies = {energy.column: energy for energy in info.card.energies}
    columns = list(energies)

    def choose_column(box: DeltaGenerator, key: str, default: str, help_text: str) -> str:
        return box.selectbox(
            f"{key.capitalize()} energy",
            columns,
            index=columns.index(default),
            format_func=lambda column: _describe(energies[column]),
            key=key,
            bind="query-params",
            help=help_text,
        )

    source, target = default_columns(info.card)
    return PairSelection(
        dataset=info.card.name,
        source=choose_column(source_box, "source", source, "What the pretrained model predicts."),
        target=choose_column(target_box, "target", target, "What the model should learn."),
    )


def _select_frames(
    info: DatasetInfo, source_box: DeltaGenerator, target_box: DeltaGenerator
) -> PairSelection | None:
    source_box.selectbox(
        "Source energy",
        [f"{info.card.functional} of {info.card.name}"],
        disabled=True,
        help="The functional of the data set chosen on the left.",
    )
    with target_box:
        other = choose(
            "Target energy",
            [other for other in available("frames") if other.card.name != info.card.name],
            key="other",
            help_text="The same frames in another functional.",
        )
    if other is None:
        return None
    return PairSelection(dataset=info.card.name, other=other.card.name)


def _key(selection: PairSelection) -> tuple[str, ...]:
    cards = [key_of(find_dataset(name).card) for name in selection.datasets]
    return (selection.model_dump_json(), *cards)


@st.cache_resource(
    max_entries=8,
    show_spinner="Comparing the two energy scales …",
    hash_funcs={PairSelection: _key},
)
def _open(selection: PairSelection) -> PairChoice:
    opened = selection.open()
    summary = summarize(opened.pairs)
    return PairChoice(selection=selection, opened=opened, summary=summary, key=_key(selection))


def _describe(energy: EnergyColumn) -> str:
    """Return functional, corrections and name of an energy column."""
    return f"{energy_title(energy)} ({energy.column})"
