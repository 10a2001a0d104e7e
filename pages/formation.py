"""Formation energies of every functional, against each other and against experiment."""

import shlex
from typing import Any

import streamlit as st

from core.frames.pairs import PairSet
from core.frames.registry import open_dataset
from core.frames.store import FrameSet
from core.reference.formation.table import FormationTable
from core.report.formation import provenance_of
from core.studies.corrections import CorrectionsStudy
from pages.parts.formation.references import ask_for_table, choose_references
from pages.parts.formation.view import show_errors, show_parity, show_references
from pages.parts.shared.datasets import available, choose, key_of, show_provenance
from pages.parts.shared.job import computed
from pages.parts.shared.page import command, errors_shown, head, plain


def main() -> None:
    head(
        "Formation energies",
        "How well do two functionals, and experiment, agree on the energy of forming a material "
        "from its elements?",
    )
    with errors_shown():
        left, middle, right = st.columns([2, 2, 2])
        with left:
            info = choose(
                "Data set",
                available("pairs"),
                key="dataset",
                help_text="Materials with total energies in two functionals.",
            )
        if info is None:
            return
        with middle:
            references, argument = choose_references(
                "One source for all elements. Materials with an element that it lacks have no "
                "formation energy; gaps are never filled from elsewhere."
            )
        if references is None:
            ask_for_table()
            return
        formation = formation_table(open_dataset(info.card.name), references)
        for column, reason in formation.without_references.items():
            st.caption(plain(f"{column}: {reason}"))
        with right:
            uncorrected = st.toggle(
                "Also uncorrected (rebuilt)",
                key="rebuilt",
                bind="query-params",
                disabled=not formation.corrected,
                help="Removes the corrections from corrected energies with pymatgen's scheme. "
                "Run types are inferred and oxidation states guessed.",
            )
        uncorrected &= bool(formation.corrected)
        if uncorrected:
            rebuilt = computed(CorrectionsStudy(dataset=info.card.name))
            if rebuilt is not None:
                formation = formation.with_uncorrected(rebuilt.corrections)
        show_provenance(provenance_of(formation))
        show_references(formation)
        compared = show_parity(formation)
        measured = show_errors(formation)
        words = ["atomref", "formation", info.card.name]
        words += [] if argument == "mp" else ["--references", argument]
        words += ["--uncorrected"] if uncorrected else []
        words += ["--experiment", measured] if measured else []
        words += compared
        command(shlex.join(words))


@st.cache_resource(
    max_entries=8,
    show_spinner="Computing formation energies …",
    hash_funcs={PairSet: lambda data: key_of(data.card)},
)
def formation_table(data: FrameSet | PairSet, references: Any) -> FormationTable:
    return FormationTable.of(data, references)


main()
