"""The choice of the elements' energies: embedded, the data set's own, or an uploaded table."""

from typing import Any

import streamlit as st

from core.boxed import ask
from core.frames.uploads import keep_upload
from core.reference.fits.element_table import read_element_table
from core.reference.formation.energies import KINDS

TABLE = "table"


def choose_references(help_text: str) -> tuple[Any, str]:
    """Show the choice of the elements' energies.

    Args:
        help_text: what the page does with them.

    Returns:
        The choice as `core.reference.formation.energies.references_of` takes it, None while there
        is no file yet; and the same as an argument of the command.

    Raises:
        LabError: if the uploaded file cannot be read.
    """
    names = {str(kind): label for kind, label in KINDS.items()}
    names[TABLE] = "your own table (CSV)"
    kind = st.selectbox(
        "Pure elements from",
        list(names),
        format_func=lambda name: names[name],
        key="references",
        bind="query-params",
        help=help_text,
    )
    if kind != TABLE:
        return kind, kind
    file = st.file_uploader(
        "Table of references",
        type=["csv", "json"],
        key="references-file",
        help="CSV with columns symbol, energy (eV/atom) and, for several functionals, functional, "
        "one row per element and functional; or a dictionary of energies by element in JSON.",
    )
    if file is None:
        return None, TABLE
    path = keep_upload(file.name, file)
    # Not in this process, which everybody shares.
    return ask(read_element_table, path, name=file.name), str(path)


def ask_for_table() -> None:
    """Say what to do while no table has been chosen."""
    st.info(
        "Choose a file of the elements' energies: a CSV file with columns symbol, energy (eV/atom) "
        "and, for several functionals, functional."
    )
