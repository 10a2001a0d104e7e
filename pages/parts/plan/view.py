"""How many calculations a target error takes, what they cost, and how far to trust that."""

import shlex
from collections.abc import Mapping

import numpy as np
import pandas as pd
import streamlit as st

from core.figures.scaling.chances import chance_curves
from core.scaling.law import Law
from core.scaling.planner import LIKELY, Cost, budget, chances, plan, training_atoms
from core.scaling.points import ScalingPoints
from core.scaling.sweep_results import SweepResults
from core.training.settings.metrics import METRICS
from pages.parts.plan.cost import choose_cost
from pages.parts.plan.trust import show_trust
from pages.parts.plan.words import between, count, money, name_of, times
from pages.parts.shared.datasets import MODEL_LABELLED, origin
from pages.parts.shared.figure import show as show_figure
from pages.parts.shared.page import command, is_dark, plain

_MOST = 1_000_000_000
_DEFAULTS = dict(zip(METRICS, (50.0, 50.0, 0.5, 0.05), strict=True))
"""Targets at start, in the metrics' units."""


def show(
    results: SweepResults | None,
    laws: Mapping[str, Law],
    *,
    metric: str,
    unit: str,
    split: str = "validation",
    points: Mapping[str, ScalingPoints] | None = None,
) -> None:
    """Show the view.

    Args:
        results: The sweep; None for a table of points.
        laws: Method to its law.
        metric: Key of METRICS; empty for a table of points.
        unit: Of the errors.
        split: Which frames the errors are of.
        points: What the laws were fitted to; None takes the sweep's.
    """
    if not laws:
        st.info("Nothing could be fitted, so nothing can be planned: the view Curves says why.")
        return
    target, have, hours = _choose(metric, unit)
    cost, words = choose_cost()
    n_atoms = _atoms(results, cost)
    table = plan(laws, target=target, cost=cost, n_atoms=n_atoms, have=have)
    _headline(table, cost, target=f"{target:g} {unit}", have=have)
    _table(table, cost)
    labels, source = _origin(results, split)
    show_figure(
        chance_curves(
            found := chances(laws, target=target),
            names={method: name_of(method) for method in laws},
            largest={method: law.largest for method, law in laws.items()},
            target=f"{target:g} {unit}",
            have=have,
            dark=is_dark(),
        ),
        name="plan",
        caption="The estimate is where a curve passes one half; a cautious plan goes on to nine "
        "tenths. A steep curve is a law that is well known. Dashed: beyond the largest size "
        "trained at.",
        source=source,
        labels=labels,
        table=lambda: found,
    )
    if hours:
        _budget(laws, cost, n_atoms, hours=hours, have=have, target=target, unit=unit)
    show_trust(results, laws, metric=metric, unit=unit, split=split, points=points)
    if results is not None:
        # The page's own choice: an embedded sweep is named by its folder.
        name = st.session_state.get("sweep", results.about.sweep.id)
        command(_command(name, laws, words, metric, split, target=target, have=have, hours=hours))


def _choose(metric: str, unit: str) -> tuple[float, int, float]:
    left, middle, right = st.columns(3)
    target = left.number_input(
        f"Target error, {unit}",
        min_value=1e-6,
        max_value=1e6,
        value=_DEFAULTS.get(metric, 50.0),
        format="%g",
        key=f"target-{metric or 'points'}",
        bind="query-params",
        help="Of the mean absolute error on materials that were not trained on.",
    )
    have = middle.number_input(
        "Training frames there already",
        min_value=0,
        max_value=_MOST,
        value=0,
        key="have",
        bind="query-params",
        help="In the target functional. Validation and test frames come on top.",
    )
    hours = right.number_input(
        "Budget, core-hours",
        min_value=0.0,
        max_value=1e12,
        value=0.0,
        format="%g",
        key="spend",
        bind="query-params",
        help="What error would it buy? 0 leaves that out.",
    )
    return float(target), int(have), float(hours)


def _atoms(results: SweepResults | None, cost: Cost) -> np.ndarray:
    if results is not None:
        return _training_atoms(results.about.sweep.base.dataset, results.about.data.fingerprint)
    if cost.per_atom3 is None:
        return np.ones(1)
    atoms = st.number_input(
        "Atoms in a cell",
        min_value=1,
        max_value=10_000,
        value=20,
        key="atoms",
        bind="query-params",
        help="A table of points does not say how large its cells are.",
    )
    return np.array([atoms])


@st.cache_data(max_entries=16, show_spinner=False)
def _training_atoms(dataset: str, fingerprint: str) -> np.ndarray:  # noqa: ARG001  cache key
    return training_atoms(dataset)


def _headline(table: pd.DataFrame, cost: Cost, *, target: str, have: int) -> None:
    reached = table[np.isfinite(table["frames"])]
    if reached.empty:
        st.warning(
            plain(f"By these laws no method reaches {target}, whatever the number of frames."),
            icon=":material/block:",
        )
        return
    best = reached.loc[reached["frames"].idxmin()]
    name = plain(name_of(best["method"]))
    if best["to_compute"] == 0:
        st.markdown(
            f"**{name}** reaches {plain(target)} with about **{best['frames']:,.0f} training "
            f"frames**, and {have:,} are there: most likely nothing needs to be computed."
        )
        return
    price = "" if np.isnan(best["money"]) else f", {plain(money(best['money'], cost))}"
    sure = (
        f"With a probability of {LIKELY:.0%}, {count(best['to_compute_likely'])} are enough."
        if np.isfinite(best["to_compute_likely"])
        else f"No number is enough with a probability of {LIKELY:.0%}: the law is not known well "
        "enough."
    )
    st.markdown(
        f"Least data takes **{name}**: {plain(target)} with about **{best['frames']:,.0f} training "
        f"frames** (95 %: {between(best['frames_low'], best['frames_high'])}), so "
        f"**{best['to_compute']:,.0f} calculations**, {best['core_hours']:,.0f} core-hours{price}. "
        f"{sure}"
    )
    others = reached[reached["method"] != best["method"]]
    told = [
        f"{name_of(row['method'])} {row['frames'] / best['frames']:,.1f}×"
        for row in others.to_dict("records")
    ]
    if told:
        st.caption(plain("Frames beside that: " + ", ".join(told) + "."))


def _table(table: pd.DataFrame, cost: Cost) -> None:
    shown = pd.DataFrame(
        {
            "method": [name_of(method) for method in table["method"]],
            "frames": [count(value) for value in table["frames"]],
            "interval": list(map(between, table["frames_low"], table["frames_high"])),
            "likely": [count(value) for value in table["frames_likely"]],
            "to_compute": [count(value) for value in table["to_compute"]],
            "core_hours": [count(value) for value in table["core_hours"]],
            "money": [money(value, cost) for value in table["money"]],
            "probability": 100 * table["probability"],
            "extrapolated": [times(value) for value in table["extrapolated"]],
            "note": table["note"],
        }
    )
    st.dataframe(
        shown,
        key="plan-table",
        hide_index=True,
        column_config={
            "method": st.column_config.TextColumn("Method", width=240),
            "frames": st.column_config.TextColumn(
                "Training frames", help="In all, those there included."
            ),
            "interval": "95 % interval",
            "likely": st.column_config.TextColumn(
                f"For {LIKELY:.0%}", help="Frames for so high a probability of the target."
            ),
            "to_compute": "To compute",
            "core_hours": "Core-hours",
            "money": st.column_config.TextColumn("Money") if cost.price is not None else None,
            "probability": st.column_config.NumberColumn(
                "Probability",
                format="%.0f %%",
                help="Of the target with the frames of the second column, or with those there. The "
                "estimate itself is a toss-up.",
            ),
            "extrapolated": st.column_config.TextColumn(
                "Beyond", help="Frames over the largest size that was trained at."
            ),
            "note": st.column_config.TextColumn("Note", width=320),
        },
    )


def _budget(
    laws: Mapping[str, Law],
    cost: Cost,
    n_atoms: np.ndarray,
    *,
    hours: float,
    have: int,
    target: float,
    unit: str,
) -> None:
    st.subheader("What the budget buys")
    table = budget(laws, hours=hours, cost=cost, n_atoms=n_atoms, have=have, target=target)
    st.caption(
        f"{hours:,.6g} core-hours pay for {int(table['to_compute'].iloc[0]):,} calculations of "
        f"{cost.mean_hours(n_atoms):,.4g} core-hours; with those there, "
        f"{table['frames'].iloc[0]:,.0f} training frames."
    )
    st.dataframe(
        table.assign(
            method=[name_of(method) for method in table["method"]],
            probability=100 * table["probability"],
            extrapolated=[times(value) for value in table["extrapolated"]],
        ).drop(columns=["to_compute", "frames"]),
        key="budget-table",
        hide_index=True,
        placeholder="–",
        column_config={
            "method": st.column_config.TextColumn("Method", width=240),
            "error": st.column_config.NumberColumn(f"Error, {unit}", format="%.3g"),
            "error_low": st.column_config.NumberColumn("95 % low", format="%.3g"),
            "error_high": st.column_config.NumberColumn("95 % high", format="%.3g"),
            "probability": st.column_config.NumberColumn(
                "Probability of the target", format="%.0f %%"
            ),
            "extrapolated": "Beyond",
        },
    )


def _origin(results: SweepResults | None, split: str) -> tuple[str, str]:
    """Return the labels of figures that leave the page, and the line under them."""
    if results is None:
        return "Data: your points", "Data: your points."
    data = results.about.data
    made = "DFT" if data.labels == "dft" else f"{data.labels}: {MODEL_LABELLED}"
    source = plain(
        f"Laws of the sweep {results.about.title or results.about.sweep.id} on {data.name}, "
        f"{split} frames. Labels: {origin(data.labels)}. {results.about.sweep.machine}."
    )
    return f"Data: {data.name}. Labels: {made}", source


def _command(
    name: str,
    laws: Mapping[str, Law],
    words: list[str],
    metric: str,
    split: str,
    *,
    target: float,
    have: int,
    hours: float,
) -> str:
    law = next(iter(laws.values()))
    line = ["atomref", "plan", name, "--target", f"{target:g}", *words]
    if metric != next(iter(METRICS)):
        line += ["--metric", metric.partition("_")[0]]
    if split != "validation":
        line += ["--split", split]
    forms = {one.form for one in laws.values()}
    if forms != {"power"}:
        line += ["--form", law.form if len(forms) == 1 else "auto"]
    line += ["--min-frames", str(law.min_frames)]
    if have:
        line += ["--have", str(have)]
    if hours:
        line += ["--budget-hours", f"{hours:g}"]
    return shlex.join(line)
