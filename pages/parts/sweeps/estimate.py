"""How long a sweep will take, estimated before it is launched."""

import streamlit as st

from core.frames.schema import Card
from core.progress import duration_text
from core.runs.groups.estimate import configs_to_time, sweep_seconds
from core.runs.groups.sweep import Sweep
from core.training.settings.config import RunConfig
from pages.parts.shared.datasets import key_of
from pages.parts.shared.page import errors_shown
from pages.parts.training.preflight import previews

REFRESH = "1s"


def show_estimate(draft: Sweep, card: Card) -> None:
    """Show how long the sweep will take, from timings of its smallest and its largest run.

    Args:
        draft: the sweep.
        card: card of its data set.
    """
    configs = configs_to_time(draft)
    waiting = not all(preview.done() for preview in previews().ask(configs, key_of(card)))
    st.fragment(_panel, run_every=REFRESH if waiting else None)(
        draft, configs, card, waiting=waiting
    )


def _panel(draft: Sweep, configs: list[RunConfig], card: Card, *, waiting: bool) -> None:
    answers = previews().ask(configs, key_of(card))
    if waiting and all(preview.done() for preview in answers):
        st.rerun()
    with errors_shown():
        timings = [preview.result().seconds for preview in answers if preview.done()]
        seconds = [timing for timing in timings if timing]
        text = "…" if waiting else "–"
        if len(seconds) == len(configs):
            text = duration_text(sweep_seconds(draft, configs, seconds))
        st.metric(
            "Estimated duration" if draft.base.patience is None else "Estimated duration, at most",
            text,
            border=True,
            width=320,
            help="A rough estimate for this machine under its current load: two of the runs, timed "
            "for a few steps. Long runs compile their training step and are faster.",
        )
