"""The settings of a new sweep: sizes × methods × seeds, and how long each run trains."""

from typing import Any

import streamlit as st

from core.frames.registry import DatasetInfo
from core.frames.schema import Card
from core.runs.groups.sizes import proposed_sizes, whole_numbers
from core.runs.groups.sweep import Sweep
from core.runs.results.comparison import method_label
from core.training.settings.config import RunConfig
from core.training.settings.methods import ALONE
from pages.parts.shared.launch import LaunchForm, choose_methods, choose_seeds
from pages.parts.shared.run_settings import training_split
from pages.parts.shared.views import one_of
from pages.parts.training.estimate import show_group_estimate

FIRST_METHODS = ("scratch", "refit", "residual")
FIRST_EPOCHS = 10
FIRST_STEPS = 400
FIRST_PATIENCE = 5

PROPOSED = "proposed sizes"

BUDGETS = {
    "epochs": "Epochs",
    "steps": "Steps",
    "stall": "Patience",
}


class SweepForm(LaunchForm[Sweep]):
    """Launches every method with every size and seed."""

    kind = "sweep"
    linked = "own"
    # Wide enough for their pills and segments at 1,280 pixels.
    widths = (52, 88, 57)
    gap = "small"

    def choose_methods(self, info: DatasetInfo) -> tuple[int, list[int], list[str], list[int]]:
        """Let the reader choose sizes, methods and seeds."""
        n_train = len(training_split(info).train)
        proposed = ", ".join(map(str, proposed_sizes(n_train)))
        before = st.session_state.get(PROPOSED)
        if before != proposed:
            # Sizes that were proposed for another data set.
            if st.session_state.get("sizes", "") in {"", before}:
                st.session_state["sizes"] = proposed
            st.session_state[PROPOSED] = proposed
        text = st.text_input(
            f"Sizes: training frames, at most {n_train:,}",
            value=proposed,
            key="sizes",
            bind="query-params",
            help="Separated by commas. Each training set contains the smaller ones; one frame per "
            "material comes first. A power law needs three sizes over a factor of four, a law with "
            "a floor five over a factor of ten.",
        )
        methods = choose_methods(
            FIRST_METHODS,
            help_text="\n".join(f"- {key}: {method_label(key)}" for key in ALONE)
            + "\n\nAll train on the same frames. The paper's figure has scratch and refit.",
        )
        seeds = choose_seeds(
            "Each size is trained once per seed, on different frames; several seeds are needed to "
            "tell scatter from trend."
        )
        sizes = whole_numbers(text, "Sizes")
        st.caption(
            f"{len(sizes) * len(methods) * len(seeds)} runs, the cheapest first, one at a time per "
            "device. Sizes, methods and seeds can be added later."
        )
        return n_train, sizes, methods, seeds

    def choose_amount(self, info: DatasetInfo) -> dict[str, Any]:  # noqa: ARG002
        """Ask how long each run trains."""
        return _choose_budget()

    def draft(
        self, settings: dict[str, Any], choices: tuple[int, list[int], list[str], list[int]]
    ) -> Sweep:
        """Return the sweep without its runs."""
        n_train, sizes, methods, seeds = choices
        steps = settings.pop("steps", None)
        return Sweep.draft(
            RunConfig.from_options(settings, where="These settings"),
            sizes=sizes,
            methods=methods,
            seeds=seeds,
            steps=steps,
            n_train=n_train,
        )

    def estimate(self, draft: Sweep, card: Card) -> None:
        """Show how long the sweep will take."""
        show_group_estimate(draft, card)

    def start(self, draft: Sweep, on: str | None) -> str:
        """Start the runs."""
        sweep = draft.model_copy(update={"on": on}).create()
        sweep.launch()
        return sweep.id


def show_form() -> None:
    """Show the form of a new sweep."""
    st.subheader("New sweep", anchor=False)
    SweepForm().show()


def _choose_budget() -> dict[str, Any]:
    """Return the settings of how long each run trains."""
    kind = one_of(
        st,
        "Each run trains",
        list(BUDGETS),
        format_func=BUDGETS.__getitem__,
        default="epochs",
        key="budget",
        wrap=True,
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
