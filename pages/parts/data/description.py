"""What the reader says of a table: name, functionals, origin of labels, licence."""

from collections import Counter
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.frames.column_names import UNKNOWN
from core.frames.functionals import MIXED, covers
from core.frames.provenance import CORRECTIONS
from core.frames.schema import DFT, Corrections, EnergyColumn
from core.frames.sources.preview import Preview
from core.frames.tables.guessing import Kind
from pages.parts.shared.page import plain


def describe(
    found: Preview, kind: Kind, mapping: dict[str, str], name: str, key: str
) -> dict[str, Any]:
    """Return name, functionals, corrections, origin of labels and licence.

    Args:
        found: the files.
        kind: what they become.
        mapping: field to column.
        name: a name to suggest.
        key: distinguishes the controls of different files.
    """
    left, middle, right = st.columns(3)
    name = left.text_input(
        "Name of the data set",
        name,
        key=f"name-{key}",
        help="Lower-case letters, digits, '.', '_' and '-'.",
    )
    labels = middle.text_input(
        "Labels by",
        found.labels or DFT,
        key=f"labels-{key}",
        help='"dft", or the name of the model that made them; then they are marked everywhere.',
    )
    licence = right.text_input(
        "Licence",
        "",
        key=f"licence-{key}",
        placeholder="CC-BY-4.0",
        help="Shown with the data, and written into what is exported.",
    )
    settings: dict[str, Any] = {"name": name, "labels": labels, "licence": licence}
    named = found.functionals(mapping)
    if named:
        counts = ", ".join(f"{name} ({n:,})" for name, n in named.most_common(9))
        st.caption(
            plain(f"The file names {counts}. Only what is of the functional given is imported.")
        )
    ends = {"source": left, "target": middle} if kind == "pairs" else {"energy": left}
    energies = {
        mapping[field]: describe_energy(
            box, field, mapping[field], found, key, named=_likely(named)
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


def describe_energy(
    box: DeltaGenerator, field: str, column: str, found: Preview, key: str, *, named: str = ""
) -> tuple[str, Corrections]:
    """Return functional and MP2020 corrections of a column, at first as guessed.

    Args:
        box: where the controls go.
        field: "source", "target" or "energy".
        column: its column.
        found: the files.
        key: distinguishes the controls of different files.
        named: the functional that most rows name, if any do.
    """
    guesses = {energy.column: energy for energy in found.guess.energies}
    guessed = guesses.get(column) or EnergyColumn(column=column, functional="")
    options = list(CORRECTIONS)
    functional = box.text_input(
        f"{field.capitalize()} functional",
        named or guessed.functional.replace(UNKNOWN, ""),
        key=f"functional-{field}-{key}-{column}",
        placeholder="GGA/GGA+U" if field == "source" else "r2SCAN",
        help="Level of theory, such as r2SCAN or PBE.",
    )
    corrections = box.selectbox(
        f"MP2020 corrections, {field}",
        options,
        index=options.index(found.corrections or guessed.corrections),
        format_func=CORRECTIONS.__getitem__,
        key=f"corrections-{field}-{key}-{column}",
        help="Materials Project's GGA and GGA+U energies usually contain them, as do those that "
        "CHGNet 0.3.0 was trained on.",
    )
    return functional, corrections


def _likely(named: Counter[str]) -> str:
    """Return the functional that a file most likely stands for, "" if it names none."""
    if len(named) > 1 and all(covers(MIXED, name) for name in named):
        return MIXED
    return named.most_common(1)[0][0] if named else ""
