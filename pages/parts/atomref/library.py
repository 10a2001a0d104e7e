"""AtomRef, view "Library": comparing, saving, importing and exporting AtomRef."""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import streamlit as st

from core.boxed import ask
from core.csv_text import csv_text
from core.figures.atomref.vectors import atomref_difference
from core.frames.functionals import same_functional
from core.potential.chgnet_atomref import CHGNET_ATOMREFS
from core.potential.released import MODELS
from core.reference.fits.atomref import AtomRef
from core.reference.fits.compare import explained, side_by_side
from core.reference.fits.library import delete_atomref, read_atomref, save_atomref, saved_atomrefs
from core.runs.record.named_models import checkpoint_of, runs_with_models
from core.studies.atomref_fit import AtomRefStudy, Side
from core.studies.pair_choice import PairChoice
from core.transfer.named_atomrefs import model_bytes, named_atomrefs
from pages.parts.atomref.form import cached, fitted
from pages.parts.shared.figure import show
from pages.parts.shared.page import command, errors_shown, is_dark, plain

THIS_FIT: dict[str, tuple[str, Side]] = {
    "this-target": ("this fit, target", "target"),
    "this-source": ("this fit, source", "source"),
}
MOST_BYTES = 10_000_000
NOTE = "atomref note"


def show_library(choice: PairChoice, study: AtomRefStudy) -> None:
    """Show the named AtomRef and this page's fits.

    Args:
        choice: pairs whose energies each AtomRef is compared with.
        study: this page's fit.
    """
    fits = {key: study.model_copy(update={"side": side}) for key, (_, side) in THIS_FIT.items()}
    if note := st.session_state.pop(NOTE, None):
        st.success(plain(note), icon=":material/check_circle:")
    atomrefs = {key: fitted(choice, fit).atomref for key, fit in fits.items()}
    atomrefs |= {**chgnet_atomrefs(), **saved_atomrefs()}
    with errors_shown():
        compare(choice, atomrefs)
    st.subheader("Save and import")
    left, right = st.columns(2, gap="large")
    with left, errors_shown():
        save_or_delete(atomrefs)
    with right, errors_shown():
        import_file()
    st.subheader("Export")
    with errors_shown():
        export(atomrefs, fits)


@st.cache_resource(show_spinner=False)
def chgnet_atomrefs() -> Mapping[str, AtomRef]:
    """Return the AtomRef of chgnet's released models by name."""
    return {name: atomref for name, atomref in named_atomrefs().items() if name in CHGNET_ATOMREFS}


def label_of(key: str) -> str:
    """Return the label of an AtomRef."""
    return THIS_FIT[key][0] if key in THIS_FIT else key


def compare(choice: PairChoice, atomrefs: Mapping[str, AtomRef]) -> None:
    """Show the chosen AtomRef side by side."""
    st.subheader("Compare")
    keys = st.multiselect(
        "AtomRef",
        list(atomrefs),
        default=["this-target", "chgnet-mp-r2scan"],
        format_func=label_of,
        key="compare",
        bind="query-params",
        help="chgnet's own come with its released models: MPtrj with 0.3.0, MP-r2SCAN with r2scan.",
    )
    if not keys:
        st.info("Choose at least one AtomRef.")
        return
    chosen = {label_of(key): atomrefs[key] for key in keys}
    if len(chosen) > 1:
        show_difference(choice, chosen)
    show_scaled_energies(choice, chosen)
    energy = {
        name: st.column_config.NumberColumn(f"{name}, eV/atom", format="%.4f") for name in chosen
    }
    spread = st.column_config.NumberColumn("Spread, eV/atom", format="%.4f")
    st.dataframe(
        side_by_side(chosen),
        hide_index=True,
        height=280,
        column_config={"symbol": "Element", "spread": spread, **energy},
    )


def show_difference(choice: PairChoice, atomrefs: Mapping[str, AtomRef]) -> None:
    """Show the difference of the first two AtomRef."""
    first, second, *_ = atomrefs
    table = side_by_side({name: atomrefs[name] for name in (first, second)})
    both = table.dropna()
    show(
        atomref_difference(
            dict(zip(both["symbol"], both[first], strict=True)),
            dict(zip(both["symbol"], both[second], strict=True)),
            source_name=first,
            target_name=second,
            dark=is_dark(),
        ),
        name="atomref-compared",
        caption="Second minus first. Two AtomRef of one functional differ because they were fitted "
        "to different materials; those of two functionals differ by the change of scale too.",
        source=choice.source,
        table=lambda: table,
    )


def show_scaled_energies(choice: PairChoice, atomrefs: Mapping[str, AtomRef]) -> None:
    """Show how much of the total energies each AtomRef explains."""
    st.markdown(
        plain(f"How much of the total energies composition alone explains ({choice.source.line}):")
    )
    functionals: dict[Side, str] = {
        "target": choice.pairs.target_functional,
        "source": choice.pairs.source_functional,
    }
    rows = [
        {"AtomRef": name, "of": atomref.functional, "energies": functional}
        | explained_energies(choice, atomref, side)
        for name, atomref in atomrefs.items()
        for side, functional in functionals.items()
        if same_functional(atomref.functional, functional)
    ]
    if not rows:
        return
    st.dataframe(
        rows,
        hide_index=True,
        column_config={
            "of": "Fitted to",
            "energies": "Compared with",
            "n": "Materials",
            "n_unknown": st.column_config.NumberColumn(
                "Left out", help="Materials with an element that has no reference."
            ),
            "mae": st.column_config.NumberColumn("Mean |scaled energy|, eV/atom", format="%.3f"),
            "spread": st.column_config.NumberColumn(
                "Spread, eV/atom",
                format="%.3f",
                help="Standard deviation of the scaled energies: what no constant can remove.",
            ),
            "mean": st.column_config.NumberColumn("Mean, eV/atom", format="%.3f"),
        },
    )
    st.caption(
        "This page's fit is compared with the materials that it was fitted to, so its errors are "
        "slightly smaller than on others."
    )


@cached(max_entries=128)
def explained_energies(choice: PairChoice, atomref: AtomRef, side: Side) -> dict[str, Any]:
    """Return how well an AtomRef explains the energies of one functional, computed once."""
    pairs = choice.pairs
    energies = pairs.target if side == "target" else pairs.source
    return asdict(explained(atomref, pairs.fractions, energies))


def save_or_delete(atomrefs: Mapping[str, AtomRef]) -> None:
    """Save this page's fit under a name, or delete a saved AtomRef."""
    with st.form("keep-atomref", border=True):
        key = st.selectbox(
            "Save",
            list(THIS_FIT),
            format_func=label_of,
            help="Which of the fits on this page is saved.",
        )
        name = st.text_input(
            "Name",
            placeholder="my-r2scan",
            max_chars=60,
            help="How it is called in lists and commands.",
        )
        if st.form_submit_button("Save", icon=":material/save:"):
            save_atomref(name, atomrefs[key])
            finish(f"Saved {atomrefs[key].functional} as {name}.")
    if saved := list(saved_atomrefs()):
        with st.popover(
            "Delete a saved AtomRef", icon=":material/delete:", help="Asks before it deletes."
        ):
            name = st.selectbox(
                "AtomRef", saved, help="A saved one; those of chgnet cannot be deleted."
            )
            if st.button(
                "Delete",
                type="primary",
                help="Removes it from the library; runs that used it keep their copy.",
            ):
                delete_atomref(name)
                finish(f"Deleted {name}.")


def import_file() -> None:
    """Save an AtomRef from a file."""
    with st.form("bring-atomref", border=True, clear_on_submit=True):
        upload = st.file_uploader(
            "AtomRef file (JSON), a dictionary of energies by element (JSON), or CSV with the "
            "columns symbol and energy (eV/atom)",
            type=["json", "csv"],
            help="As this page or atomref --out writes it, or a table of symbols and "
            "energies in eV/atom.",
        )
        left, right = st.columns(2)
        name = left.text_input(
            "Name",
            placeholder="literature",
            max_chars=60,
            help="How it is called in lists and commands.",
        )
        functional = right.text_input(
            "Functional (of a dictionary or CSV)",
            placeholder="r2SCAN",
            max_chars=60,
            help="The level of theory of the energies; a file of the lab says it itself.",
        )
        if st.form_submit_button("Import", icon=":material/upload:"):
            if upload is None:
                st.error("Choose a file first.")
                return
            content = upload.read(MOST_BYTES)
            # Not in this process, which everybody shares.
            read = ask(read_atomref, content, name=upload.name, functional=functional)
            save_atomref(name, read)
            finish(f"Saved {upload.name} as {name}.")


def finish(note: str) -> None:
    """Run the page again, with a note on what was done."""
    st.session_state[NOTE] = note
    st.rerun()


def export(atomrefs: Mapping[str, AtomRef], fits: Mapping[str, AtomRefStudy]) -> None:
    """Download an AtomRef as JSON, as CSV, or inside a CHGNet checkpoint."""
    left, right = st.columns(2)
    key = left.selectbox(
        "AtomRef to export",
        list(atomrefs),
        format_func=label_of,
        key="take",
        bind="query-params",
        help="A saved AtomRef, or one that is included in chgnet.",
    )
    model = right.selectbox(
        "As the composition_model of",
        [*MODELS, *runs_with_models()],
        key="into",
        bind="query-params",
        help="A CHGNet checkpoint with this model's weights and the chosen AtomRef, which stock "
        "CHGNet.from_file loads. Elements without a reference keep the model's own.",
    )
    atomref = atomrefs[key]
    table = atomref.table()[atomref.has_energy]
    stem = f"atomref-{atomref.functional.replace('/', '-') if key in THIS_FIT else key}"
    checkpoint_file = f"{model}-{stem}.pth.tar"
    downloads: dict[str, tuple[Callable[[], str | bytes], str, str]] = {
        "JSON": (atomref.to_json, f"{stem}.json", "application/json"),
        "CSV": (lambda: csv_text(table), f"{stem}.csv", "text/csv"),
        "CHGNet checkpoint": (
            lambda: model_bytes(atomref, checkpoint_of(model)),
            checkpoint_file,
            "application/octet-stream",
        ),
    }
    for column, (label, (content, name, mime)) in zip(
        st.columns(3), downloads.items(), strict=True
    ):
        column.download_button(
            label,
            data=content,
            file_name=name,
            mime=mime,
            on_click="ignore",
            icon=":material/download:",
            help="For other programs, or inside a CHGNet checkpoint.",
        )
    source, lines = key, []
    if key in fits:
        source = shlex.quote(f"{stem}.json")
        lines = [
            f"{fits[key].command} --out {source}",
            f"atomref atomrefs save my-atomref {source}",
        ]
    into = shlex.join(["--model", model, "--out", checkpoint_file])
    command(*lines, f"atomref atomrefs export {source} {into}")
