"""Formation energies of every functional, against each other and against experiment."""

import shlex
from typing import Any

import streamlit as st

from core.boxed import ask
from core.frames.pairs import PairSet
from core.frames.registry import open_dataset
from core.frames.store import FrameSet
from core.frames.uploads import keep_upload
from core.reference.fits.element_table import read_element_table
from core.reference.formation.energies import KINDS
from core.reference.formation.table import FormationTable
from core.studies.corrections import CorrectionsStudy
from pages.parts.formation.view import provenance_of, show_errors, show_parity, show_references
from pages.parts.shared.datasets import available, choose, key_of, show_provenance
from pages.parts.shared.job import computed
from pages.parts.shared.page import command, errors_shown, head, plain

TABLE = "table"


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
            references, argument = choose_references()
        if references is None:
            st.info("Choose a CSV file with columns symbol, energy (eV/atom) and functional.")
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
        show_parity(formation)
        measured = show_errors(formation)
        words = ["atomref", "formation", info.card.name]
        words += [] if argument == "mp" else ["--references", argument]
        words += ["--uncorrected"] if uncorrected else []
        words += ["--experiment", measured] if measured else []
        command(shlex.join(words))


def choose_references() -> tuple[Any, str]:
    """Show the choice of the elements' energies.

    Returns:
        The choice as `FormationTable.of` takes it, None while there is no file yet; and the same as
        an argument of the command.
    """
    names = {str(kind): label for kind, label in KINDS.items()}
    names[TABLE] = "your own table (CSV)"
    kind = st.selectbox(
        "Pure elements from",
        list(names),
        format_func=lambda name: names[name],
        key="references",
        bind="query-params",
        help="One source for all elements. Materials with an element that it lacks have no "
        "formation energy; gaps are never filled from elsewhere.",
    )
    if kind != TABLE:
        return kind, kind
    file = st.file_uploader(
        "Table of references",
        type=["csv", "json"],
        key="references-file",
        help="CSV with columns symbol, energy (eV/atom) and functional, one row per element and "
        "functional; or a dictionary of energies by element in JSON.",
    )
    if file is None:
        return None, TABLE
    path = keep_upload(file.name, file)
    # Not in this process, which everybody shares.
    return ask(read_element_table, path, name=file.name), str(path)


@st.cache_resource(
    max_entries=8,
    show_spinner="Computing formation energies …",
    hash_funcs={PairSet: lambda data: key_of(data.card)},
)
def formation_table(data: FrameSet | PairSet, references: Any) -> FormationTable:
    return FormationTable.of(data, references)


main()
