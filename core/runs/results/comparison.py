"""Runs beside one another, and beside the paper's."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from core.frames.schema import DFT
from core.runs.record.directory import Run
from core.runs.record.listing import status_if_any, summary_table
from core.runs.record.status import Status
from core.runs.results.curves import COLUMNS, histories, untrained_errors
from core.runs.results.paper import DATASET, TABLE_1
from core.training.settings.methods import METHODS
from core.training.settings.metrics import METRICS

if TYPE_CHECKING:
    import pandas as pd

THEIRS = "the paper's Table 1"


def label_of(run: Run) -> str:
    """Return a short name of a run that no other run has: the user's words, or the id."""
    name = run.config.name.strip()
    return f"{name} ({run.id[-4:]})" if name else run.id


def method_label(key: str) -> str:
    """Return a method's name with its place in the paper, e.g. "From scratch (Method 1)"."""
    method = METHODS[key]
    return f"{method.label} ({method.paper})"


def overview(runs: Sequence[Run]) -> "pd.DataFrame":
    """Return `core.runs.record.listing.summary_table` with names and progress for people.

    Args:
        runs: runs; those deleted meanwhile are left out.

    Returns:
        One row a run. Besides the columns of the summary: `label` (as `label_of`) and `standing`,
        the state with the trained share of an unfinished run, e.g. "running, 24 %".
    """
    there = [(run, status) for run in runs if (status := status_if_any(run)) is not None]
    table = summary_table([run for run, _ in there])
    labels = {run.id: label_of(run) for run, _ in there}
    standings = {run.id: _standing(status) for run, status in there}
    return table.assign(
        label=[labels[name] for name in table["run"]],
        standing=[standings[name] for name in table["run"]],
    )


def _standing(status: Status) -> str:
    if status.state in {"queued", "finished"}:
        return status.state
    return f"{status.state}, {100 * done_share(status):.0f} %"


def done_share(status: Status) -> float:
    """Return the share of a run's epochs that is trained, from 0 to 1; an early end is an end."""
    if status.state == "finished":
        return 1.0
    return min(1.0, max(0.0, status.epoch / status.epochs))


def errors_table(run: Run) -> "pd.DataFrame":
    """Return a run's errors: untrained, at its best epoch, and in the test.

    Args:
        run: the run.

    Returns:
        One row for each that is known: column `what`, then the metrics of
        `core.training.settings.metrics.METRICS`.

    Raises:
        LabError: if the run is gone.
    """
    import pandas as pd  # noqa: PLC0415 - see core.runs.results.curves

    status = run.status()
    told: list[tuple[str, Mapping[str, Any] | None]] = [
        ("Validation, before training", untrained_errors(run)),
        (f"Validation, best epoch ({status.best_epoch})", status.validation),
        ("Test, the best epoch's model", status.test),
    ]
    rows = [{"what": what, **_errors(errors)} for what, errors in told if errors]
    return pd.DataFrame(rows, columns=["what", *METRICS]).astype(_TYPES | {"what": "str"})


def beside_paper(runs: Sequence[Run]) -> "pd.DataFrame":
    """Return the test errors of runs above the rows of the paper's Table 1.

    Args:
        runs: runs; those without a test result yet, or deleted meanwhile, are left out.

    Returns:
        Columns `whose` (a run's label, or `THEIRS`), `method`, the metrics, `data` (what the errors
        were measured on) and `labels` ("dft" or a model's name). Numbers of different data are
        orientation, not a contest.
    """
    import pandas as pd  # noqa: PLC0415 - see core.runs.results.curves

    rows: list[dict[str, Any]] = []
    for run in runs:
        status = status_if_any(run)
        if status is not None and status.test:
            rows.append(
                {
                    "whose": label_of(run),
                    "method": _short(run.config.method),
                    **_errors(status.test),
                    "data": f"{run.config.dataset}, {status.test.get('n_frames')} test frames",
                    "labels": status.labels,
                }
            )
    rows += [
        {
            "whose": THEIRS,
            "method": _short(row.method),
            **{key: getattr(row, key) for key in METRICS},
            "data": f"test set of {DATASET}",
            "labels": DFT,
        }
        for row in TABLE_1
    ]
    return pd.DataFrame(rows).astype(_TYPES)


def stacked_histories(runs: Sequence[Run], metric: str) -> "pd.DataFrame":
    """Return the validation history of several runs in one metric, for download.

    Args:
        runs: the runs.
        metric: key of `core.training.settings.metrics.METRICS`.

    Returns:
        Columns `run` (the id), `method`, `epoch`, `split` and `value`.
    """
    import pandas as pd  # noqa: PLC0415 - see core.runs.results.curves

    tables = [
        history.assign(run=run.id, method=run.config.method)
        for run in runs
        if (history := histories(run, training=False).get(metric)) is not None
    ]
    columns = ["run", "method", *COLUMNS]
    return pd.concat(tables)[columns] if tables else pd.DataFrame(columns=columns)


_TYPES = dict.fromkeys(METRICS, "float64")


def _short(method: str) -> str:
    return f"{method} ({METHODS[method].paper})"


def _errors(errors: Mapping[str, Any]) -> dict[str, Any]:
    return {key: errors.get(key) for key in METRICS}
