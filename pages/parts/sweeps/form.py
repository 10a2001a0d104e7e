"""The settings of a new sweep: sizes × methods × seeds, and how long each run trains."""

from typing import Any

import streamlit as st

from core.errors import LabError
from core.frames.registry import DatasetInfo
from core.frames.store import FrameSet
from core.runs.groups.sizes import proposed_sizes
from core.runs.groups.sweep import Sweep
from core.runs.results.comparison import method_label
from core.training.settings.config import RunConfig
from core.training.settings.methods import METHODS
from pages.parts.shared.datasets import opened
from pages.parts.shared.launch_all import launch_all
from pages.parts.shared.page import command, errors_shown
from pages.parts.sweeps.estimate import show_estimate
from pages.parts.sweeps.numbers import numbers_of, words_of
from pages.parts.training.form import choose_dataset, choose_source
from pages.parts.training.settings import more_settings

FIRST_METHODS = ("scratch", "refit", "residual")
FIRST_SEEDS = 3
FIRST_EPOCHS = 10
FIRST_STEPS = 400
FIRST_PATIENCE = 5
"""The proposed sizes double from about here: enough of them for a law with a floor."""

BUDGETS = {
    "epochs": "Epochs",
    "steps": "Steps",
    "stall": "Patience",
}


def show_form() -> None:
    """Show the form."""
    st.subheader("New sweep", anchor=False)
    # As wide as their pills and segments, which would be cut at 1,280 pixels.
    left, middle, right = st.columns([52, 88, 57])
    with left:
        info = choose_dataset()
    if info is None:
        return
    wanted: Sweep | None = None
    with errors_shown():
        with left:
            source = choose_source()
        with middle:
            n_train = _n_train(info)
            sizes, methods, seeds = _what(n_train)
        with right:
            budget = _budget()
        with st.expander("More settings", icon=":material/tune:"):
            more = more_settings(info, {"frames": None, "epochs": budget["epochs"]}, seed=False)
        if source is not None:
            settings = {"dataset": info.card.name, "source_model": source, **more}
            settings |= {key: value for key, value in budget.items() if value is not None}
            steps = settings.pop("steps", None)
            wanted = Sweep.draft(
                RunConfig.from_options(settings, where="These settings"),
                sizes=sizes,
                methods=methods,
                seeds=seeds,
                steps=steps,
                n_train=n_train,
            )
    with right:
        launch_all("sweep", wanted, _start, linked="own")
    if wanted is not None:
        with errors_shown():
            show_estimate(wanted, info.card)
        command(wanted.command)


def _n_train(info: DatasetInfo) -> int:
    frame_set = opened(info)
    if not isinstance(frame_set, FrameSet):
        raise LabError(f"{info.card.name} holds no frames; choose another data set.")
    n_train = len(frame_set.split().train)
    if not n_train:
        raise LabError(
            f"{info.card.name} has too few materials to train on; import more, or choose another."
        )
    return n_train


def _what(n_train: int) -> tuple[list[int], list[str], list[int]]:
    text = st.text_input(
        f"Sizes: training frames, at most {n_train:,}",
        value=words_of(proposed_sizes(n_train)),
        # A proposal of its own for each data set.
        key=f"sizes-{n_train}",
        help="With commas. Each size holds the frames of the smaller ones, one of each material "
        "first. A law needs three sizes over a factor of four, one with a floor five over ten.",
    )
    methods = st.pills(
        "Methods",
        list(METHODS),
        selection_mode="multi",
        default=list(FIRST_METHODS),
        key="methods",
        bind="query-params",
        help="\n".join(f"- {key}: {method_label(key)}" for key in METHODS)
        + "\n\nAll see the same frames. The paper's figure has scratch and refit.",
    )
    count = st.number_input(
        "Seeds",
        min_value=1,
        max_value=20,
        value=FIRST_SEEDS,
        key="seeds",
        bind="query-params",
        help="Each size is trained once a seed, on other frames; without several seeds a law "
        "cannot tell scatter from trend.",
    )
    sizes = numbers_of(text, what="sizes")
    st.caption(
        f"{len(sizes) * len(methods) * count} runs, the cheapest first, one after another on a "
        "device. You can add sizes, methods and seeds later."
    )
    return sizes, methods, list(range(count))


def _budget() -> dict[str, Any]:
    """Ask how long each run trains."""
    kind = st.segmented_control(
        "Each run trains",
        list(BUDGETS),
        format_func=BUDGETS.__getitem__,
        default="epochs",
        required=True,
        key="budget",
        bind="query-params",
        help="Epochs: the same for all, so small sizes get few steps. Steps: the same for all, so "
        "small sizes see their frames more often. Patience: each run for as long as the "
        "validation error improves.",
    )
    if kind == "steps":
        steps = st.number_input(
            "Optimiser steps",
            min_value=1,
            max_value=10_000_000,
            value=FIRST_STEPS,
            key="steps",
            bind="query-params",
            help="Rounded up to whole epochs of each size.",
        )
        return {"epochs": FIRST_EPOCHS, "steps": int(steps)}
    epochs = st.number_input(
        "Epochs" if kind == "epochs" else "Epochs at most",
        min_value=1,
        max_value=10_000,
        value=FIRST_EPOCHS,
        key="epochs",
        bind="query-params",
        help="Passes over the training frames.",
    )
    if kind == "epochs":
        return {"epochs": int(epochs)}
    patience = st.number_input(
        "End after so many epochs without improvement",
        min_value=1,
        max_value=10_000,
        value=FIRST_PATIENCE,
        key="stall",
        bind="query-params",
        help="Of the validation energy error.",
    )
    return {"epochs": int(epochs), "patience": int(patience)}


def _start(draft: Sweep) -> str:
    sweep = draft.create()
    sweep.launch()
    return sweep.id
