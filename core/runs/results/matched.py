"""The table of a matched experiment: mean and spread over seeds, beside the paper's Table 1."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import pandas as pd

from core.runs.record.directory import Run
from core.runs.record.listing import status_if_any
from core.runs.record.status import Errors
from core.runs.results.paired import Difference, differences
from core.runs.results.paper import METHOD_4_PARTITIONS, TABLE_1
from core.runs.results.unseen import unseen_of
from core.training.settings.methods import METHODS
from core.training.settings.metrics import METRICS, TEST_METRICS, MetricInfo

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


def metrics_of(split: Split) -> dict[str, MetricInfo]:
    """Return the metrics that a split may have: stability is judged in the test alone."""
    return TEST_METRICS if split == "test" else METRICS


def errors_of(run: Run, split: Split) -> Errors | None:
    """Return a run's errors at its best epoch; None as long as they are not known.

    Training errors are those of the best epoch's steps, each before the step, as chgnet's trainer
    reports them. The test is made once, at the end.

    Args:
        run: the run.
        split: the frames.
    """
    status = status_if_any(run)
    if status is None:
        return None
    if split == "test":
        return status.test
    if split == "validation":
        return status.validation
    for event in run.metrics("epoch"):
        if event["epoch"] == status.best_epoch:
            return dict(event["train"])
    return None


def seen_errors_of(run: Run, split: Split) -> Errors | None:
    """Return `errors_of` without the frames that hold an element that training never saw."""
    unseen = None if split == "train" else unseen_of(run, split)
    return errors_of(run, split) if unseen is None else unseen.without


def matched_table(
    runs: Sequence[Run],
    split: Split,
    read: Callable[[Run, Split], Errors | None] = errors_of,
) -> pd.DataFrame:
    """Average the errors of finished runs by method.

    Args:
        runs: runs of one experiment.
        split: the frames.
        read: `errors_of`, or `seen_errors_of` for the frames whose elements training has seen.

    Returns:
        One row per method that occurs: `method`, `n` (finished runs), `of` (all runs), and for each
        key of `metrics_of` its mean, its spread over seeds as `KEY_spread` (standard deviation with
        n − 1; NaN below two runs) and the paper's as `KEY_paper`, measured on its own data (NaN
        where it gives none).
    """
    published = [*TABLE_1, *METHOD_4_PARTITIONS]
    paper = {row.method: row for row in reversed(published) if row.partition == split}
    keys = metrics_of(split)
    rows: list[dict[str, Any]] = []
    for method in METHODS:
        same_method = [run for run in runs if run.config.method == method]
        if not same_method:
            continue
        finished = _finished(same_method)
        errors = pd.DataFrame([read(run, split) or {} for run in finished], columns=[*keys])
        errors = errors.astype(float)
        row: dict[str, Any] = {"method": method, "n": len(finished), "of": len(same_method)}
        for key in keys:
            published_error = getattr(paper.get(method), key, None)
            row[key] = errors[key].mean()
            row[f"{key}_spread"] = errors[key].std()
            row[f"{key}_paper"] = math.nan if published_error is None else published_error
        rows.append(row)
    return pd.DataFrame(rows)


def compared(
    runs: Sequence[Run], split: Split, metric: str, *, seen: bool = False
) -> list[Difference]:
    """Compare every two methods of an experiment, paired by seed.

    Args:
        runs: runs of one experiment; those that have not finished are left out.
        split: the frames.
        metric: key of `metrics_of` the split.
        seen: only the frames whose elements training has seen.
    """
    read = seen_errors_of if seen else errors_of
    return differences(_finished(runs), metric, lambda run: read(run, split))


def _finished(runs: Sequence[Run]) -> list[Run]:
    return [
        run
        for run in runs
        if (status := status_if_any(run)) is not None and status.state == "finished"
    ]


def mean_text(mean: float, spread: float) -> str | None:
    """Return a mean ± its spread, with the decimals of two digits of the spread.

    Args:
        mean: the mean; NaN if there is none.
        spread: its spread; NaN if unknown.
    """
    if math.isnan(mean):
        return None
    if math.isnan(spread) or spread == 0:
        return f"{mean:,.4g}" if mean < 1000 else f"{mean:,.0f}"
    decimals = min(6, max(0, 1 - math.floor(math.log10(spread))))
    return f"{mean:,.{decimals}f} ± {spread:,.{decimals}f}"
