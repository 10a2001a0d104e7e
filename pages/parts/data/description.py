"""What the reader says of a table: name, functionals, origin of labels, licence."""

from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.frames.provenance import CORRECTIONS
from core.frames.schema import DFT, Corrections, EnergyColumn
from core.frames.tables.guessing import Kind, TableGuess
from core.frames.tables.mapping import functionals_in_rows
from core.frames.tables.opening import open_table
from core.frames.uploads import suggest_name
from pages.parts.shared.page import plain


def describe(table: TableGuess, kind: Kind, mapping: dict[str, str], path: Path) -> dict[str, Any]:
    """Return name, functionals, corrections, origin of labels and licence."""
    key = f"{kind}-{path.parent.name}"
    left, middle, right = st.columns(3)
    name = left.text_input("Name of the data set", suggest_name(path.name), key=f"name-{key}")
    labels = middle.text_input(
        "Labels by",
        DFT,
        key=f"labels-{key}",
        help='"dft", or the name of the model that made them; then they are marked everywhere.',
    )
    licence = right.text_input("Licence", "", key=f"licence-{key}", placeholder="CC-BY-4.0")
    settings: dict[str, Any] = {"name": name, "labels": labels, "licence": licence}
    named = _functionals(path, mapping.get("functional", ""))
    if named:
        counts = ", ".join(f"{name} ({n:,})" for name, n in named.items())
        st.caption(
            plain(f"The rows name {counts}. Only rows of the functional given here are imported.")
        )
    ends = {"source": left, "target": middle} if kind == "pairs" else {"energy": left}
    energies = {
        mapping[field]: describe_energy(
            box, field, mapping[field], table, key, named=next(iter(named), "")
        )
        for field, box in ends.items()
        if mapping[field] or kind != "pairs"
    }
    if kind == "pairs":
        settings["functionals"] = {column: energy[0] for column, energy in energies.items()}
        settings["corrections"] = {column: energy[1] for column, energy in energies.items()}
    else:
        settings["functional"], settings["corrections"] = energies[mapping["energy"]]
    return settings


@st.cache_data(show_spinner=False, max_entries=16)
def _functionals(path: Path, column: str) -> dict[str, int]:
    """Return the functionals that rows name with their numbers, the most common first."""
    if not column:
        return {}
    return dict(functionals_in_rows(open_table(path), column).most_common(9))


def describe_energy(
    box: DeltaGenerator, field: str, column: str, table: TableGuess, key: str, *, named: str = ""
) -> tuple[str, Corrections]:
    """Return functional and MP2020 corrections of a column, at first as guessed.

    Args:
        box: where the controls go.
        field: "source", "target" or "energy".
        column: its column.
        table: the guessed contents of the table.
        key: distinguishes the controls of different tables.
        named: the functional that most rows name, if a column does.
    """
    guesses = {energy.column: energy for energy in table.energies}
    guessed = guesses.get(column) or EnergyColumn(column=column, functional="")
    options = list(CORRECTIONS)
    functional = box.text_input(
        f"{field.capitalize()} functional",
        named or guessed.functional,
        key=f"functional-{field}-{key}-{column}",
        placeholder="GGA/GGA+U" if field == "source" else "r2SCAN",
    )
    corrections = box.selectbox(
        f"MP2020 corrections, {field}",
        options,
        index=options.index(guessed.corrections),
        format_func=CORRECTIONS.__getitem__,
        key=f"corrections-{field}-{key}-{column}",
        help="Materials Project's GGA and GGA+U energies usually contain them, as do those that "
        "CHGNet 0.3.0 was trained on.",
    )
    return functional, corrections
