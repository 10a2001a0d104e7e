"""The list of data sets, and the card of one of them."""

import shlex

import streamlit as st

from core.frames.provenance import CORRECTIONS, origin
from core.frames.registry import DatasetInfo, catalog, delete_dataset, list_datasets
from core.frames.schema import Card
from pages.parts.shared.datasets import model_badge
from pages.parts.shared.page import command, plain
from pages.parts.shared.selection import linked_table


def show_datasets() -> DatasetInfo | None:
    """Show the list of data sets and the card of the selected one, which is returned."""
    infos = list_datasets()
    chosen = linked_table(
        catalog(infos),
        [info.card.name for info in infos],
        param="set",
        key=f"datasets-{'-'.join(info.card.name for info in infos)}",
        hide_index=True,
        column_config={
            "name": "Data set",
            "title": st.column_config.TextColumn("Title", width=200),
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
        return None
    info = infos[chosen]
    with st.container(border=True):
        show_card(info.card)
        if not info.embedded:
            offer_deletion(info.card.name)
    command(shlex.join(["atomref", "datasets", "show", info.card.name]))
    return info


def show_card(card: Card) -> None:
    st.markdown(f"**{plain(card.title or card.name)}**")
    model_badge(card.made_by)
    lines = []
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
    lines.append(f"Licence: {card.licence.rstrip('.') or 'not given'}. Imported {card.created}.")
    for text in filter(None, (card.description, " ".join(lines))):
        st.markdown(plain(text))


def offer_deletion(name: str) -> None:
    with st.popover("Delete", icon=":material/delete:", help="Asks before it deletes."):
        st.markdown(f"Delete **{plain(name)}** with its structures and labels? Its runs are kept.")
        if st.button(
            "Delete data set",
            type="primary",
            key=f"delete-{name}",
            help="Removes it from this server; runs that were trained on it keep their results.",
        ):
            delete_dataset(name)
            st.session_state["data note"] = f"Deleted {name}."
            st.rerun()
