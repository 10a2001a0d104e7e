"""One matched experiment: its table, curves, gradients, runs, and what can be done with it."""

import math
from collections.abc import Callable

import pandas as pd
import streamlit as st

from core.errors import LabError
from core.figures.training.gradients import gradient_panels
from core.figures.training.learning_curves import Curve, learning_curves
from core.frames.registry import find_dataset
from core.frames.schema import DFT
from core.runs.groups import experiment as matched
from core.runs.record.directory import Run
from core.runs.record.listing import status_if_any
from core.runs.record.progress import duration_text
from core.runs.results.comparison import method_label, stacked_histories
from core.runs.results.curves import histories
from core.runs.results.matched import SPLITS, gradients, matched_table
from core.runs.results.paper import CITATION, DOI
from core.training.settings.methods import METHODS
from core.training.settings.metrics import METRICS
from core.training.step.probes import PROBES
from pages.parts.shared.datasets import MODEL_LABELLED, model_badge, origin
from pages.parts.shared.figure import show
from pages.parts.shared.page import command, errors_shown, is_dark, plain
from pages.parts.shared.views import choose_view

REFRESH = "3s"
VIEWS = {"table": "Table 1", "curves": "Energy history", "gradients": "Gradients", "runs": "Runs"}


def show_experiment(one: matched.Experiment) -> None:
    """Show an experiment; while its runs wait or train, the view refreshes itself."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(plain(one.name or one.id), anchor=False, width="stretch")
        if st.button("All experiments", icon=":material/arrow_back:", type="tertiary"):
            del st.query_params["experiment"]
            st.rerun()
    labels = _labels(one)
    model_badge({labels})
    config = one.base
    frames = "all" if config.frames is None else f"{config.frames:,}"
    st.markdown(
        plain(
            f"{len(one.methods)} methods and {len(one.seeds)} seeds on {config.dataset}, {frames} "
            f"training frames, {config.epochs} epochs at most. Labels: {origin(labels)}."
        )
    )
    view = choose_view(VIEWS)
    live = any(status.is_active for status in _states(one))
    st.fragment(_panel, run_every=REFRESH if live else None)(one, view, labels, live=live)
    command(f"{one.command}\natomref experiment show {one.id}")


def _labels(one: matched.Experiment) -> str:
    for status in _states(one):
        if status.labels:
            return status.labels
    try:
        return find_dataset(one.base.dataset).card.labels
    except LabError:
        return "unknown"


def _states(one: matched.Experiment) -> list:
    return [status for run in matched.runs_of(one) if (status := status_if_any(run))]


def _panel(one: matched.Experiment, view: str, labels: str, *, live: bool) -> None:
    states = _states(one)
    if any(status.is_active for status in states) != live:
        st.rerun()
    with errors_shown():
        runs = matched.runs_of(one)
        _standing(one, states)
        made = "DFT" if labels == DFT else f"{labels}: {MODEL_LABELLED}"
        short = f"Data: {one.base.dataset}. Labels: {made}"
        source = plain(f"Data: {one.base.dataset}. Labels: {origin(labels)}.")
        if view == "table":
            _table(one, runs, source)
        elif view == "curves":
            _curves(one, runs, source, short)
        elif view == "gradients":
            _gradients(one, runs, source, short)
        else:
            _runs(runs)


def _standing(one: matched.Experiment, states: list) -> None:
    finished = sum(status.state == "finished" for status in states)
    active = [status for status in states if status.is_active]
    with st.container(horizontal=True, vertical_alignment="center"):
        text = f"{finished} of {len(one.runs)} runs finished"
        running = next((status for status in active if status.state == "running"), None)
        if running is not None and running.eta_s:
            text += f", {duration_text(running.eta_s)} left of the one that trains"
        st.progress(finished / max(1, len(one.runs)), text)
        if active:
            _button("Cancel all", ":material/stop:", matched.cancel, one)
        elif finished < len(states):
            _button("Resume the rest", ":material/play_arrow:", matched.resume, one)
    failed = [status for status in states if status.state == "failed"]
    if failed:
        st.error(plain(failed[0].message), icon=":material/error:")


def _button(
    label: str, icon: str, action: Callable[[matched.Experiment], None], one: matched.Experiment
) -> None:
    if st.button(label, icon=icon, key=f"{label}-{one.id}"):
        action(one)
        st.rerun()


def _table(one: matched.Experiment, runs: list[Run], source: str) -> None:
    split = st.segmented_control(
        "Frames",
        list(SPLITS),
        default="test",
        required=True,
        key="split",
        bind="query-params",
        help="Validation chose each run's best epoch; its test frames were looked at once, at the "
        "end. Training errors are those of the best epoch's steps.",
    )
    table = matched_table(runs, split)
    shown = pd.DataFrame(
        {
            "method": [method_label(key) for key in table["method"]],
            "runs": [f"{n} of {of}" for n, of in zip(table["n"], table["of"], strict=True)],
            **{
                key: [
                    _with_spread(value, spread)
                    for value, spread in zip(table[key], table[f"{key}_spread"], strict=True)
                ]
                for key in METRICS
            },
            **{f"{key}_paper": table[f"{key}_paper"] for key in METRICS},
        }
    )
    st.dataframe(
        shown,
        key=f"matched-{split}",
        hide_index=True,
        placeholder="–",
        column_config={
            "method": st.column_config.TextColumn("Method", width=230),
            "runs": "Runs",
            **{
                key: st.column_config.TextColumn(f"{info.label}, {info.unit}")
                for key, info in METRICS.items()
            },
            **{
                f"{key}_paper": st.column_config.NumberColumn(
                    f"Paper: {info.label.removesuffix(' MAE').lower()}",
                    format="%.4g",
                    help=f"The paper's, in {info.unit}, on its own data.",
                )
                for key, info in METRICS.items()
            },
        },
    )
    st.caption(
        f"Mean ± standard deviation over seeds. {source} Columns marked as the paper's are from "
        f"[{plain(CITATION)}](https://doi.org/{DOI}), on MP-r2SCAN: they show the order of the "
        "methods, and their sizes do not compare."
    )
    st.download_button(
        "CSV",
        data=lambda: table.assign(source=source.replace("\\", "")).to_csv(index=False).encode(),
        file_name=f"{one.id}-{split}.csv",
        mime="text/csv",
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
    )


def _with_spread(value: float, spread: float) -> str | None:
    """Write a mean with as many decimals as its spread, to two digits, allows."""
    if pd.isna(value):
        return None
    if pd.isna(spread) or spread == 0:
        return f"{value:,.4g}" if value < 1000 else f"{value:,.0f}"
    decimals = min(6, max(0, 1 - math.floor(math.log10(spread))))
    return f"{value:,.{decimals}f} ± {spread:,.{decimals}f}"


def _curves(one: matched.Experiment, runs: list[Run], source: str, labels: str) -> None:
    metric = st.segmented_control(
        "Error of",
        list(METRICS),
        format_func=lambda key: METRICS[key].label.removesuffix(" MAE"),
        default=next(iter(METRICS)),
        required=True,
        key="metric",
        bind="query-params",
    )
    known = {run: histories(run, training=False) for run in runs}
    curves = [
        Curve(
            label=f"{run.config.method}, seed {run.config.seed}",
            method=run.config.method,
            epochs=tables[metric],
        )
        for run, tables in known.items()
        if metric in tables
    ]
    info = METRICS[metric]
    show(
        learning_curves(
            curves,
            metric=f"Validation {info.label}",
            unit=info.unit,
            log_y=True,
            dark=is_dark(),
        ),
        name=f"{one.id}-{metric}",
        caption="One line a run, one colour a method. Epoch 0 is the untrained model: where a "
        "method begins is what its references did.",
        source=source,
        labels=labels,
        table=lambda: stacked_histories(runs, metric),
    )


def _gradients(one: matched.Experiment, runs: list[Run], source: str, labels: str) -> None:
    first = st.toggle(
        "First epoch only",
        value=True,
        key="first",
        bind="query-params",
        help="What the paper's Figure 3a shows.",
    )
    table = gradients(runs)
    if first:
        table = table[table["epoch"] <= 1]
    show(
        gradient_panels(
            table,
            probes=list(PROBES),
            methods=[method for method in METHODS if method in one.methods],
            dark=is_dark(),
        ),
        name=f"{one.id}-gradients",
        caption="Ten times an epoch, mean over the steps since; the band is the range of the "
        "seeds. With references of the wrong functional the network is asked to unlearn offsets, "
        "and gradients are larger; Huber's loss keeps them from growing with the offset. AtomRef "
        "has a gradient only where it is trained.",
        source=source,
        labels=labels,
        table=lambda: table,
    )


def _runs(runs: list[Run]) -> None:
    for run in runs:
        status = status_if_any(run)
        if status is None:
            continue
        with st.container(horizontal=True, vertical_alignment="center"):
            st.page_link(
                "pages/transfer.py",
                label=plain(f"{method_label(run.config.method)}, seed {run.config.seed}"),
                query_params={"run": run.id},
            )
            st.space("stretch")
            st.markdown(plain(f"{status.state}, epoch {status.epoch:.1f} of {status.epochs}"))
