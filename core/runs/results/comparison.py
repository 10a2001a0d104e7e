"""Runs in one table, and their errors beside the paper's."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from core.frames.schema import DFT
from core.runs.record.directory import Run
from core.runs.record.events import ENERGY
from core.runs.record.functionals import functionals_of
from core.runs.record.listing import status_if_any, summary_row
from core.runs.record.status import Status
from core.runs.results.paper import DATASET, TABLE_1
from core.runs.results.unseen import FILES, unseen_of
from core.training.settings.methods import METHODS
from core.training.settings.metrics import METRICS, TEST_METRICS

PAPER = "the paper's Table 1"

COLUMNS: dict[str, str] = {
    "run": "str",
    "name": "str",
    "state": "str",
    "method": "str",
    "dataset": "str",
    "labels": "object",
    "frames": "Int64",
    "epochs": "Int64",
    "best_epoch": "Int64",
    **{f"validation_{key}": "float64" for key in METRICS},
    **{f"test_{key}": "float64" for key in TEST_METRICS},
    "seconds": "float64",
    "label": "str",
    "progress": "str",
}
"""Columns of `overview` and their pandas types."""


def label_of(run: Run) -> str:
    """Return a short name of a run that no other run has: the user's words, or the id."""
    name = run.config.name.strip()
    return f"{name} ({run.id[-4:]})" if name else run.id


def method_label(key: str) -> str:
    """Return a method's name with its place in the paper, e.g. "From scratch (Method 1)"."""
    method = METHODS[key]
    return f"{method.label} ({method.paper})"


def overview(runs: Sequence[Run]) -> pd.DataFrame:
    """Return one row per run, in the order given.

    Args:
        runs: runs; those deleted meanwhile are left out.

    Returns:
        COLUMNS: those of `core.runs.record.listing.summary_row`, `label` (as `label_of`) and
        `progress`, the state with the trained share of an unfinished run, e.g. "running, 24 %".
    """
    rows = [
        {**summary_row(run), "label": label_of(run), "progress": _progress_text(status)}
        for run in runs
        if (status := status_if_any(run)) is not None
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


def _progress_text(status: Status) -> str:
    if status.state in {"queued", "finished"}:
        return status.state
    return f"{status.state}, {100 * status.done_share:.0f} %"


def errors_table(run: Run) -> pd.DataFrame:
    """Return a run's errors: untrained, at its best epoch, and in the test.

    Args:
        run: the run.

    Returns:
        One row for each that is known: column `model`, then the metrics of
        `core.training.settings.metrics.TEST_METRICS`.

    Raises:
        LabError: if the run is gone.
    """
    status = run.status()
    untrained = next((event["validation"] for event in run.metrics("start")), None)
    errors: dict[str, Mapping[str, Any] | None] = {
        "Validation, before training": untrained,
        f"Validation, best epoch ({status.best_epoch})": status.validation,
        "Test, model of the best epoch": status.test,
    }
    for one in functionals_of(run)[1:]:
        errors |= {
            f"Validation in {one.functional}, before training": one.facts.get("validation"),
            f"Validation in {one.functional}, best epoch ({status.best_epoch})": one.validation,
            f"Test in {one.functional}": one.test,
        }
    if status.state == "finished":
        for split in FILES:
            if (unseen := unseen_of(run, split)) is not None:
                name = f"{split.capitalize()}, elements that training saw"
                errors[f"{name} (without {unseen.count})"] = unseen.without
    rows = [{"model": model, **_metrics(values)} for model, values in errors.items() if values]
    return pd.DataFrame(rows, columns=["model", *TEST_METRICS]).astype(_TYPES | {"model": "str"})


def no_gain(run: Run) -> str:
    """Return which validation errors training has not made smaller; empty if there is none.

    A trained model has to beat the one that its training began with: the pretrained network with
    its AtomRef alone, or the closed form.

    Args:
        run: a run; one that has not finished, or began with random weights, has nothing to beat.

    Raises:
        LabError: if the run is gone.
    """
    status = run.status()
    if (
        status.state != "finished"
        or not status.epoch
        or METHODS[run.config.method].start == "random"
    ):
        return ""
    before, after = run.event("start").get("validation") or {}, status.validation or {}
    worse = [
        f"{info.label} {after[key]:.4g} {info.unit}, {before[key]:.4g} before training"
        for key, info in METRICS.items()
        if before.get(key) is not None and after.get(key) is not None and after[key] >= before[key]
    ]
    if not worse:
        return ""
    return (
        "On the validation frames training has not made these errors smaller: "
        f"{'; '.join(worse)}. Train on more frames or with a smaller learning rate."
    )


def beside_paper(runs: Sequence[Run]) -> pd.DataFrame:
    """Return the test errors of runs above the rows of the paper's Table 1.

    Args:
        runs: runs; those without a test result yet, or deleted meanwhile, are left out.

    Returns:
        Columns `whose` (a run's label, or `PAPER`), `method`, `start` (its weights and AtomRef),
        the metrics, `energy_seen` (the energy MAE without the frames that hold an element that
        training never saw, where there are such frames), `unseen` (how many), `data` (what the
        errors were measured on) and `labels` ("dft" or a model's name). Numbers of different data
        are orientation, not a contest.
    """
    rows: list[dict[str, Any]] = []
    for run in runs:
        status = status_if_any(run)
        if status is not None and status.test:
            rows.append(
                {
                    "whose": label_of(run),
                    "method": short_label(run.config.method),
                    "start": METHODS[run.config.method].starts_from,
                    **_metrics(status.test),
                    **_unseen(run),
                    "data": f"{run.config.dataset}, {status.test.get('n_frames')} test frames",
                    "labels": status.labels,
                }
            )
    rows += [
        {
            "whose": PAPER,
            "method": short_label(row.method),
            "start": METHODS[row.method].starts_from,
            **{key: getattr(row, key) for key in TEST_METRICS},
            "energy_seen": None,
            "unseen": "",
            "data": f"test set of {DATASET}",
            "labels": DFT,
        }
        for row in TABLE_1
    ]
    return pd.DataFrame(rows).astype(_TYPES | {"energy_seen": "float64"})


def _unseen(run: Run) -> dict[str, Any]:
    unseen = unseen_of(run, "test")
    if unseen is None:
        return {"energy_seen": None, "unseen": ""}
    return {"energy_seen": unseen.without[ENERGY], "unseen": unseen.count}


_TYPES = dict.fromkeys(TEST_METRICS, "float64")


def short_label(method: str) -> str:
    """Return a method's key with its place in the paper, e.g. "scratch (Method 1)"."""
    return f"{method} ({METHODS[method].paper})"


def _metrics(errors: Mapping[str, Any]) -> dict[str, Any]:
    return {key: errors.get(key) for key in TEST_METRICS}
