"""Import of an uploaded table."""

import shlex
from pathlib import Path
from typing import Any

import streamlit as st

from core.frames.schema import DFT
from core.frames.sources.importing import import_dataset, plan_import
from core.frames.tables.guessing import Kind, TableGuess, guess
from core.frames.tables.mapping import ImportPlan
from core.frames.tables.opening import open_table
from core.frames.uploads import drop_upload, keep_upload
from pages.parts.data.columns import choose_columns, choose_units
from pages.parts.data.description import describe
from pages.parts.shared.page import command, plain

KINDS: dict[Kind, str] = {
    "pairs": "Pairs: each material in two functionals",
    "frames": "Frames: structures with labels",
    "energies": "Energies: formulas, one functional",
}


@st.cache_data(show_spinner="Reading the columns …", max_entries=16)
def guess_columns(path: Path) -> TableGuess:
    return guess(open_table(path))


def import_table() -> None:
    upload = st.file_uploader(
        "A table as CSV (also gzipped) or Parquet",
        key=f"upload-{st.session_state.get('uploads', 0)}",
        help="One row per material with its total energies in two functionals or in one, or one "
        "row per structure with its labels.",
    )
    if upload is None:
        st.caption(
            "Units are read from the names of the columns, as in energy_Ha_per_cell or "
            "stress_kbar, or chosen here. Nothing leaves this machine."
        )
        return
    path = keep_upload(upload.name, upload)
    table = guess_columns(path)
    kind: Kind = st.segmented_control(
        "Import as",
        list(KINDS),
        format_func=KINDS.__getitem__,
        default=table.kind,
        required=True,
        key=f"kind-{path.parent.name}",
        wrap=True,
    )
    key = f"{kind}-{path.parent.name}"
    mapping = choose_columns(table, kind, key)
    units, order = choose_units(path, mapping, key)
    settings = describe(table, kind, mapping, path) | {"mapping": mapping, "units": units}
    if order:
        settings["stress_order"] = order
    planned = _plan(path, kind, settings)
    st.caption(plain(planned.sentences))
    if st.button("Import", type="primary", icon=":material/upload:"):
        bar = st.progress(0.0, "Importing …")
        card = import_dataset(path, kind, progress=bar.progress, **settings)
        if kind == "frames":
            # It waits for torch, which the page does not need before.
            from core.transfer.label_check import imported_findings  # noqa: PLC0415

            found = imported_findings(card, progress=bar.progress)
            st.session_state["data findings"] = [finding.text for finding in found]
        drop_upload(path)
        st.session_state["data note"] = f"Imported {card.name}. {card.description}"
        # A new key empties the uploader.
        st.session_state["uploads"] = st.session_state.get("uploads", 0) + 1
        st.rerun()
    command(import_command(str(path), kind, settings))


@st.cache_data(show_spinner=False, max_entries=16)
def _plan(path: Path, kind: Kind, settings: dict[str, Any]) -> ImportPlan:
    names = ("functional", "mapping", "units")
    return plan_import(path, kind, **{name: settings.get(name) for name in names})


def import_command(file: str, kind: Kind, settings: dict[str, Any]) -> str:
    """Return the command that imports the same."""
    words = ["atomref", "import", file, "--name", settings["name"], "--format", kind]
    if kind == "pairs":
        for column, functional in settings["functionals"].items():
            words += ["--functional", f"{column}={functional}"]
        for column, corrections in settings["corrections"].items():
            words += ["--corrections", f"{column}={corrections}"]
    else:
        words += ["--functional", settings["functional"]]
        words += ["--corrections", settings["corrections"]]
    for field, column in settings["mapping"].items():
        words += ["--map", f"{field}={column}"]
    for field, unit in settings["units"].items():
        words += ["--unit", f"{field}={unit}"]
    if order := settings.get("stress_order"):
        words += ["--stress-order", order]
    if settings["labels"] != DFT:
        words += ["--labels", settings["labels"]]
    if settings["licence"]:
        words += ["--licence", settings["licence"]]
    return shlex.join(words)
