"""The settings of a new sweep: sizes × methods × seeds, and how long each run trains."""

from typing import Any

import streamlit as st

from core.errors import LabError
from core.frames.registry import DatasetInfo
from core.frames.store import FrameSet
from core.runs.groups.sizes import proposed_sizes, whole_numbers
from core.runs.groups.sweep import Sweep
from core.runs.results.comparison import method_label
from core.training.settings.config import RunConfig
from core.training.settings.methods import METHODS
from pages.parts.shared.datasets import opened
from pages.parts.shared.launch_all import launch_all
from pages.parts.shared.page import command, errors_shown
from pages.parts.sweeps.estimate import show_estimate
from pages.parts.training.form import choose_dataset, choose_source
from pages.parts.training.settings import more_settings

FIRST_METHODS = ("scratch", "refit", "residual")
FIRST_SEEDS = 3
FIRST_EPOCHS = 10
FIRST_STEPS = 400
FIRST_PATIENCE = 5

BUDGETS = {
    "epochs": "Epochs",
    "steps": "Steps",
    "stall": "Patience",
}


def show_form() -> None:
    """Show the form."""
    st.subheader("New sweep", anchor=False)
    # Wide enough for their pills and segments at 1,280 pixels.
    left, middle, right = st.columns([52, 88, 57])
    with left:
        info = choose_dataset()
    if info is None:
        return
    draft: Sweep | None = None
    with errors_shown():
        with left:
            source = choose_source()
        with middle:
            n_train = _n_train(info)
            sizes, methods, seeds = _choose_runs(n_train)
        with right:
            budget = _choose_budget()
        with st.expander("More settings", icon=":material/tune:"):
            more = more_settings(info, {"frames": None, "epochs": budget["epochs"]}, seed=False)
        if source is not None:
            settings = {"dataset": info.card.name, "source_model": source, **more}
            settings |= {key: value for key, value in budget.items() if value is not None}
            steps = settings.pop("steps", None)
            draft = Sweep.draft(
                RunConfig.from_options(settings, where="These settings"),
                sizes=sizes,
                methods=methods,
                seeds=seeds,
                steps=steps,
                n_train=n_train,
            )
    with right:
        launch_all("sweep", draft, _start, linked="own")
    if draft is not None:
        with errors_shown():
            show_estimate(draft, info.card)
        command(draft.command)


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


def _choose_runs(n_train: int) -> tuple[list[int], list[str], list[int]]:
    text = st.text_input(
        f"Sizes: training frames, at most {n_train:,}",
        value=", ".join(map(str, proposed_sizes(n_train))),
        # Each data set has its own default.
        key=f"sizes-{n_train}",
        help="Separated by commas. Each training set contains the smaller ones; one frame per "
        "material comes first. A power law needs three sizes over a factor of four, a law with a "
        "floor five over a factor of ten.",
    )
    methods = st.pills(
        "Methods",
        list(METHODS),
        selection_mode="multi",
        default=list(FIRST_METHODS),
        key="methods",
        bind="query-params",
        help="\n".join(f"- {key}: {method_label(key)}" for key in METHODS)
        + "\n\nAll train on the same frames. The paper's figure has scratch and refit.",
    )
    count = st.number_input(
        "Seeds",
        min_value=1,
        max_value=20,
        value=FIRST_SEEDS,
        key="seeds",
        bind="query-params",
        help="Each size is trained once per seed, on different frames; several seeds are needed to "
        "tell scatter from trend.",
    )
    sizes = whole_numbers(text, "Sizes")
    st.caption(
        f"{len(sizes) * len(methods) * count} runs, the cheapest first, one at a time per "
        "device. Sizes, methods and seeds can be added later."
    )
    return sizes, methods, list(range(count))


def _choose_budget() -> dict[str, Any]:
    """Return the settings of how long each run trains."""
    kind = st.segmented_control(
        "Each run trains",
        list(BUDGETS),
        format_func=BUDGETS.__getitem__,
        default="epochs",
        required=True,
        key="budget",
        bind="query-params",
        help="Epochs: the same for all, so small sizes get few steps. Steps: the same for all, so "
        "small sizes repeat their frames more often. Patience: each run trains until its "
        "validation error stops improving.",
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
        "Stop after epochs without improvement",
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
