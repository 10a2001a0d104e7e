"""Choosing a data set, and describing its labels."""

from collections.abc import Iterable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.frames.provenance import MODEL_LABELLED, Provenance
from core.frames.registry import DatasetInfo, list_datasets
from core.frames.schema import DFT, Card, EnergyColumn
from core.potential.released import MODELS
from core.reference.shifts.pairs import default_energy
from pages.parts.shared.page import plain


def choose(label: str, infos: list[DatasetInfo], *, key: str, help_text: str) -> DatasetInfo | None:
    """Show a box for a data set; the choice is part of the page's link.

    Args:
        label: label of the box.
        infos: data sets to choose from.
        key: name in the query.
        help_text: help of the box.

    Returns:
        The data set; None, after saying what to do, if there are none to choose from.
    """
    if not infos:
        st.info("There is no suitable data set yet; import one on the Data page.")
        st.page_link("pages/data.py", label="Import data", icon=":material/upload:")
        return None
    by_name = {info.card.name: info for info in infos}
    linked = st.query_params.get(key)
    name = st.selectbox(label, list(by_name), key=key, bind="query-params", help=help_text)
    if linked is not None and linked not in by_name:
        st.warning(
            plain(f"The link names {linked}, which is not a suitable data set; showing {name}.")
        )
    return by_name.get(name or "")


def key_of(card: Card) -> str:
    """Return a key for caches, which differs between data sets of the same name."""
    return card.model_dump_json()


def available(kind: str | None = None) -> list[DatasetInfo]:
    """Return the data sets of a kind ("frames" or "pairs"), or all."""
    return [info for info in list_datasets() if kind in {None, info.card.kind}]


def frames_to_learn() -> list[DatasetInfo]:
    """Return data sets of frames; first those with something new for the default model."""
    functional = next(iter(MODELS.values())).functional
    return sorted(available("frames"), key=lambda info: info.card.functional == functional)


def show_provenance(provenance: Provenance) -> None:
    """Say once, at the head of a page, which data it shows and who made their labels."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        model_badge(provenance.labels)
        st.caption(plain(provenance.text), width="stretch")


def model_badge(made_by: Iterable[str]) -> None:
    """Mark labels that are not from DFT.

    Args:
        made_by: origins of the labels, "dft" or names of models.
    """
    models = sorted(set(made_by) - {DFT})
    if models:
        st.badge(
            MODEL_LABELLED,
            icon=":material/smart_toy:",
            color="orange",
            help=f"Labels made by {plain(', '.join(models))}: they show how methods behave, not "
            "how good a functional is.",
        )


def choose_energy(
    card: Card, box: DeltaGenerator, *, key: str, help_text: str | None = None
) -> EnergyColumn:
    """Show the energies of a data set of pairs, and return the chosen ones."""
    columns = {energy.column: energy for energy in card.energies}
    name = box.selectbox(
        "Energy",
        list(columns),
        index=list(columns).index(default_energy(card)),
        format_func=lambda column: f"{columns[column].functional} ({column})",
        key=key,
        bind="query-params",
        help=help_text,
    )
    return columns[name]
