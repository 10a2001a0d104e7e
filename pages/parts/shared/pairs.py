"""Choosing materials with an energy in two functionals: what two pages begin with."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.frames.pairs import PairSet
from core.frames.registry import DatasetInfo
from core.frames.schema import Card, EnergyColumn, Frame
from core.frames.store import FrameSet
from core.reference.shifts.pairs import PairedEnergies, default_columns
from core.reference.shifts.shift import ShiftSummary, summarize
from core.studies.selection import PairSelection
from pages.parts.shared.datasets import (
    CORRECTIONS,
    MODEL_LABELLED,
    available,
    choose,
    key_of,
    model_badge,
    opened,
    origin,
)
from pages.parts.shared.page import plain


@dataclass(kw_only=True, frozen=True)
class PairChoice:
    """What the reader chose.

    Attributes:
        data: The data set that holds the rows and their structures.
        pairs: Its energies in the two functionals.
        summary: Their comparison over all pairs.
        source: One line for the page: data set, labels, corrections.
        labels: The same in few words, for figures and files.
        arguments: The same choice as arguments of `shift`.
        target_argument: The target energies as arguments of `atomref`.
        key: Names the choice in caches.
        selection: The same for studies.
        other: Of frames: the data set in the target functional.
    """

    data: FrameSet | PairSet
    pairs: PairedEnergies
    summary: ShiftSummary
    source: str
    labels: str
    arguments: str
    target_argument: str
    key: tuple[str, ...]
    selection: PairSelection
    other: FrameSet | None = None

    def frames(self, rows: Sequence[int]) -> list[Frame | None]:
        """Return the structures of rows of the data set, None where there is none."""
        if isinstance(self.data, FrameSet):
            return list(self.data.frames(rows))
        return [self.data.structure(row) for row in rows]

    def names_of(self, rows: Sequence[int]) -> list[str]:
        """Name rows of the data set in links, so that no other data set takes them for its own."""
        ids = self.data.table()["material_id"]
        return [f"{row}.{ids.iloc[row]}" for row in rows]

    def row_named(self, name: str | None) -> int | None:
        """Return the row that `names_of` named; None where this data set has no such row."""
        number = (name or "").partition(".")[0]
        row = int(number) if number.isdecimal() and len(number) < 12 else len(self.data)
        return row if row < len(self.data) and self.names_of([row]) == [name] else None


def choose_pairs() -> PairChoice | None:
    """Show the controls that choose a data set and two energies in it."""
    left, middle, right = st.columns([2, 2, 2])
    with left:
        info = choose(
            "Data set",
            [*available("pairs"), *available("frames")],
            key="dataset",
            help_text="Pairs: one material with an energy in both functionals. "
            "Two sets of the same frames in two functionals serve as well.",
        )
    if info is None:
        return None
    choice = _in_table if info.card.kind == "pairs" else _in_frames
    with middle:
        source_box = st.container()
    with right:
        target_box = st.container()
    return choice(info, source_box, target_box)


def _in_table(
    info: DatasetInfo, source_box: DeltaGenerator, target_box: DeltaGenerator
) -> PairChoice | None:
    columns = {energy.column: energy for energy in info.card.energies}
    first, second = default_columns(info.card)
    names = list(columns)
    source = source_box.selectbox(
        "Source energy",
        names,
        index=names.index(first),
        format_func=lambda name: _describe(columns[name]),
        key="source",
        bind="query-params",
        help="What the pretrained model knows.",
    )
    target = target_box.selectbox(
        "Target energy",
        names,
        index=names.index(second),
        format_func=lambda name: _describe(columns[name]),
        key="target",
        bind="query-params",
        help="What the model must learn.",
    )
    data = opened(info)
    key = (info.card.name, key_of(info.card), source, target)
    pairs, summary = _compared(key, data)
    return _choice(
        info.card,
        data,
        pairs,
        summary,
        arguments=shlex.join([info.card.name, "--source", source, "--target", target]),
        target_argument=shlex.join([info.card.name, "--column", target]),
        key=key,
        selection=PairSelection(dataset=info.card.name, source=source, target=target),
    )


def _in_frames(
    info: DatasetInfo, source_box: DeltaGenerator, target_box: DeltaGenerator
) -> PairChoice | None:
    others = [other for other in available("frames") if other.card.name != info.card.name]
    source_box.selectbox(
        "Source energy",
        [f"{info.card.functional} of {info.card.name}"],
        disabled=True,
        help="The functional of the data set chosen on the left.",
    )
    with target_box:
        other = choose(
            "Target energy",
            others,
            key="other",
            help_text="The same frames in another functional.",
        )
    if other is None:
        return None
    data = opened(info)
    key = (info.card.name, key_of(info.card), other.card.name, key_of(other.card))
    target_data = cast("FrameSet", opened(other))
    pairs, summary = _compared(key, data, target_data)
    return _choice(
        info.card,
        data,
        pairs,
        summary,
        arguments=f"{info.card.name} {other.card.name}",
        target_argument=other.card.name,
        key=key,
        selection=PairSelection(dataset=info.card.name, other=other.card.name),
        other=target_data,
    )


@st.cache_resource(max_entries=8, show_spinner="Comparing the two energy scales …")
def _compared(
    key: tuple[str, ...],
    _data: FrameSet | PairSet,
    _other: FrameSet | None = None,
) -> tuple[PairedEnergies, ShiftSummary]:
    if isinstance(_data, PairSet):
        pairs = PairedEnergies.from_pair_set(_data, key[2], key[3])
    else:
        pairs = PairedEnergies.from_frame_sets(_data, cast("FrameSet", _other))
    return pairs, summarize(pairs)


def _choice(
    card: Card,
    data: FrameSet | PairSet,
    pairs: PairedEnergies,
    summary: ShiftSummary,
    *,
    arguments: str,
    target_argument: str,
    key: tuple[str, ...],
    selection: PairSelection,
    other: FrameSet | None = None,
) -> PairChoice:
    labels = {
        f"{functional} by {origin(made)}, {CORRECTIONS[corrections]}"
        for functional, made, corrections in (
            (pairs.source_functional, pairs.source_labels, pairs.source_corrections),
            (pairs.target_functional, pairs.target_labels, pairs.target_corrections),
        )
    }
    made = sorted({pairs.source_labels, pairs.target_labels})
    marked = f"{', '.join(made)}: {MODEL_LABELLED}" if pairs.is_model_labelled else "DFT"
    model_badge({pairs.source_labels, pairs.target_labels})
    if pairs.n_dropped:
        st.caption(f"{pairs.n_dropped:,} rows lack one of the two energies and are left out.")
    return PairChoice(
        data=data,
        pairs=pairs,
        summary=summary,
        source=plain(
            f"Data: {card.name}, {len(pairs):,} pairs. Labels: {'; '.join(sorted(labels))}."
        ),
        labels=f"Data: {card.name}. Labels: {marked}",
        arguments=arguments,
        target_argument=target_argument,
        key=key,
        selection=selection,
        other=other,
    )


def _describe(energy: EnergyColumn) -> str:
    """Name an energy column the way a reader thinks of it."""
    corrections = {"MP2020": ", MP2020-corrected", "none": ", uncorrected", "unknown": ""}
    return f"{energy.functional}{corrections[energy.corrections]} ({energy.column})"
