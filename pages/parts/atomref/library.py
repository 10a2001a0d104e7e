"""AtomRef with names: kept, brought in, compared with chgnet's own, and taken along."""

import shlex
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import streamlit as st

from core.figures.atomref.vectors import atomref_difference
from core.potential.released import MODELS
from core.reference.fits.atomref import AtomRef
from core.reference.fits.compare import explained, side_by_side
from core.reference.fits.library import delete_atomref, read_atomref, save_atomref, saved_atomrefs
from core.reference.shifts.pairs import PairedEnergies
from core.runs.record.named_models import checkpoint_of, runs_with_models
from core.transfer.named_atomrefs import named_atomrefs, write_into_model
from core.transfer.pair_fits import Side
from pages.parts.atomref.form import FitChoice, fitted
from pages.parts.shared.figure import show
from pages.parts.shared.page import command, errors_shown, is_dark, plain
from pages.parts.shared.pairs import PairChoice

THIS = {"this-target": "this fit, target", "this-source": "this fit, source"}
MOST_BYTES = 10_000_000


def library(choice: PairChoice, how: FitChoice) -> None:
    """Show the controls for named AtomRef.

    Args:
        choice: The data whose energies each AtomRef is held against.
        how: How this page fits its own.
    """
    source, target = (fitted(choice, how, side).fit for side in ("source", "target"))
    if note := st.session_state.pop("atomref note", None):
        st.success(plain(note), icon=":material/check_circle:")
    known = {"this-target": target, "this-source": source, **_chgnet(), **saved_atomrefs()}
    with errors_shown():
        compare(choice, known)
    st.subheader("Keep and bring")
    left, right = st.columns(2, gap="large")
    with left, errors_shown():
        keep(known)
    with right, errors_shown():
        bring()
    st.subheader("Take along")
    with errors_shown():
        take_along(known, choice, how)


@st.cache_resource(show_spinner=False)
def _chgnet() -> Mapping[str, AtomRef]:
    return {name: one for name, one in named_atomrefs().items() if name.startswith("chgnet-")}


def name_of(key: str) -> str:
    """Return what a reader calls an AtomRef."""
    return THIS.get(key, key)


def compare(choice: PairChoice, known: Mapping[str, AtomRef]) -> None:
    """Lay the chosen AtomRef side by side."""
    st.subheader("Compare")
    chosen = st.multiselect(
        "AtomRef",
        list(known),
        default=["this-target", "chgnet-mp-r2scan"],
        format_func=name_of,
        key="compare",
        bind="query-params",
        help="chgnet's own come with its released models: MPtrj with 0.3.0, MP-r2SCAN with r2scan.",
    )
    if not chosen:
        st.info("Choose one AtomRef or several.")
        return
    several = {name_of(key): known[key] for key in chosen}
    if len(chosen) > 1:
        difference(choice, several)
    pairs = choice.pairs
    st.markdown(
        plain(f"How well each explains the total energies by composition alone ({choice.labels}):")
    )
    held = [
        {"AtomRef": name, "of": one.functional, "energies": functional}
        | held_against(choice.key, one.to_json(), side, one, pairs)
        for name, one in several.items()
        for side, functional in (
            ("target", pairs.target_functional),
            ("source", pairs.source_functional),
        )
        if one.functional == functional
    ]
    if held:
        st.dataframe(
            pd.DataFrame(held),
            hide_index=True,
            column_config={
                "of": "Fitted to",
                "energies": "Held against",
                "n": "Materials",
                "n_unknown": st.column_config.NumberColumn(
                    "Left out", help="Materials with an element that it does not know."
                ),
                "mae": st.column_config.NumberColumn(
                    "Mean |scaled energy|, eV/atom", format="%.3f"
                ),
                "spread": st.column_config.NumberColumn(
                    "Spread, eV/atom",
                    format="%.3f",
                    help="Standard deviation of scaled energies: what no constant could mend.",
                ),
                "mean": st.column_config.NumberColumn("Mean, eV/atom", format="%.3f"),
            },
        )
        st.caption(
            "This page's fit is held against the materials that it was fitted to, so it looks a "
            "little better than on others."
        )
    st.dataframe(
        side_by_side(several),
        hide_index=True,
        height=280,
        column_config={
            "symbol": "Element",
            "spread": st.column_config.NumberColumn("Spread, eV/atom", format="%.4f"),
            **{
                name: st.column_config.NumberColumn(f"{name}, eV/atom", format="%.4f")
                for name in several
            },
        },
    )


@st.cache_data(max_entries=128, show_spinner=False)
def held_against(
    key: tuple[str, ...],  # noqa: ARG001  part of the cache's key
    content: str,  # noqa: ARG001  the same
    side: str,
    _one: AtomRef,
    _pairs: PairedEnergies,
) -> dict[str, float]:
    """Tell once how well an AtomRef explains the energies of one functional."""
    energies = _pairs.target if side == "target" else _pairs.source
    return asdict(explained(_one, _pairs.fractions, energies))


def difference(choice: PairChoice, several: Mapping[str, AtomRef]) -> None:
    """Draw the first two of the chosen AtomRef against each other."""
    (one, first), (other, second), *_ = several.items()
    table = side_by_side({one: first, other: second}).set_index("symbol")
    both = table.dropna()
    show(
        atomref_difference(
            dict(zip(both.index.astype(str), both[one], strict=True)),
            dict(zip(both.index.astype(str), both[other], strict=True)),
            source_name=one,
            target_name=other,
            dark=is_dark(),
        ),
        name="atomref-compared",
        caption="Second less first. References of one functional differ by what their materials "
        "make of each element; those of two functionals by the change of scale.",
        source=choice.source,
        labels=choice.labels,
        table=table.reset_index,
    )


def keep(known: Mapping[str, AtomRef]) -> None:
    """Keep this page's fit under a name, or delete a kept one."""
    with st.form("keep-atomref", border=True):
        which = st.selectbox("Keep", list(THIS), format_func=name_of)
        name = st.text_input("Under the name", placeholder="my-r2scan", max_chars=60)
        if st.form_submit_button("Keep it", icon=":material/save:"):
            save_atomref(name, known[which])
            st.session_state["atomref note"] = f"Kept {known[which].functional} as {name}."
            st.rerun()
    kept = list(saved_atomrefs())
    if kept:
        with st.popover("Delete a kept AtomRef", icon=":material/delete:"):
            doomed = st.selectbox("AtomRef", kept)
            if st.button("Delete it", type="primary"):
                delete_atomref(doomed)
                st.session_state["atomref note"] = f"Deleted {doomed}."
                st.rerun()


def bring() -> None:
    """Keep an AtomRef from a file."""
    with st.form("bring-atomref", border=True, clear_on_submit=True):
        upload = st.file_uploader(
            "A JSON file of this lab, or CSV with the columns symbol and energy (eV/atom)",
            type=["json", "csv"],
        )
        left, right = st.columns(2)
        name = left.text_input("Under the name", placeholder="theirs", max_chars=60)
        functional = right.text_input("Functional (for CSV)", placeholder="r2SCAN", max_chars=60)
        if st.form_submit_button("Bring it in", icon=":material/upload:"):
            if upload is None:
                st.error("Choose a file first.")
                return
            content = upload.read(MOST_BYTES)
            save_atomref(name, read_atomref(content, name=upload.name, functional=functional))
            st.session_state["atomref note"] = f"Kept {upload.name} as {name}."
            st.rerun()


def take_along(known: Mapping[str, AtomRef], choice: PairChoice, how: FitChoice) -> None:
    """Download an AtomRef as JSON, as CSV, or inside a CHGNet checkpoint."""
    left, right = st.columns(2)
    key = left.selectbox(
        "AtomRef to take", list(known), format_func=name_of, key="take", bind="query-params"
    )
    model = right.selectbox(
        "As the composition_model of",
        [*MODELS, *runs_with_models()],
        key="into",
        bind="query-params",
        help="A CHGNet checkpoint with this model's weights and the chosen AtomRef, which stock "
        "CHGNet.from_file loads. Elements that the AtomRef does not know keep the model's own.",
    )
    one = known[key]
    stem = f"atomref-{key}" if key not in THIS else f"atomref-{one.functional.replace('/', '-')}"
    buttons = st.columns(3)
    buttons[0].download_button(
        "JSON",
        data=one.to_json,
        file_name=f"{stem}.json",
        mime="application/json",
        on_click="ignore",
        icon=":material/download:",
    )
    buttons[1].download_button(
        "CSV",
        data=lambda: one.table()[one.known].to_csv(index=False).encode(),
        file_name=f"{stem}.csv",
        mime="text/csv",
        on_click="ignore",
        icon=":material/download:",
    )
    buttons[2].download_button(
        "CHGNet checkpoint",
        data=lambda: checkpoint(one, model),
        file_name=f"{model}-{stem}.pth.tar",
        mime="application/octet-stream",
        on_click="ignore",
        icon=":material/download:",
    )
    named, lines = key, []
    if key in THIS:
        side: Side = "target" if key == "this-target" else "source"
        named = f"{stem}.json"
        lines = [
            f"{how.command(choice, side)} --out {shlex.quote(named)}",
            f"atomref atomrefs save my-atomref {shlex.quote(named)}",
        ]
    into = f"--model {shlex.quote(model)} --out {shlex.quote(f'{model}-{stem}.pth.tar')}"
    command("\n".join([*lines, f"atomref atomrefs export {shlex.quote(named)} {into}"]))


def checkpoint(one: AtomRef, model: str) -> bytes:
    """Return the bytes of a CHGNet checkpoint with this AtomRef."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "model.pth.tar"
        write_into_model(one, checkpoint_of(model), path)
        return path.read_bytes()
