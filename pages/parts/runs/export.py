"""Export of a run: its model, the model's card, Python that uses it, and a report."""

import streamlit as st

from core.runs.export.card import MOLECULAR_DYNAMICS, model_card, snippet
from core.runs.export.trackers import TRACKERS, is_installed
from core.runs.record.directory import Run
from pages.parts.shared.page import plain, show_command
from pages.parts.shared.share import report_buttons


def show_export(run: Run) -> None:
    """Offer the best checkpoint with its model card and the code that uses it."""
    status = run.status()
    if status.best_epoch is None or not run.best_checkpoint.is_file():
        st.info(
            "No model yet: the first one is saved after the first validated epoch.",
            icon=":material/hourglass_empty:",
        )
        return
    file = f"{run.id}.pth.tar"
    card = model_card(run, file=file)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            "Best checkpoint",
            data=run.best_checkpoint.read_bytes,
            file_name=file,
            key="export-checkpoint",
            type="primary",
            icon=":material/download:",
            on_click="ignore",
            help="The model of the best epoch, as stock chgnet reads it.",
        )
        st.download_button(
            "Model card",
            data=card,
            file_name=f"{run.id}.card.md",
            mime="text/markdown",
            key="export-card",
            icon=":material/description:",
            on_click="ignore",
            help="How the model came about: data, settings, errors, limits.",
        )
        report_buttons(run.id, key="export")
        size = run.best_checkpoint.stat().st_size
        st.caption(plain(f"{file}, {size / 1e6:.1f} MB, epoch {status.best_epoch}."))
    st.markdown("Use it with stock chgnet and ASE:")
    st.code(snippet(file), language="python")
    st.caption(MOLECULAR_DYNAMICS)
    st.markdown(
        "The same from the command line; a folder for the Hugging Face hub with weights, config "
        "and card; a report with all figures:"
    )
    show_command(f"atomref export {run.id} --out {file}")
    show_command(f"atomref export {run.id} --hub {run.id}-hub")
    show_command(f"atomref report {run.id} --out {run.id}.html")
    trackers = [name for name in TRACKERS if is_installed(name)]
    if trackers:
        st.markdown("The record in the format of an experiment tracker:")
    else:
        names = ", ".join(TRACKERS)
        st.caption(f"`atomref runs export` writes the record for {names}, once one is installed.")
    for name in trackers:
        show_command(f"atomref runs export {run.id} --to {name} --out {run.id}-{name}")
    with st.expander("Model card", icon=":material/description:"):
        st.markdown(card)
