"""Formation energies of every functional, against each other and against experiment."""

import shlex

import numpy as np
import pandas as pd
import streamlit as st

from core.frames.pairs import PairSet
from core.reference.fits.element_table import read_element_table
from core.reference.formation.energies import KINDS
from core.reference.formation.table import (
    ColumnFormation,
    column_values,
    formation_columns,
    given_columns,
    measured_columns,
    rebuilt_column,
)
from core.studies.corrections import CorrectionsStudy
from pages.parts.formation.view import Formation, show_errors, show_parity, show_references
from pages.parts.shared.datasets import available, choose, key_of, model_badge, opened
from pages.parts.shared.job import computed
from pages.parts.shared.page import command, errors_shown, head, plain

TABLE = "table"


def main() -> None:
    head(
        "Formation energies",
        "How do two functionals, and experiment, agree on the energy it takes to form a material "
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
        data = opened(info)
        if not isinstance(data, PairSet):
            return
        with middle:
            references, words = choose_references()
        if references is None:
            st.info("Give a CSV file with columns symbol, energy (eV/atom) and functional.")
            return
        model_badge(info.card.made_by)
        found, without = formed((key_of(info.card), words), data, references)
        for column, reason in without.items():
            st.caption(plain(f"{column}: {reason}"))
        corrected = [one for one in found if one.column.corrections == "MP2020"]
        with right:
            wanted = st.toggle(
                "Also uncorrected, rebuilt",
                key="rebuilt",
                bind="query-params",
                disabled=not corrected,
                help="Takes the corrections out of corrected energies through pymatgen's scheme: "
                "run types are inferred, oxidation states guessed.",
            )
        if wanted and corrected:
            taken = computed(CorrectionsStudy(dataset=info.card.name))
            if taken is not None:
                found = [*found, *(rebuilt_column(one, taken.corrections) for one in corrected)]
        formation = gathered(info.card.name, data, found)
        show_references(formation)
        show_parity(formation)
        measured = show_errors(formation)
        line = ["python -m core formation", shlex.quote(info.card.name)]
        line += [] if words == "mp" else ["--references", shlex.quote(words)]
        line += ["--uncorrected"] if wanted and corrected else []
        line += ["--experiment", shlex.quote(measured)] if measured else []
        command(" ".join(line))


def choose_references() -> tuple[str | pd.DataFrame | None, str]:
    """Let the reader choose the elements' energies: them, and how a command names them."""
    names = {str(key): words for key, words in KINDS.items()} | {TABLE: "a table of mine (CSV)"}
    kind = st.selectbox(
        "Pure elements from",
        list(names),
        format_func=lambda name: names[name],
        key="references",
        bind="query-params",
        help="One source for all elements. Materials with an element that it lacks have no "
        "formation energy; nothing is filled in from elsewhere.",
    )
    if kind != TABLE:
        return kind, kind
    file = st.file_uploader(
        "Table of references",
        type="csv",
        key="references-file",
        help="Columns symbol, energy (eV/atom) and functional, one row an element and functional.",
    )
    return (None, TABLE) if file is None else (read_element_table(file), file.name)


@st.cache_resource(max_entries=8, show_spinner="Computing formation energies …")
def _formed(
    key: tuple[str, ...],  # noqa: ARG001  part of the cache's key
    _data: PairSet,
    references: str,
) -> tuple[list[ColumnFormation], dict[str, str]]:
    return formation_columns(_data, references)


def formed(
    key: tuple[str, ...], data: PairSet, references: str | pd.DataFrame
) -> tuple[list[ColumnFormation], dict[str, str]]:
    """Compute formation energies; those from embedded references once for all readers."""
    if isinstance(references, str):
        return _formed(key, data, references)
    return formation_columns(data, references)


def gathered(name: str, data: PairSet, found: list[ColumnFormation]) -> Formation:
    """Put formation energies computed here beside those that the data set brings."""
    values: dict[str, np.ndarray] = {one.column.column: one.energies for one in found}
    given = {f"{column}, as given": column_values(data, column) for column in given_columns(data)}
    measured = {column: column_values(data, column) for column in measured_columns(data)}
    return Formation(
        name=name, data=data, columns=found, energies=values | given, measured=measured
    )


main()
