"""The sections of a report about an experiment, and about a list of runs."""

from collections.abc import Callable, Sequence

import pandas as pd

from core.figures.training.run_curves import run_curves
from core.report.document import Figure, Section, Table
from core.report.run import flat, gradients, titles
from core.runs.export.card import data_facts
from core.runs.groups.experiment import Experiment
from core.runs.record.directory import Run
from core.runs.record.events import ENERGY
from core.runs.results.about import provenance_of
from core.runs.results.comparison import label_of, method_label, overview
from core.runs.results.curves import overlay
from core.runs.results.matched import (
    SPLITS,
    Split,
    compared,
    matched_table,
    mean_text,
    metrics_of,
)
from core.runs.results.paired import POWER, difference_text, verdict_text, with_best
from core.runs.results.paper import CITATION
from core.runs.results.quantities import Quantity
from core.runs.results.unseen import unseen_note
from core.training.settings.metrics import TEST_METRICS

_PAPER = (
    f"Mean ± standard deviation over seeds. The paper's columns are from {CITATION}, on MP-r2SCAN: "
    "compare the order of the methods, not the size of the errors."
)
_PAIRED = (
    "Differences are paired: runs of one seed share their training frames and their order. "
    "Intervals: Student's t over seeds. The number of seeds that would tell finds the difference "
    f"with a probability of {POWER:.0%} if its mean and scatter stay as they are."
)


def experiment_section(experiment: Experiment) -> Section:
    """Return the section about an experiment: Table 1, what is chance, histories, gradients.

    Args:
        experiment: the experiment; runs that have not finished are left out of its table.
    """
    runs = experiment.existing_runs()
    return Section(
        id=experiment.id,
        title=experiment.name or experiment.id,
        paragraphs=[
            f"{experiment.text} {provenance_of(*runs).text}",
            unseen_note(runs, "test"),
            verdict_text(compared(runs, "test", ENERGY), method_label),
        ],
        tables=[*(_matched(runs, split) for split in reversed(SPLITS)), _differences(runs)],
        figures=[
            *_history(runs, experiment.id, _method_and_seed),
            *gradients(runs, experiment.id, first_epoch=True),
        ],
        facts={
            "Data": data_facts(runs[0]) if runs else {},
            "Settings of all runs": flat(experiment.base.model_dump(mode="json")),
        },
        commands=[experiment.command],
        models=[run for run in runs if run.best_checkpoint.is_file()],
    )


def logbook_section(runs: Sequence[Run]) -> Section:
    """Return the section that lists runs: states, settings and errors, and energy histories."""
    table = overview(runs)
    shown = {
        "run": "Run",
        "name": "Name",
        "state": "State",
        "method": "Method",
        "dataset": "Data set",
        "labels": "Labels",
        "frames": "Training frames",
        "epochs": "Epochs",
        **{f"test_{key}": title for key, title in titles(TEST_METRICS).items()},
        "seconds": "Seconds",
    }
    return Section(
        id="runs",
        title="Runs",
        paragraphs=[f"{len(table):,} runs. Errors are mean absolute errors on test frames."],
        tables=[Table(title="All runs", table=table[list(shown)].rename(columns=shown))],
        figures=_history(runs, "runs"),
        commands=["atomref runs list"],
    )


def _matched(runs: Sequence[Run], split: Split) -> Table:
    found, metrics = matched_table(runs, split), metrics_of(split)
    heads = titles(metrics)
    rows = [
        {
            "Method": method_label(row["method"]),
            "Runs": f"{row['n']} of {row['of']}",
            **{heads[key]: mean_text(row[key], row[f"{key}_spread"]) for key in metrics},
            **{f"Paper: {heads[key]}": row[f"{key}_paper"] for key in metrics},
        }
        for row in found.to_dict("records")
    ]
    table = pd.DataFrame(rows).dropna(axis="columns", how="all")
    return Table(title=f"Errors on {split} frames", table=table, note=_PAPER)


def _differences(runs: Sequence[Run]) -> Table:
    rows = []
    for metric, info in metrics_of("test").items():
        best, involved = with_best(compared(runs, "test", metric))
        rows += [
            {
                "Error": f"{info.label}, {info.unit}",
                "Smallest": method_label(best),
                "Compared with": method_label(each.worse if each.better == best else each.better),
                "Larger by [95 %]": difference_text(each),
                "Seeds": each.n,
                "Verdict": each.verdict,
            }
            for each in involved
        ]
    return Table(
        title="Is the difference larger than chance?", table=pd.DataFrame(rows), note=_PAIRED
    )


def _method_and_seed(run: Run) -> str:
    return f"{run.config.method}, seed {run.config.seed}"


def _history(
    runs: Sequence[Run], name: str, label: Callable[[Run], str] = label_of
) -> list[Figure]:
    quantity = Quantity(kind="validation", of=ENERGY)
    table = overlay(runs, quantity, label=label)
    if table.empty:
        return []
    return [
        Figure(
            name=f"{name}-{ENERGY}",
            figure=run_curves(
                table,
                title=quantity.label,
                unit=quantity.unit,
                x_title="Epoch",
                log_y=True,
                dark=False,
            ),
            caption="One line per run, one colour per method. Epoch 0 is the model before any "
            "step: the effect of the method's AtomRef.",
            source=provenance_of(*(run for run in runs if run.id in set(table["run"]))),
            table=table,
        )
    ]
