"""How far models can be trusted on a structure: numbers, and sentences where one is large."""

import streamlit as st

from core.report.models.predicted import domains_text, trust_rows, warnings_of
from core.studies.models.trust import Trust, TrustStudy
from pages.parts.predict.asked import Asked
from pages.parts.shared.job import computed
from pages.parts.shared.page import errors_shown, plain


def show_warnings(asked: Asked) -> None:
    """Show how far each model can be trusted on the chosen structure."""
    st.subheader("How far to trust it", anchor=False)
    known: dict[str, Trust] = {}
    for model in asked.found:
        with errors_shown():
            study = TrustStudy(model=model, structures=asked.name)
            if computed(study.of_domain, what=f"What {model} knows") is None:
                continue
            one: Trust | None = computed(study, what=f"Distance and disagreement of {model}")
            if one is not None:
                known[model] = one
    st.dataframe(
        trust_rows(asked.place, asked.found, known),
        key=f"trust-{asked.name}-{asked.place}",
        hide_index=True,
        column_config={"quantity": st.column_config.TextColumn("Quantity", width="medium")},
    )
    for text in warnings_of(asked.place, asked.found, known):
        st.warning(plain(text), icon=":material/warning:")
    if known:
        st.caption(plain(domains_text(known)))
