"""Curves of runs: their quantities in tidy tables, smoothed, and minus those of a baseline."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.runs.record.directory import Run
from core.runs.results.comparison import label_of
from core.runs.results.quantities import Quantity, history
from core.training.settings.metrics import METRICS

COLUMNS = ["run", "label", "method", "x", "raw", "value"]


def overlay(
    runs: Sequence[Run],
    quantity: Quantity,
    *,
    x: str = "epoch",
    strength: float = 0.0,
    baseline: Run | None = None,
    label: Callable[[Run], str] = label_of,
) -> pd.DataFrame:
    """Return one quantity of several runs.

    Args:
        runs: the runs.
        quantity: the quantity.
        x: key of `core.runs.results.quantities.AXES`.
        strength: strength of the smoothing, as in `smoothed`.
        baseline: run that is subtracted after smoothing; None for none.
        label: returns the name of a run.

    Returns:
        COLUMNS: `run` (the id), `label`, `method`, `x`, `raw` as recorded and `value` smoothed.
        Rows without a place on the axis, or where the baseline has no values, are left out.
    """
    base = None if baseline is None else _smoothed(baseline, quantity, x, strength)
    parts = []
    for run in runs:
        table = _smoothed(run, quantity, x, strength)
        if base is not None:
            places, base_places = table["x"].to_numpy(), base["x"].to_numpy()
            for name in ("raw", "value"):
                values, base_values = table[name].to_numpy(), base[name].to_numpy()
                table[name] = above_baseline(places, values, base_places, base_values)
            table = table.dropna()
        parts.append(table.assign(run=run.id, label=label(run), method=run.config.method))
    return _joined(parts, COLUMNS)


def error_curves(run: Run) -> dict[str, pd.DataFrame]:
    """Return the training and validation errors of a run over its epochs.

    Epoch 0 is the untrained model on the validation frames.

    Args:
        run: the run.

    Returns:
        For each metric that has values, in the order of
        `core.training.settings.metrics.METRICS`: COLUMNS and `split`, "train" or "validation".
    """
    curves = {}
    for metric in METRICS:
        parts = [
            overlay([run], Quantity(kind=split, of=metric)).assign(split=split)
            for split in ("train", "validation")
        ]
        curves[metric] = _joined(parts, [*COLUMNS, "split"])
    return {metric: table for metric, table in curves.items() if len(table)}


def gradient_norms(runs: Sequence[Run], *, first_epoch: bool = False) -> pd.DataFrame:
    """Return the gradient norms of runs, ten per epoch.

    Args:
        runs: the runs.
        first_epoch: whether to leave out later epochs.

    Returns:
        Columns run, method, seed, epoch, probe (as in `core.training.step.probes`) and norm.
    """
    rows = [
        (run.id, run.config.method, run.config.seed, event["epoch"], probe, norm)
        for run in runs
        for event in run.metrics("step")
        if event["epoch"] <= 1 or not first_epoch
        for probe, norm in event.get("gradients", {}).items()
    ]
    return pd.DataFrame(rows, columns=["run", "method", "seed", "epoch", "probe", "norm"])


def rate_search(run: Run) -> tuple[pd.DataFrame, float | None]:
    """Return what the learning-rate finder of a run saw, and the rate that it suggests.

    Args:
        run: the run.

    Returns:
        Columns rate, loss and smoothed, without rows where no rate was looked for; the suggestion.
    """
    found = run.event("start").get("rate") or {}
    columns = {"rate": "rates", "loss": "losses", "smoothed": "smoothed"}
    table = pd.DataFrame({name: found.get(key, []) for name, key in columns.items()})
    return table, found.get("suggestion")


def smoothed(values: pd.Series, strength: float) -> pd.Series:
    """Return the exponential moving average of a series, without bias toward its beginning.

    The weights of the values so far add up to one (Kingma and Ba 2015, section 3,
    arXiv:1412.6980).

    Args:
        values: finite numbers in their order.
        strength: weight of the past, from 0 (none: the values as they are) to below 1.
    """
    return values.ewm(alpha=1 - strength).mean()


def above_baseline(
    x: NDArray[np.float64],
    values: NDArray[np.float64],
    base_x: NDArray[np.float64],
    base_values: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return values minus a baseline's at the same place, linear between its points.

    Args:
        x: places, (n,).
        values: values there, (n,).
        base_x: places of the baseline in any order, (m,); of equal ones the later counts.
        base_values: values of the baseline, (m,).

    Returns:
        Differences, (n,); NaN outside the range of the baseline.
    """
    if not len(base_x):
        return np.full(len(x), np.nan)
    places, last = np.unique(base_x[::-1], return_index=True)
    base = np.interp(x, places, base_values[::-1][last], left=np.nan, right=np.nan)
    return np.asarray(values - base)


def _smoothed(run: Run, quantity: Quantity, x: str, strength: float) -> pd.DataFrame:
    table = history(run, quantity).dropna(subset=[x, "value"])
    values = table["value"]
    return pd.DataFrame({"x": table[x], "raw": values, "value": smoothed(values, strength)})


def _joined(parts: Sequence[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    filled = [part for part in parts if len(part)]
    if not filled:
        return pd.DataFrame(columns=list(columns))
    return pd.concat(filled, ignore_index=True).reindex(columns=list(columns))
