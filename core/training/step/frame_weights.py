"""Weights of single frames in the loss."""

import csv
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import LabError
from core.frames.store import FrameSet
from core.training.settings.config import ALIKE, MATERIALS


def frame_weights(
    choice: str, data: FrameSet, rows: NDArray[np.integer]
) -> NDArray[np.float64] | None:
    """Return the weights of training frames, with a mean of 1.

    Args:
        choice: ALIKE; MATERIALS, where every material weighs the same, however many of the frames
            are of it; or the path of a CSV file with the columns frame_id and weight. A frame that
            is not in the file weighs 1 beside the file's numbers.
        data: the data set.
        rows: its training frames.

    Returns:
        (n,), None where all weigh the same.

    Raises:
        LabError: if the file cannot be read, or names none of the frames.
    """
    if choice == ALIKE:
        return None
    if choice == MATERIALS:
        _, place, counts = np.unique(
            data.material_ids()[rows].astype(str), return_inverse=True, return_counts=True
        )
        values = 1.0 / counts[place]
    else:
        known = _read(Path(choice))
        names = data.table()["frame_id"].to_numpy()[rows].tolist()
        if not known.keys() & set(names):
            raise LabError(f"{choice}: names none of the training frames of {data.card.name}.")
        values = np.array([known.get(name, 1.0) for name in names])
    return np.asarray(values / values.mean())


def described(choice: str, weights: NDArray[np.float64] | None) -> dict[str, Any] | None:
    """Return what the "start" event says of weights; None where all frames weigh the same."""
    if weights is None:
        return None
    return {
        "of": choice,
        "least": float(weights.min()),
        "most": float(weights.max()),
        "digest": hashlib.sha256(weights.tobytes()).hexdigest(),
    }


def _read(path: Path) -> dict[str, float]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file)
            if not {"frame_id", "weight"} <= set(table.fieldnames or ()):
                raise LabError(f"{path}: needs a column frame_id and a column weight.")
            return {
                row["frame_id"]: _weight(row["weight"], f"{path}: row {number}")
                for number, row in enumerate(table, start=2)
            }
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise LabError(
            f"{path}: cannot be read as a CSV file of frame weights ({error})."
        ) from error


def _weight(text: str | None, where: str) -> float:
    try:
        value = float(text or "")
    except ValueError:
        value = np.nan
    if not 0 < value <= 1e6:
        raise LabError(f"{where}: the weight should be a number above 0 (got {text!r}).")
    return value
