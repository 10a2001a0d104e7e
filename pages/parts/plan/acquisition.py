"""What to compute next: the worst covered elements, and the materials that would help most."""

import shlex

import streamlit as st

from core.frames.registry import DatasetInfo
from core.runs.record.listing import find_run
from core.runs.record.named_models import runs_with_models
from core.studies.acquisition import By, Next, NextStudy
from pages.parts.plan.candidates import show_chosen, show_coverage
from pages.parts.plan.cost import choose_cost
from pages.parts.shared.datasets import (
    MODEL_LABELLED,
    available,
    choose,
    model_badge,
    opened,
    origin,
)
from pages.parts.shared.job import computed
from pages.parts.shared.page import command, plain
from pages.parts.training.form import frames_to_learn

BY: dict[By, str] = {
    "composition": "Elements",
    "features": "Crystal features",
    "disagreement": "Disagreement of runs",
    "balanced": "Balanced",
}
_DEFAULT_POOL = "mp-structures"


def show() -> None:
    """Show the view."""
    chosen = _choose()
    if chosen is None:
        return
    study, info, pool = chosen
    model_badge({info.card.labels} if study.runs else set())
    cost, words = choose_cost()
    found: Next | None = computed(study)
    if found is not None:
        source = plain(
            f"There: the training part of {info.card.name}"
            if info.card.kind == "frames"
            else f"There: {info.card.name}"
        )
        source += plain(
            f", {found.n_there:,} materials. Candidates: {found.n_looked_at:,} of "
            f"{found.n_candidates:,} materials of {pool.card.name}; left out: "
            f"{found.n_known:,} that {info.card.name} has already, "
            f"{found.n_too_large:,} with more than {study.most_atoms} atoms, "
            f"{found.n_without_structure:,} without a structure."
        )
        labels = f"Data: {info.card.name}, {pool.card.name}."
        if study.runs:
            source += plain(f" Errors on labels by {origin(info.card.labels)}.")
            made = "DFT" if info.card.labels == "dft" else MODEL_LABELLED
            labels += f" Labels: {made}"
        show_chosen(study, found, opened(pool), cost, source=source)
        show_coverage(found, source=source, labels=labels)
    command(_command(study, words))


def _choose() -> tuple[NextStudy, DatasetInfo, DatasetInfo] | None:
    left, middle, right, end = st.columns([3, 3, 2, 2], vertical_alignment="bottom")
    everything = [*frames_to_learn(), *available("pairs")]
    with left:
        info = choose(
            "There is",
            everything,
            key="dataset",
            help_text="Of frames, the materials of the training part count as there; those held "
            "out for validation and test are no candidates either.",
        )
    with middle:
        pool = choose(
            "Candidates",
            sorted(everything, key=lambda one: one.card.name != _DEFAULT_POOL),
            key="pool",
            help_text="A data set with structures. Its labels are not looked at. A material is "
            "recognised by its id.",
        )
    if info is None or pool is None:
        return None
    n = right.number_input(
        "Materials", min_value=1, max_value=1000, value=50, key="n", bind="query-params"
    )
    most_atoms = end.number_input(
        "Atoms at most",
        min_value=1,
        max_value=10_000,
        value=60,
        key="most_atoms",
        bind="query-params",
        help="In a candidate's cell: the cost rises with about the cube of their number.",
    )
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    by = left.segmented_control(
        "Choose by",
        list(BY),
        format_func=BY.__getitem__,
        default="composition",
        required=True,
        key="by",
        bind="query-params",
        help="Elements: those in few materials first, then pairs of elements that never met. "
        "Crystal features: the structure farthest from all that is there, as CHGNet sees it. "
        "Disagreement: where runs that differ in their seed contradict each other most. Balanced: "
        "the best mean rank in all of these that can be had.",
    )
    with right:
        runs = _choose_runs(info)
    if by == "disagreement" and len(runs) < 2:
        st.info(
            plain(
                "Disagreement takes two finished runs or more on "
                f"{info.card.name} that differ in their seed: choose them here; a sweep or an "
                "experiment makes them."
            )
        )
        return None
    study = NextStudy(
        dataset=info.card.name,
        pool=pool.card.name,
        n=int(n),
        by=by,
        runs=runs,
        most_atoms=int(most_atoms),
    )
    return study, info, pool


def _choose_runs(info: DatasetInfo) -> tuple[str, ...]:
    there = [run for run in runs_with_models() if _data_of(run) == info.card.name]
    chosen = st.multiselect(
        "Runs",
        there,
        key="runs",
        bind="query-params",
        placeholder="Runs on this data set" if there else "No run on this data set yet",
        help="If you like: their errors by element show below. Disagreement needs two or more of "
        "one method and size with different seeds.",
    )
    return tuple(chosen)


def _data_of(run: str) -> str:
    return find_run(run).config.dataset


def _command(study: NextStudy, cost: list[str]) -> str:
    words = ["atomref", "next", "--dataset", study.dataset, "--pool", study.pool]
    words += ["--n", str(study.n), "--by", study.by, "--most-atoms", str(study.most_atoms)]
    if study.runs:
        words += ["--runs", ",".join(study.runs)]
    priceless = cost[: cost.index("--price")] if "--price" in cost else cost
    return shlex.join([*words, *priceless, "--out", "next.zip"])
