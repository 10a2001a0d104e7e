"""Choosing materials with an energy in two functionals."""

from operator import attrgetter
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.elements import SYMBOLS
from core.frames.provenance import energy_title
from core.frames.registry import DatasetInfo, find_dataset
from core.frames.schema import EnergyColumn
from core.reference.shifts.pairs import (
    default_columns,
    has_pair,
)
from core.studies.pair_choice import PairChoice
from core.studies.selection import PairSelection
from pages.parts.shared.datasets import available, choose, key_of, show_provenance
from pages.parts.shared.views import one_of

MATCHES = {"all": "all of them", "any": "any of them"}


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
    """Return the pairs that contain some elements, made once for all readers."""
    return choice.containing(elements, any_of=any_of, refit=refit)


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
    return PairChoice.of(selection, key=_key(selection))


def _describe(energy: EnergyColumn) -> str:
    """Return functional, corrections and name of an energy column."""
    return f"{energy_title(energy)} ({energy.column})"
