"""How long a sweep will take, told before it is launched."""

import streamlit as st

from core.frames.schema import Card
from core.runs.groups.estimate import seconds_of
from core.runs.groups.sweep import Sweep
from core.runs.record.progress import duration_text
from core.training.settings.config import RunConfig
from pages.parts.shared.datasets import key_of
from pages.parts.shared.page import errors_shown
from pages.parts.training.preflight import previews

REFRESH = "1s"


def show_estimate(wanted: Sweep, card: Card) -> None:
    """Show how long the sweep will take; a look at its smallest and its largest run tells.

    Args:
        wanted: A draft.
        card: Of its data set.
    """
    looks = [_look(wanted, size) for size in sorted({min(wanted.sizes), max(wanted.sizes)})]
    waiting = not all(one.done() for one in previews().ask(looks, key_of(card)))
    st.fragment(_panel, run_every=REFRESH if waiting else None)(wanted, looks, card, waiting)


def _panel(wanted: Sweep, looks: list[RunConfig], card: Card, waiting: bool) -> None:  # noqa: FBT001
    answers = previews().ask(looks, key_of(card))
    if waiting and all(one.done() for one in answers):
        st.rerun()
    with errors_shown():
        found = [one.result().seconds if one.done() else None for one in answers]
        known = [(look, seconds) for look, seconds in zip(looks, found, strict=True) if seconds]
        told = "…" if waiting else "–"
        if len(known) == len(looks):
            told = duration_text(seconds_of(wanted, known))
        st.metric(
            "The sweep will take about" if wanted.base.patience is None else "At most, about",
            told,
            border=True,
            width=320,
            help="A rough estimate for this machine, as busy as it is now: two of its runs, timed "
            "for a few steps. Long runs compile their training step, and are faster.",
        )


def _look(wanted: Sweep, size: int) -> RunConfig:
    # All methods take the same time, and this one asks the least of a look.
    changes = {
        "frames": size,
        "epochs": wanted.epochs(size),
        "method": "frozen",
        "name": "",
    }
    return wanted.base.model_copy(update=changes)
