"""One matched experiment: its table, curves, gradients and runs."""

from contextlib import suppress
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.csv_text import csv_text
from core.errors import LabError
from core.frames.provenance import Provenance
from core.frames.registry import find_dataset
from core.runs.groups.experiment import Experiment
from core.runs.groups.progress import GroupProgress
from core.runs.record.directory import Run
from core.runs.record.events import ENERGY
from core.runs.record.listing import status_if_any
from core.runs.results.comparison import method_label, short_label
from core.runs.results.curves import overlay
from core.runs.results.matched import (
    SPLITS,
    Split,
    compared,
    matched_table,
    mean_text,
    metrics_of,
    seen_errors_of,
)
from core.runs.results.paired import POWER, difference_text, verdict_text, with_best
from core.runs.results.paper import CITATION, DOI
from core.runs.results.quantities import Quantity
from core.runs.results.unseen import unseen_note
from core.training.settings.methods import METHODS
from core.training.settings.metrics import METRICS, STABILITY_METRICS
from pages.parts.runs.curves import choose_metric, show_curves, show_gradients
from pages.parts.shared.datasets import show_provenance
from pages.parts.shared.group import show_panel, show_title
from pages.parts.shared.page import command, plain
from pages.parts.shared.views import choose_view, one_of

VIEWS = {"table": "Table 1", "curves": "Energy history", "gradients": "Gradients", "runs": "Runs"}


def show_experiment(experiment: Experiment) -> None:
    """Show an experiment; while its runs wait or train, the view refreshes itself."""
    show_title(experiment, param="experiment")
    source = _source(experiment)
    st.markdown(plain(experiment.text))
    show_provenance(source)
    view = choose_view(VIEWS)
    show_panel(experiment, partial(_panel, experiment, view, source), param="experiment")
    command(
        f"atomref experiment show {experiment.id}",
        f"atomref report {experiment.id} --out {experiment.id}.html",
    )


def _source(experiment: Experiment) -> Provenance:
    labels = experiment.progress().labels
    if not labels:
        # An experiment can be shown without its data set.
        with suppress(LabError):
            labels = find_dataset(experiment.base.dataset).card.labels
    return Provenance(data=experiment.base.dataset, labels=[labels] if labels else ())


def _panel(
    experiment: Experiment,
    view: str,
    source: Provenance,
    progress: GroupProgress,  # noqa: ARG001
    buttons: DeltaGenerator,  # noqa: ARG001
) -> None:
    runs = experiment.existing_runs()
    if view == "table":
        _table(experiment, runs, source)
    elif view == "curves":
        _curves(experiment, runs)
    elif view == "gradients":
        show_gradients(runs, name=f"{experiment.id}-gradients", first_epoch=True)
    else:
        _runs(runs)


def _table(experiment: Experiment, runs: list[Run], source: Provenance) -> None:
    split = one_of(
        st,
        "Frames",
        list(SPLITS),
        default="test",
        key="split",
        wrap=True,
        help="Validation chose each run's best epoch; its test frames were looked at once, at the "
        "end. Training errors are those of the best epoch's steps.",
    )
    metrics = metrics_of(split)
    table = matched_table(runs, split)
    unseen = "" if split == "train" else unseen_note(runs, split)
    seen = matched_table(runs, split, seen_errors_of) if unseen else table
    rows = [
        {
            "method": short_label(row["method"]),
            ENERGY: mean_text(row[ENERGY], row[f"{ENERGY}_spread"]),
            **{key: mean_text(row[key], row[f"{key}_spread"]) for key in metrics if key != ENERGY},
            # Last, so that the paper's six columns are in sight together.
            "seen": mean_text(other[ENERGY], other[f"{ENERGY}_spread"]) if unseen else None,
            **{f"{key}_paper": row[f"{key}_paper"] for key in metrics},
            "start": METHODS[row["method"]].starts_from,
            "runs": f"{row['n']} of {row['of']}",
        }
        for row, other in zip(table.to_dict("records"), seen.to_dict("records"), strict=True)
    ]
    st.dataframe(
        rows,
        key=f"matched-{split}",
        hide_index=True,
        placeholder="–",
        column_config={
            "method": st.column_config.TextColumn("Method", width=145),
            "start": st.column_config.TextColumn(
                "Starts from", help="The weights of the network, and AtomRef.", width=270
            ),
            "runs": "Runs",
            **{
                key: st.column_config.TextColumn(info.short, help=f"{info.label}, {info.unit}")
                for key, info in metrics.items()
            },
            "seen": st.column_config.TextColumn(
                f"Energy, seen elements, {METRICS[ENERGY].unit}",
                help="Energy MAE without the frames that hold an element that training never saw.",
            )
            if unseen
            else None,
            **{
                f"{key}_paper": st.column_config.NumberColumn(
                    f"Paper: {info.short}",
                    format="%.4g",
                    help=f"The paper's {info.label}, on its own data.",
                )
                for key, info in metrics.items()
            },
        },
    )
    if unseen:
        st.info(plain(unseen), icon=":material/visibility_off:")
    st.caption(
        f"Mean absolute errors, mean ± standard deviation over seeds. The paper's columns are from "
        f"[{plain(CITATION)}](https://doi.org/{DOI}), on MP-r2SCAN: compare the order of the "
        "methods, not the size of the errors."
    )
    if split == "test" and table[list(STABILITY_METRICS)].isna().all(axis=None):
        st.caption(
            "Decomposition and formation energies are compared where an experiment is launched "
            "with “Stability of the test materials”."
        )
    st.download_button(
        "CSV",
        data=lambda: csv_text(table.assign(source=source.line)).encode(),
        file_name=f"{experiment.id}-{split}.csv",
        mime="text/csv",
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
        help="The table above, one row per method.",
    )
    _verdict(runs, split, has_unseen=bool(unseen))


def _verdict(runs: list[Run], split: Split, *, has_unseen: bool) -> None:
    """Show whether the lead of the best method is larger than chance."""
    st.subheader("Is the difference larger than chance?", anchor=False)
    metrics = metrics_of(split)
    metric = choose_metric(metrics)
    cases = {"all frames": False, "elements seen": True} if has_unseen else {"all frames": False}
    for name, seen in cases.items():
        found = compared(runs, split, metric, seen=seen)
        label = f"{name[0].upper()}{name[1:]}: " if has_unseen else ""
        st.markdown(f"**{plain(label)}{plain(verdict_text(found, method_label))}**")
        if not found:
            continue
        best, involved = with_best(found)
        st.dataframe(
            [
                {
                    "other": method_label(each.worse if each.better == best else each.better),
                    "difference": difference_text(each),
                    "n": each.n,
                    "verdict": each.verdict,
                }
                for each in involved
            ],
            key=f"verdict-{split}-{metric}-{name}",
            hide_index=True,
            column_config={
                "other": st.column_config.TextColumn(f"Compared with {best}", width=260),
                "difference": st.column_config.TextColumn(
                    f"Larger by [95 %], {metrics[metric].unit}", width=200
                ),
                "n": "Seeds",
                "verdict": st.column_config.TextColumn("Verdict", width=380),
            },
        )
    st.caption(
        "Differences are paired: runs of one seed share their training frames and their order. "
        "Intervals: Student's t over seeds. The number of seeds that would tell finds the "
        f"difference with a probability of {POWER:.0%} if its mean and scatter stay as they are."
    )


def _curves(experiment: Experiment, runs: list[Run]) -> None:
    metric = choose_metric()
    quantity = Quantity(kind="validation", of=metric)
    show_curves(
        overlay(runs, quantity, label=lambda run: f"{run.config.method}, seed {run.config.seed}"),
        runs,
        title=quantity.label,
        unit=quantity.unit,
        name=f"{experiment.id}-{metric}",
        caption="One line per run, one colour per method. Epoch 0 is the untrained model: the "
        "effect of the method's references.",
        log_y=True,
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
