"""The first card of the Transfer page: what would ruin a training on the chosen data."""

import streamlit as st

from core.checks.diagnosis import Diagnosis
from core.frames.findings import Finding, Severity
from core.frames.schema import LABELS, Card
from core.studies.check import CheckStudy
from core.training.settings.config import RunConfig
from pages.parts.shared.job import computed
from pages.parts.shared.page import command, errors_shown, plain

ICONS: dict[Severity, str] = {
    "error": ":red[:material/error:]",
    "warning": ":orange[:material/warning:]",
    "info": ":gray[:material/info:]",
}
WIDGETS = {f"loss.{kind}": kind for kind in LABELS}
"""Settings that a button can change, to the keys of their widgets."""


def show_check(draft: RunConfig, card: Card) -> None:
    """Show what the doctor finds in a data set, and in the settings of a run on it.

    Args:
        draft: the run's settings.
        card: card of the data set.
    """
    with st.container(border=True), errors_shown():
        st.markdown(f"**Check of {plain(card.name)}**")
        study = CheckStudy(dataset=card.name, model=draft.source_model)
        diagnosis: Diagnosis | None = computed(study)
        if diagnosis is not None:
            findings = diagnosis.findings(
                method=draft.method if draft.atomref is None else None,
                ratios=draft.loss.model_dump(include=set(LABELS)),
                huber_delta=draft.loss.huber_delta,
            )
            for number, finding in enumerate(findings):
                _show(number, finding)
            if not findings:
                st.markdown(":green[:material/check_circle:] Nothing was found.")
            st.caption(diagnosis.sample_text)
        command(f"atomref check {card.name} --model {draft.source_model}")


def _show(number: int, finding: Finding) -> None:
    text, action = st.columns([5, 1], vertical_alignment="center")
    cost = "" if finding.cost is None else f" **{finding.cost:,.0f} meV/atom.**"
    text.markdown(f"{ICONS[finding.severity]} {plain(finding.text)}{cost}")
    known = {WIDGETS[key]: value for key, value in finding.settings.items() if key in WIDGETS}
    if known:
        action.button(
            "Take this ratio",
            key=f"mend-{number}",
            on_click=st.session_state.update,
            args=(known,),
            help="Sets the loss ratio under More settings.",
        )
