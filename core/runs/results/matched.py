"""The table of a matched experiment: mean and spread over seeds, the paper's Table 1 beside it."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from core.runs.record.directory import Run
from core.runs.record.listing import status_if_any
from core.runs.record.status import Errors
from core.runs.results.paper import METHOD_4_PARTITIONS, TABLE_1
from core.training.settings.methods import METHODS
from core.training.settings.metrics import METRICS

if TYPE_CHECKING:
    import pandas as pd

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


def errors_of(run: Run, split: Split) -> Errors | None:
    """Return a run's errors at its best epoch; None as long as they are not known.

    Training errors are those of the best epoch's steps, each before the step, as chgnet's trainer
    tells them. The test is made once, at the end.

    Args:
        run: the run.
        split: which frames.
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


def matched_table(runs: Sequence[Run], split: Split) -> "pd.DataFrame":
    """Average the errors of finished runs by method.

    Args:
        runs: of one experiment.
        split: which frames.

    Returns:
        One row a method that occurs: `method`, `n` (finished runs), `of` (all runs), and for each
        key of METRICS its mean, its spread over seeds as `KEY_spread` (standard deviation with
        n − 1; NaN below two runs) and the paper's as `KEY_paper`, measured on its own data (NaN
        where it gives none).
    """
    import pandas as pd  # noqa: PLC0415 - see core.runs.results.curves

    published = [*TABLE_1, *METHOD_4_PARTITIONS]
    paper = {row.method: row for row in reversed(published) if row.partition == split}
    rows: list[dict[str, Any]] = []
    for method in METHODS:
        own = [run for run in runs if run.config.method == method]
        if not own:
            continue
        ended = [run for run in own if _is_finished(run)]
        known = [errors for run in ended if (errors := errors_of(run, split))]
        row: dict[str, Any] = {"method": method, "n": len(ended), "of": len(own)}
        for key in METRICS:
            values = np.array([one[key] for one in known if one.get(key) is not None], dtype=float)
            row[key] = values.mean() if len(values) else np.nan
            row[f"{key}_spread"] = values.std(ddof=1) if len(values) > 1 else np.nan
            theirs = getattr(paper.get(method), key, None)
            row[f"{key}_paper"] = np.nan if theirs is None else theirs
        rows.append(row)
    return pd.DataFrame(rows)


def mean_text(mean: float, spread: float) -> str | None:
    """Return a mean ± its spread, with as many decimals as two digits of the spread have.

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


def gradients(runs: Sequence[Run]) -> "pd.DataFrame":
    """Return the gradient norms of runs, ten a epoch.

    Args:
        runs: the runs.

    Returns:
        Columns run, method, seed, epoch, probe (as in `core.training.step.probes`) and norm.
    """
    import pandas as pd  # noqa: PLC0415 - see core.runs.results.curves

    rows = [
        (run.id, run.config.method, run.config.seed, event["epoch"], probe, norm)
        for run in runs
        for event in run.metrics("step")
        for probe, norm in event.get("gradients", {}).items()
    ]
    return pd.DataFrame(rows, columns=["run", "method", "seed", "epoch", "probe", "norm"])


def _is_finished(run: Run) -> bool:
    status = status_if_any(run)
    return status is not None and status.state == "finished"
