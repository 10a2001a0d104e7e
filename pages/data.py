"""The data sets of AtomRef Lab, and the import of new ones."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.frames.provenance import CORRECTIONS, origin
from core.frames.registry import catalog, delete_dataset, list_datasets
from core.frames.schema import DFT, Card, Corrections, EnergyColumn
from core.frames.sources.frame_table import import_frames
from core.frames.sources.guessing import FRAME_FIELDS, PAIR_FIELDS, TableGuess, guess
from core.frames.sources.opening import open_table
from core.frames.sources.pair_table import import_pairs
from core.frames.uploads import drop_upload, keep_upload, suggest_name
from pages.parts.shared.datasets import model_badge
from pages.parts.shared.page import command, errors_shown, head, plain
from pages.parts.shared.selection import linked_table

FIELD_HELP = {
    "material_id": "Material id; default: row number",
    "formula": "Formula",
    "structure": "Structure: pymatgen dictionary, CIF or POSCAR",
    "source": "Source energy, eV/atom",
    "target": "Target energy, eV/atom",
    "frame_id": "Frame id",
    "energy": "Total energy, eV/atom",
    "uncorrected_energy": "Energy without MP2020 corrections, eV/atom",
    "forces": "Forces, eV/Å",
    "stress": "Stress, GPa (−0.1 × VASP's kBar)",
    "magmoms": "Magmoms, |μB|",
    "bandgap": "Band gap, eV",
}
KINDS = {
    "pairs": "Pairs: energies of each material in two functionals",
    "frames": "Frames: structures with labels, for training",
}


def main() -> None:
    head(
        "Data",
        "Which data sets are available, and where do their labels come from?",
    )
    if note := st.session_state.pop("data note", None):
        st.success(plain(note), icon=":material/check_circle:")
    with errors_shown():
        show_datasets()
    st.subheader("Import a table")
    with errors_shown():
        import_table()


def show_datasets() -> None:
    infos = list_datasets()
    chosen = linked_table(
        catalog(infos),
        [info.card.name for info in infos],
        param="set",
        key=f"datasets-{'-'.join(info.card.name for info in infos)}",
        hide_index=True,
        column_config={
            "name": "Data set",
            "title": st.column_config.TextColumn("Title", width="large"),
            "kind": "Kind",
            "functional": "Functionals",
            "n": st.column_config.NumberColumn("Rows", format="localized"),
            "n_materials": st.column_config.NumberColumn("Materials", format="localized"),
            "labels": "Labels",
            "embedded": st.column_config.CheckboxColumn("Embedded"),
        },
    )
    if chosen is None:
        st.caption("Select a row for the source and the labels of a data set.")
        command("atomref datasets list")
        return
    info = infos[chosen]
    with st.container(border=True):
        show_card(info.card)
        if not info.embedded:
            offer_deletion(info.card.name)
    command(datasets_command(info.card.name, embedded=info.embedded))


def show_card(card: Card) -> None:
    st.markdown(f"**{plain(card.title or card.name)}**")
    model_badge(card.made_by)
    lines = [card.description]
    if card.kind == "frames":
        lines.append(f"Functional: {card.functional}, {CORRECTIONS[card.corrections]}.")
        lines.append(f"Labels: {origin(card.labels)}.")
    lines += [
        f"{energy.column}: {energy.functional}, {CORRECTIONS[energy.corrections]}, "
        f"labels {origin(energy.labels)}."
        for energy in card.energies
    ]
    if card.source_file:
        lines.append(f"From {card.source_file}, SHA-256 {card.source_sha256[:16]}….")
    lines.append(f"Licence: {card.licence or 'not given'}. Imported {card.created}.")
    for line in filter(None, lines):
        st.markdown(plain(line))


def datasets_command(name: str, *, embedded: bool) -> str:
    lines = [f"atomref datasets show {shlex.quote(name)}"]
    if not embedded:
        lines.append(f"atomref datasets delete {shlex.quote(name)}")
    return "\n".join(lines)


def offer_deletion(name: str) -> None:
    with st.popover("Delete", icon=":material/delete:"):
        st.markdown(f"Delete **{plain(name)}** with its structures and labels? Its runs are kept.")
        if st.button("Delete data set", type="primary", key=f"delete-{name}"):
            delete_dataset(name)
            st.session_state["data note"] = f"Deleted {name}."
            st.rerun()


@st.cache_data(show_spinner="Reading the columns …", max_entries=16)
def guess_columns(path: Path) -> TableGuess:
    return guess(open_table(path))


def import_table() -> None:
    upload = st.file_uploader(
        "A table as CSV (also gzipped) or Parquet",
        key=f"upload-{st.session_state.get('uploads', 0)}",
        help="One row per material with its total energies per atom in two functionals, or one row "
        "per structure with its labels.",
    )
    if upload is None:
        st.caption(
            "Units: total energies eV/atom, forces eV/Å, stress GPa with CHGNet's sign, magmoms "
            "|μB|. Nothing leaves this machine."
        )
        return
    path = keep_upload(upload.name, upload)
    table = guess_columns(path)
    kind = st.segmented_control(
        "Import as",
        list(KINDS),
        format_func=KINDS.__getitem__,
        default=table.kind,
        required=True,
        key=f"kind-{path.parent.name}",
    )
    mapping = choose_columns(table, kind, path.parent.name)
    settings = describe(table, kind, mapping, path)
    if st.button("Import", type="primary", icon=":material/upload:"):
        bar = st.progress(0.0, "Importing …")
        run: Callable[..., Card] = import_pairs if kind == "pairs" else import_frames
        card = run(path, mapping=mapping, progress=bar.progress, **settings)
        drop_upload(path)
        st.session_state["data note"] = f"Imported {card.name}. {card.description}"
        # A new key empties the uploader.
        st.session_state["uploads"] = st.session_state.get("uploads", 0) + 1
        st.rerun()
    command(import_command(path.name, kind, mapping, settings))


def choose_columns(table: TableGuess, kind: str, key: str) -> dict[str, str]:
    """Return field to column, the guess overruled by the reader; "" for a field left out."""
    fields = PAIR_FIELDS if kind == "pairs" else FRAME_FIELDS
    guesses = table.pairs_mapping() if kind == "pairs" else table.frames_mapping()
    options = ["", *table.columns]
    mapping = {}
    columns = st.columns(3)
    for number, field in enumerate(fields):
        mapping[field] = columns[number % 3].selectbox(
            FIELD_HELP[field],
            options,
            index=options.index(guesses.get(field, "")),
            format_func=lambda column: column or "none",
            key=f"{kind}-{field}-{key}",
        )
    return mapping


def describe(table: TableGuess, kind: str, mapping: dict[str, str], path: Path) -> dict[str, Any]:
    """Return what the reader says of a table: name, functionals, origin of labels, licence."""
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
    ends = {"energy": left} if kind == "frames" else {"source": left, "target": middle}
    energies = {
        mapping[field]: describe_energy(box, field, mapping[field], table, key)
        for field, box in ends.items()
        if mapping[field] or kind == "frames"
    }
    if kind == "frames":
        settings["functional"], settings["corrections"] = energies[mapping["energy"]]
    else:
        settings["functionals"] = {column: energy[0] for column, energy in energies.items()}
        settings["corrections"] = {column: energy[1] for column, energy in energies.items()}
    return settings


def describe_energy(
    box: DeltaGenerator, field: str, column: str, table: TableGuess, key: str
) -> tuple[str, Corrections]:
    """Return functional and MP2020 corrections of a column, at first as guessed from its name."""
    guesses = {energy.column: energy for energy in table.energies}
    guessed = guesses.get(column) or EnergyColumn(column=column, functional="")
    options = list(CORRECTIONS)
    functional = box.text_input(
        f"{field.capitalize()} functional",
        guessed.functional,
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


def import_command(file: str, kind: str, mapping: dict[str, str], settings: dict[str, Any]) -> str:
    words = ["atomref", "import", file, "--name", settings["name"]]
    words += ["--format", kind]
    if kind == "frames":
        words += ["--functional", settings["functional"]]
        words += ["--corrections", settings["corrections"]]
    else:
        for column, functional in settings["functionals"].items():
            words += ["--functional", f"{column}={functional}"]
        for column, corrections in settings["corrections"].items():
            words += ["--corrections", f"{column}={corrections}"]
    for field, column in mapping.items():
        words += ["--map", f"{field}={column}"]
    if settings["labels"] != DFT:
        words += ["--labels", settings["labels"]]
    if settings["licence"]:
        words += ["--licence", settings["licence"]]
    return shlex.join(words)


main()
