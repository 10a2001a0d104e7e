"""What is wrong with a data set of pairs."""

import streamlit as st

from core.checks.diagnosis import Diagnosis
from core.frames.findings import Severity
from core.frames.registry import DatasetInfo
from core.studies.check import CheckStudy
from pages.parts.shared.job import computed
from pages.parts.shared.page import command, errors_shown, plain

ICONS: dict[Severity, str] = {
    "error": ":red[:material/error:]",
    "warning": ":orange[:material/warning:]",
    "info": ":gray[:material/info:]",
}


def show_pairs_check(info: DatasetInfo) -> None:
    """Show what the doctor finds in the energies; that of frames is on the Transfer page."""
    if info.card.kind != "pairs" or not info.card.energies:
        return
    with st.expander("Check", icon=":material/stethoscope:"), errors_shown():
        st.caption(
            "Units, signs, totals per cell, other functionals or corrections than stated, "
            "mixtures, energies of other rows, single wrong ones, copies, elements of few "
            "materials."
        )
        diagnosis: Diagnosis | None = computed(CheckStudy(dataset=info.card.name))
        if diagnosis is not None:
            for finding in diagnosis.findings():
                cost = "" if finding.cost is None else f" **{finding.cost:,.0f} meV/atom.**"
                st.markdown(f"{ICONS[finding.severity]} {plain(finding.text)}{cost}")
            if not diagnosis.records:
                st.markdown(":green[:material/check_circle:] Nothing was found.")
            st.caption(diagnosis.sample_text)
        command(f"atomref check {info.card.name}")
