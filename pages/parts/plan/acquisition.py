"""What to compute next: the worst covered elements, and the materials that would help most."""

import shlex

import streamlit as st

from core.frames.registry import DatasetInfo, open_dataset
from core.report.plan import next_source
from core.runs.record.listing import find_run
from core.runs.record.named_models import runs_with_models
from core.scaling.cost import Cost
from core.studies.acquisition import By, NextMaterials, NextStudy
from pages.parts.plan.candidates import show_coverage, show_materials
from pages.parts.plan.cost import choose_cost
from pages.parts.shared.datasets import available, choose, frames_to_learn, show_provenance
from pages.parts.shared.job import computed
from pages.parts.shared.page import command, plain
from pages.parts.shared.views import one_of

BY: dict[By, str] = {
    "composition": "Elements",
    "features": "Crystal features",
    "disagreement": "Disagreement of runs",
    "uncertainty": "Expected gain",
    "balanced": "Balanced",
}
_DEFAULT_POOL = "mp-structures"


def show_next() -> None:
    """Show the view."""
    question = _choose_study()
    if question is None:
        return
    study, pool = question
    cost = choose_cost()
    if study.by == "uncertainty":
        study = study.model_copy(update={"cubic": cost.per_atom3 is not None})
    result: NextMaterials | None = computed(study)
    if result is not None:
        source = next_source(study, result)
        show_provenance(source)
        show_materials(study, result, open_dataset(pool.card.name), cost)
        show_coverage(result, source)
    command(_command(study, cost))


def _choose_study() -> tuple[NextStudy, DatasetInfo] | None:
    """Return the study and its pool; None while something is missing."""
    left, middle, right, end = st.columns([3, 3, 2, 2], vertical_alignment="bottom")
    infos = [*frames_to_learn(), *available("pairs")]
    with left:
        info = choose(
            "Existing data",
            infos,
            key="dataset",
            help_text="Of frames, the materials of the training part are the existing ones; those "
            "held out for validation and test are not candidates either.",
        )
    with middle:
        pool = choose(
            "Candidates",
            sorted(infos, key=lambda info: info.card.name != _DEFAULT_POOL),
            key="pool",
            help_text="A data set with structures. Its labels are not used. A material is "
            "recognised by its id.",
        )
    if info is None or pool is None:
        return None
    n = right.number_input(
        "Materials",
        min_value=1,
        max_value=1000,
        value=50,
        key="n",
        bind="query-params",
        help="How many to choose, the most useful first.",
    )
    most_atoms = end.number_input(
        "Atoms at most",
        min_value=1,
        max_value=10_000,
        value=60,
        key="most_atoms",
        bind="query-params",
        help="Per cell of a candidate; the cost rises with about the cube of their number.",
    )
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    by = one_of(
        left,
        "Choose by",
        list(BY),
        format_func=BY.__getitem__,
        default="composition",
        key="by",
        wrap=True,
        help="Elements: those in few materials first, then pairs of elements that never occur "
        "together. Crystal features: the structure farthest from all existing ones in CHGNet's "
        "features. Disagreement: where the predictions of runs that differ in their seed differ "
        "most. Expected gain: what lowers the uncertainty of a run in closed form most per "
        "core-hour. Balanced: the best mean rank in the others that are available.",
    )
    trained = [run for run in runs_with_models() if find_run(run).config.dataset == info.card.name]
    runs = right.multiselect(
        "Runs",
        trained,
        key="runs",
        bind="query-params",
        placeholder="Runs on this data set" if trained else "No run on this data set yet",
        help="Optional: their errors by element are shown below. Disagreement needs two or more of "
        "the same method and size with different seeds; the expected gain is by the uncertainty of "
        "the first.",
    )
    if by == "disagreement" and len(runs) < 2:
        st.info(
            plain(
                f"Disagreement needs two or more finished runs on {info.card.name} that differ in "
                "their seed: choose them here. A sweep or an experiment trains such runs."
            )
        )
        return None
    if by == "uncertainty" and not runs:
        st.info(
            plain(
                f"The expected gain needs a finished run of the method “Linearised transfer” on "
                f"{info.card.name}: choose it here. Such a run takes a minute."
            )
        )
        return None
    study = NextStudy(
        dataset=info.card.name,
        pool=pool.card.name,
        n=int(n),
        by=by,
        runs=tuple(runs),
        most_atoms=int(most_atoms),
    )
    return study, pool


def _command(study: NextStudy, cost: Cost) -> str:
    words = ["atomref", "next", "--dataset", study.dataset, "--pool", study.pool]
    words += ["--n", str(study.n), "--by", study.by, "--most-atoms", str(study.most_atoms)]
    if study.runs:
        words += ["--runs", ",".join(study.runs)]
    words += cost.arguments
    return shlex.join([*words, "--out", "next.zip"])
