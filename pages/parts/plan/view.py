"""How many calculations a target error takes, what they cost, and how reliable that is."""

import shlex
from typing import Any

import streamlit as st

from core.report.plan import CHANCES, TESTED, Plan
from core.scaling.analysis import ScalingAnalysis
from core.scaling.cost import Cost
from core.scaling.planner import LIKELY, DataPlan, training_atoms
from core.scaling.words import provenance_of
from core.training.settings.metrics import METRICS
from pages.parts.plan.cost import choose_cost
from pages.parts.shared.figure import show
from pages.parts.shared.page import command, is_dark, plain

_MOST = 1_000_000_000
_DEFAULTS = dict(zip(METRICS, (50.0, 50.0, 0.5, 0.05), strict=True))
"""Default targets, in the metrics' units."""


def show_plan(analysis: ScalingAnalysis) -> None:
    """Show the view."""
    if not analysis.laws:
        st.info("No law could be fitted, so there is no plan; the view Curves gives the reasons.")
        return
    target, have, hours = _choose_target(analysis)
    cost = choose_cost()
    n_atoms = _numbers_of_atoms(analysis, cost)
    data = DataPlan(
        laws=analysis.laws,
        target=target,
        cost=cost,
        n_atoms=n_atoms,
        have=have,
        untrained=analysis.untrained,
    )
    plan = Plan(analysis=analysis, data=data, hours=hours)
    _show_headline(plan)
    _show_table(
        plan.needed(),
        key="plan-table",
        help_texts={
            "Training frames": "The estimate, where the law passes the target: with so many, a "
            "training reaches it about every second time. Existing ones included.",
            f"Enough ({LIKELY:.0%})": "Frames that reach the target with this probability. What is "
            "to compute, core-hours and money follow from them.",
            "× largest": "The estimate over the largest size that was trained at.",
        },
    )
    chances = data.chances()
    show(
        plan.figure(chances, dark=is_dark()),
        name="plan",
        caption=CHANCES,
        source=provenance_of(analysis),
        table=lambda: chances,
    )
    for note in analysis.start_notes:
        st.caption(plain(note))
    if hours:
        st.subheader("What the budget buys")
        table, note = plan.bought()
        st.caption(note)
        _show_table(table, key="budget-table")
    _show_test(plan)
    command(_command(plan, n_atoms))


def _choose_target(analysis: ScalingAnalysis) -> tuple[float, int, float]:
    """Return the target error, the number of existing frames, and the budget in core-hours."""
    left, middle, right = st.columns(3)
    target = left.number_input(
        f"Target error, {analysis.unit}",
        min_value=1e-6,
        max_value=1e6,
        value=_DEFAULTS.get(analysis.metric, 50.0),
        format="%g",
        key=f"target-{analysis.metric or 'points'}",
        bind="query-params",
        help="Mean absolute error on materials that were not trained on.",
    )
    have = middle.number_input(
        "Existing training frames",
        min_value=0,
        max_value=_MOST,
        value=0,
        key="have",
        bind="query-params",
        help="In the target functional. Validation and test frames are needed in addition.",
    )
    hours = right.number_input(
        "Budget, core-hours",
        min_value=0.0,
        max_value=1e12,
        value=0.0,
        format="%g",
        key="spend",
        bind="query-params",
        help="Shows the error that it buys. 0 leaves that out.",
    )
    return float(target), int(have), float(hours)


def _numbers_of_atoms(analysis: ScalingAnalysis, cost: Cost) -> Any:
    if analysis.results is not None:
        about = analysis.results.about
        return _training_atoms(about.sweep.base.dataset, about.data.fingerprint)
    if cost.per_atom3 is None:
        return [1]
    n_atoms = st.number_input(
        "Atoms per cell",
        min_value=1,
        max_value=10_000,
        value=20,
        key="atoms",
        bind="query-params",
        help="A table of points does not contain the size of its cells.",
    )
    return [n_atoms]


@st.cache_data(max_entries=16, show_spinner=False)
def _training_atoms(dataset: str, fingerprint: str) -> Any:  # noqa: ARG001  part of the cache's key
    return training_atoms(dataset)


def _show_headline(plan: Plan) -> None:
    """Show the answer: what is enough, and which method needs the fewest frames."""
    known = bool(plan.data.verdict().best)
    first, *rest = plan.headline
    (st.markdown if known else st.warning)(f"**{plain(first)}**" if known else plain(first))
    if rest:
        st.markdown(plain(" ".join(rest)))


def _show_table(text: Any, *, key: str, help_texts: dict[str, str] | None = None) -> None:
    st.dataframe(
        text,
        key=key,
        hide_index=True,
        column_config={
            "Method": st.column_config.TextColumn(width=240),
            "Note": st.column_config.TextColumn(width=320),
            **{
                title: st.column_config.TextColumn(help=text)
                for title, text in (help_texts or {}).items()
            },
        },
    )


def _show_test(plan: Plan) -> None:
    """Show how wrong such predictions were on the same sweep."""
    st.subheader("How reliable is this?")
    st.caption(TESTED)
    table, (deviation, held) = plan.tested()
    if table.empty:
        st.info(
            "Too few of the fitted sizes lie below a quarter of the largest: these laws are not "
            "tested."
        )
        return
    st.markdown(
        f"The predicted errors deviate by **{deviation}** at most; the interval of the number of "
        f"frames contains the actual number in **{held}** cases."
    )
    _show_table(table, key="test-table")


def _command(plan: Plan, n_atoms: Any) -> str:
    analysis, data = plan.analysis, plan.data
    words = ["atomref", "plan", *analysis.arguments, "--target", f"{data.target:g}"]
    words += data.cost.arguments
    if analysis.results is None and data.cost.per_atom3 is not None:
        words += ["--atoms", str(n_atoms[0])]
    if data.have:
        words += ["--have", str(data.have)]
    if plan.hours:
        words += ["--budget-hours", f"{plan.hours:g}"]
    return shlex.join(words)
