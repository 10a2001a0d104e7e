"""Choosing the energies of one functional."""

from dataclasses import dataclass

import streamlit as st

from core.frames.pairs import PairSet
from core.frames.provenance import CORRECTIONS, Provenance
from core.frames.schema import Card
from core.frames.store import FrameSet
from core.reference.shifts.labelled import LabelledEnergies
from core.studies.selection import EnergySelection
from pages.parts.shared.datasets import available, choose, choose_energy, key_of, show_provenance


@dataclass(kw_only=True, frozen=True)
class EnergyChoice:
    """Energies of one functional with their data.

    Attributes:
        selection: the selection, as studies take it.
        opened: the energies and the data set they come from.
        key: identifies selection and data in caches.
    """

    selection: EnergySelection
    opened: LabelledEnergies
    key: tuple[str, ...]

    @property
    def data(self) -> FrameSet | PairSet:
        """Data set of the rows and their structures."""
        return self.opened.data

    @property
    def source(self) -> Provenance:
        """Data set, labels and corrections."""
        energies = self.opened
        return Provenance(
            data=self.selection.dataset,
            labels={energies.labels},
            details=f"{len(energies.rows):,} energies in {energies.functional}, "
            f"{CORRECTIONS[energies.corrections]}.",
        )


def choose_energies() -> EnergyChoice | None:
    """Show the controls for a data set and one of its energies."""
    left, right = st.columns(2)
    with left:
        info = choose(
            "Data set",
            [*available("pairs"), *available("frames")],
            key="of",
            help_text="Formulas or structures with one energy each are enough.",
        )
    if info is None:
        return None
    column = None
    if info.card.kind == "pairs":
        column = choose_energy(info.card, right, key="energy").column
    selection = EnergySelection(dataset=info.card.name, column=column)
    choice = _open(selection, info.card)
    show_provenance(choice.source)
    return choice


@st.cache_resource(
    max_entries=8, show_spinner=False, hash_funcs={EnergySelection: EnergySelection.model_dump_json}
)
def _open(selection: EnergySelection, card: Card) -> EnergyChoice:
    key = (selection.model_dump_json(), key_of(card))
    return EnergyChoice(selection=selection, opened=selection.open(), key=key)
