"""What a run's metrics look like over its epochs, as tidy tables for figures."""

from typing import TYPE_CHECKING, Any

from core.runs.record.directory import Run
from core.training.settings.metrics import METRICS

if TYPE_CHECKING:
    import pandas as pd

TRAIN = "train"
VALIDATION = "validation"
COLUMNS = {"epoch": "float64", "split": "str", "value": "float64"}
"""Columns of the tables and their pandas types."""


def histories(run: Run, *, training: bool = True) -> "dict[str, pd.DataFrame]":
    """Return the history of every metric that a run has labels for.

    Epoch 0 is the untrained model on the validation frames. Validation then has one value an
    epoch, training one every tenth of an epoch: the mean over the frames of that tenth.

    Args:
        run: the run.
        training: whether to tell of the training frames as well.

    Returns:
        By metric, in the order of `core.training.settings.metrics.METRICS`: a table with the
        columns of `COLUMNS`; values in the metric's unit.
    """
    # A queued process imports this package too, and stays small without pandas.
    import pandas as pd  # noqa: PLC0415

    rows: dict[str, list[tuple[float, str, float]]] = {key: [] for key in METRICS}
    for epoch, split, errors in _told(run):
        if split == VALIDATION or training:
            for key, values in rows.items():
                value = errors.get(key)
                if value is not None:
                    values.append((epoch, split, value))
    return {
        key: pd.DataFrame(values, columns=list(COLUMNS))
        .astype(COLUMNS)
        .drop_duplicates(["epoch", "split"], keep="last", ignore_index=True)
        for key, values in rows.items()
        if values
    }


def untrained_errors(run: Run) -> dict[str, Any] | None:
    """Return the validation metrics before the first step, None if they are not known (yet)."""
    for event in run.metrics("start"):
        return dict(event["validation"])
    return None


def _told(run: Run) -> "list[tuple[float, str, dict[str, Any]]]":
    """Return (epoch, split, errors) in the order in which the training loop told them."""
    told: list[tuple[float, str, dict[str, Any]]] = []
    for event in run.metrics():
        kind = event["kind"]
        if kind == "start":
            # A resumed run tells the untrained model's errors again.
            told.append((0.0, VALIDATION, event["validation"]))
        elif kind == "step":
            told.append((event["epoch"], TRAIN, event["train"]))
        elif kind == "epoch":
            told.append((event["epoch"], VALIDATION, event["validation"]))
    return told
