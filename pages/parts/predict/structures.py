"""The structures of the page: files, pasted text, or a formula; kept under a name in the link."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from core.boxed import ask
from core.errors import LabError
from core.frames.tables.pasted import keep_pasted
from core.frames.uploads import keep_upload
from core.studies.models.given import GivenStructures, found_given, keep, kept, read_given
from pages.parts.shared.datasets import available
from pages.parts.shared.page import plain
from pages.parts.shared.selection import link_to, linked
from pages.parts.shared.views import one_of

PARAM = "structures"
WAYS = {"files": "Files", "text": "Pasted text", "formula": "Formula"}
_TAKEN = "structures taken from"
_SHOWN = 20


def choose_structures() -> tuple[str, GivenStructures] | None:
    """Show the ways to give structures.

    Returns:
        The name under which they are kept, and the structures; None, after saying what to do,
        while there are none.

    Raises:
        LabError: if what was given holds no structure; what was there before stays in the link.
    """
    way = one_of(
        st,
        "Structures from",
        list(WAYS),
        format_func=WAYS.__getitem__,
        default="formula",
        key="from",
        wrap=True,
        help="Your own files or text, or the lab's data by formula.",
    )
    {"files": _from_files, "text": _from_text, "formula": _from_formula}[way]()
    name = linked(PARAM)
    if name is None:
        st.info(
            "Give a structure: a CIF, POSCAR, extended XYZ or JSON, or a formula such as LiFePO4, "
            "whose known structures are taken.",
            icon=":material/upload_file:",
        )
        return None
    structures = given_structures(name)
    _show_left_out(structures)
    return name, structures


@st.cache_resource(max_entries=16, show_spinner=False)
def given_structures(name: str) -> GivenStructures:
    """Return structures that are kept, read once for all readers."""
    return kept(name)


def _from_files() -> None:
    files = st.file_uploader(
        "CIF, POSCAR, extended XYZ, JSON or other files with structures",
        accept_multiple_files=True,
        key="structure-files",
        help="Several at once, of any forms that ASE or pymatgen write. Nothing leaves this "
        "machine.",
    )
    if files:
        paths = tuple(str(keep_upload(file.name, file)) for file in files)
        _take(paths, lambda: _read(paths))


def _from_text() -> None:
    text = st.text_area(
        "Text of a CIF, POSCAR, extended XYZ or JSON",
        key="structure-text",
        height=180,
        placeholder="data_NaCl\n_cell_length_a 5.69\n…",
        help="Recognised by content; several structures where the form allows it.",
    )
    if text.strip():
        _take(text, lambda: _read((str(keep_pasted(text)),)))


def _read(paths: tuple[str, ...]) -> GivenStructures:
    """Read files that the server keeps; readers know the names of theirs, not where they are."""
    try:
        return ask(read_given, paths)
    except LabError as error:
        message = str(error)
        for path in paths:
            message = message.replace(path, Path(path).name)
        raise LabError(message) from error


def _from_formula() -> None:
    left, right = st.columns([2, 2])
    names = [info.card.name for info in [*available("pairs"), *available("frames")]]
    dataset = right.selectbox(
        "In the data set", names, key="dataset", bind="query-params", help="Where structures are."
    )
    text = left.text_input(
        "Formula or chemical system",
        key="formula",
        bind="query-params",
        placeholder="LiFePO4, or Li-Fe-O",
        help="NaCl finds this formula, Na-Cl all compounds of these elements.",
    )
    if text and text.strip() and dataset:
        _take((dataset, text.strip()), lambda: found_given(dataset, text))


def _take(source: Any, read: Callable[[], GivenStructures]) -> None:
    """Read what was given, once, and put its name into the link."""
    if st.session_state.get(_TAKEN) == source:
        return
    with st.spinner("Reading structures …"):
        name = keep(read())
    st.session_state[_TAKEN] = source
    link_to(PARAM, name)


def _show_left_out(structures: GivenStructures) -> None:
    left_out = structures.left_out
    if not left_out:
        return
    with st.expander(f"{len(left_out):,} structures are left out", icon=":material/error:"):
        for one in left_out[:_SHOWN]:
            st.markdown(plain(f"{one['file']}, {one['frame']}: {one['why']}"))
        if len(left_out) > _SHOWN:
            st.caption(f"And {len(left_out) - _SHOWN:,} more.")
