"""The first card of the Transfer page: what would ruin a training on the chosen data."""

from typing import Any

import streamlit as st

from core.checks.diagnosis import Diagnosis
from core.figures.base.periodic import periodic_table
from core.frames.findings import Finding, Severity
from core.frames.provenance import Provenance
from core.frames.registry import find_dataset
from core.frames.schema import LABELS, Card
from core.studies.check import CheckStudy, left_out
from core.training.settings.config import RunConfig
from pages.parts.shared.figure import show
from pages.parts.shared.job import computed
from pages.parts.shared.page import command, errors_shown, is_dark, is_open, plain

ICONS: dict[Severity, str] = {
    "error": ":red[:material/error:]",
    "warning": ":orange[:material/warning:]",
    "info": ":gray[:material/info:]",
}
WIDGETS = {f"loss.{kind}": kind for kind in LABELS} | {"method": "method"}
"""Settings that a button can change, to the keys of their widgets."""


def show_check(draft: RunConfig, card: Card) -> None:
    """Show what the doctor finds in the data sets, and in the settings of a run on them.

    Args:
        draft: the run's settings.
        card: card of the first data set.
    """
    with st.container(border=True), errors_shown():
        cards = [card, *(find_dataset(name).card for name in draft.functionals.datasets)]
        for number, one in enumerate(cards):
            _show_data_set(draft, one, first=not number)
        names = ",".join(one.name for one in cards)
        command(f"atomref check {names} --model {draft.source_model}")


def _show_data_set(draft: RunConfig, card: Card, *, first: bool) -> None:
    st.markdown(f"**Check of {plain(card.name)}**")
    diagnosis: Diagnosis | None = computed(CheckStudy(dataset=card.name, model=draft.source_model))
    if diagnosis is None:
        return
    findings = diagnosis.findings(
        method=draft.method if draft.atomref is None else None,
        ratios=draft.loss.model_dump(include=set(LABELS)),
        huber_delta=draft.loss.huber_delta,
    )
    for number, finding in enumerate(findings):
        _show(f"{card.name}-{number}", finding, card, first=first)
    if not findings:
        st.markdown(":green[:material/check_circle:] Nothing was found.")
    st.caption(diagnosis.sample_text)
    if diagnosis.off_by_symbol():
        _show_references(diagnosis, draft, card)


def _show(key: str, finding: Finding, card: Card, *, first: bool) -> None:
    text, action = st.columns([5, 1], vertical_alignment="center")
    cost = "" if finding.cost is None else f" **{finding.cost:,.0f} meV/atom.**"
    text.markdown(f"{ICONS[finding.severity]} {plain(finding.text)}{cost}")
    known = {WIDGETS[name]: value for name, value in finding.settings.items() if name in WIDGETS}
    if known:
        is_ratio = "method" not in known
        action.button(
            "Take this ratio" if is_ratio else f"Take {known['method']}",
            key=f"mend-{key}",
            on_click=_set,
            args=(known,),
            help="Sets the loss ratio under More settings." if is_ratio else "Sets the method.",
        )
    elif finding.rows and finding.severity != "info" and first:
        action.button(
            f"Leave out {len(finding.rows):,}",
            key=f"leave-{key}",
            on_click=_leave_out,
            args=(finding, card.name),
            help="Makes a data set without these frames, and takes it.",
        )


def _set(known: dict[str, Any]) -> None:
    st.session_state.update(known)


def _leave_out(finding: Finding, dataset: str) -> None:
    with errors_shown():
        made = left_out(dataset, [finding])
        st.session_state["dataset"] = made.name


@st.fragment
def _show_references(diagnosis: Diagnosis, draft: RunConfig, card: Card) -> None:
    """Show a periodic table, drawn when a reader opens its box."""
    with st.expander(
        "How far references lie from those expected, by element",
        key=f"references-{card.name}",
        on_change="rerun",
    ) as box:
        if not is_open(box):
            return
        show(
            periodic_table(
                diagnosis.off_by_symbol(),
                title="References less those expected",
                unit="eV/atom",
                diverging=True,
                dark=is_dark(),
            ),
            name=f"check-{card.name}",
            caption="What the energies say of each element beside the pretrained network, less "
            f"what is expected in {plain(card.functional or 'an unknown functional')}. Single "
            "elements far off have other pseudopotentials, another U, or few frames.",
            source=Provenance(
                data=card.name, labels={card.labels}, details=f"Network of {draft.source_model}."
            ),
            table=diagnosis.reference_table,
        )
