"""How long a run, an experiment or a sweep will take, estimated before it is launched."""

from collections.abc import Callable, Sequence

import streamlit as st

from core.frames.schema import Card
from core.progress import duration_text
from core.runs.groups.estimate import configs_to_time, group_seconds
from core.runs.groups.group import Group
from core.training.loop.method_preview import timing_config
from core.training.settings.config import RunConfig
from pages.parts.shared.datasets import key_of
from pages.parts.shared.page import errors_shown
from pages.parts.training.preflight import is_ready, previews

REFRESH = "500ms"

Total = Callable[[Sequence[float]], float]
"""Returns the seconds of all runs, given those of the timed ones."""


def show_run_estimate(draft: RunConfig, card: Card) -> None:
    """Show how long a run will take; its preview says what is wrong with its settings.

    Args:
        draft: its settings.
        card: card of its data set.
    """
    at_most = draft.patience is not None
    _show([timing_config(draft)], sum, card, at_most=at_most, previewed=True)


def show_group_estimate(draft: Group, card: Card) -> None:
    """Show how long an experiment or a sweep will take, from its smallest and largest run.

    Args:
        draft: the experiment or sweep.
        card: card of its data set.
    """
    configs = configs_to_time(draft)
    _show(
        configs,
        lambda seconds: group_seconds(draft, configs, seconds),
        card,
        at_most=draft.base.patience is not None,
    )


def _show(
    configs: list[RunConfig], total: Total, card: Card, *, at_most: bool, previewed: bool = False
) -> None:
    waiting = not all(map(is_ready, previews().ask(configs, key_of(card), timed=True)))
    st.fragment(_panel, run_every=REFRESH if waiting else None)(
        configs, total, card, at_most=at_most, previewed=previewed, waiting=waiting
    )


def _panel(
    configs: list[RunConfig],
    total: Total,
    card: Card,
    *,
    at_most: bool,
    previewed: bool,
    waiting: bool,
) -> None:
    answers = previews().ask(configs, key_of(card), timed=True)
    ready = all(map(is_ready, answers))
    if waiting and ready:
        st.rerun()
    with errors_shown():
        if previewed and ready and any(answer.exception() for answer in answers):
            return
        seconds = [answer.result() for answer in answers] if ready else []
        known = ready and all(seconds)
        st.metric(
            "Estimated duration, at most" if at_most else "Estimated duration",
            duration_text(total(seconds)) if known else "–" if ready else "…",
            border=True,
            help="A rough estimate for this machine under its current load, without time in the "
            "queue: a few steps are timed. Long runs compile their training step and are faster.",
        )
