"""Points of a scaling law: errors of models by number of training frames."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa

from core.errors import LabError
from core.frames.tables.opening import open_table
from core.frames.tables.tabular import TableFile

_NEEDED = ("n_frames", "error")
_SEED = "seed"
MOST_POINTS = 1000
MOST_SIZES = 100
"""Limits of a table; fits and tests of many more points take minutes."""


@dataclass(kw_only=True, frozen=True, eq=False)
class ScalingPoints:
    """Errors of n models of one method.

    Where the errors per evaluation frame are known, `error[i]` is
    `totals[i].sum() / counts.sum()`.

    Attributes:
        n_frames: number of training frames of each model (n,), at least 1.
        error: mean absolute error of each model (n,) in `unit`.
        seed: seed of each model (n,).
        unit: unit of the errors.
        totals: summed absolute errors of each model on the m evaluation frames (n, m) in `unit`.
        counts: number of values compared in each evaluation frame (m,).
        materials: number of the material of each evaluation frame (m,); without it, each frame
            counts as a material.
        zero: errors of untrained models (k,) in `unit`.
    """

    n_frames: np.ndarray
    error: np.ndarray
    seed: np.ndarray
    unit: str = ""
    totals: np.ndarray | None = None
    counts: np.ndarray | None = None
    materials: np.ndarray | None = None
    zero: np.ndarray = field(default_factory=lambda: np.empty(0))

    @property
    def sizes(self) -> np.ndarray:
        """Distinct numbers of training frames, ascending (k,)."""
        return np.unique(self.n_frames)

    def select(self, mask: np.ndarray) -> Self:
        """Return the points of a mask (n,)."""
        totals = None if self.totals is None else self.totals[mask]
        return replace(
            self,
            n_frames=self.n_frames[mask],
            error=self.error[mask],
            seed=self.seed[mask],
            totals=totals,
        )

    def between(self, least: float, most: float = np.inf) -> Self:
        """Return the points whose number of training frames is in [least, most]."""
        return self.select((self.n_frames >= least) & (self.n_frames <= most))


def read_points(path: Path | str, *, unit: str = "") -> ScalingPoints:
    """Read points from a CSV or Parquet file with columns n_frames, error and optionally seed.

    Rows with n_frames 0 are untrained models and become `zero`. Without seeds, each row counts as
    its own seed.

    Args:
        path: the file.
        unit: unit of the errors, for display.

    Raises:
        LabError: if a column is missing, a value is invalid, or there are more points than a fit
            can take.
    """
    file = open_table(path)
    for name in _NEEDED:
        if name not in file.columns:
            raise LabError(
                f"{file.path.name} has no column {name!r} (found: {file.listed()}); name the "
                "columns n_frames, error and optionally seed."
            )
    names = [*_NEEDED, *([_SEED] if _SEED in file.columns else [])]
    table = file.read(names)
    n_frames = _column(
        file,
        table,
        "n_frames",
        allowed=lambda x: (x == 0) | (x >= 1),
        remedy="give the number of training frames, or 0 for an untrained model",
    )
    error = _column(
        file,
        table,
        "error",
        allowed=lambda x: x > 0,
        remedy="errors of a power law are above 0: give a mean absolute error or remove the row",
    )
    seed = (
        _column(
            file,
            table,
            _SEED,
            allowed=lambda x: (x == np.rint(x)) & (np.abs(x) < 2**53),
            remedy="give a whole number, or remove the column",
        )
        if _SEED in names
        else np.arange(len(error))
    )
    trained = n_frames > 0
    if not trained.any():
        raise LabError(
            f"{file.path.name} holds only untrained models (n_frames 0); add rows of trained ones."
        )
    points = ScalingPoints(
        n_frames=n_frames[trained],
        error=error[trained],
        seed=seed[trained].astype(np.int64),
        unit=unit,
        zero=error[~trained],
    )
    n, n_sizes = len(points.error), len(points.sizes)
    if n > MOST_POINTS or n_sizes > MOST_SIZES:
        raise LabError(
            f"{file.path.name} holds {n:,} points at {n_sizes:,} sizes, and a law takes at most "
            f"{MOST_POINTS:,} at {MOST_SIZES:,}: give one row per trained model, or means."
        )
    return points


def _column(
    file: TableFile,
    table: pa.Table,
    name: str,
    *,
    allowed: Callable[[np.ndarray], np.ndarray],
    remedy: str,
) -> np.ndarray:
    """Return the numbers of a column (n,).

    Raises:
        LabError: if a value is missing or not allowed.
    """
    values = file.numbers(name, table[name])
    bad = ~np.isfinite(values) | ~allowed(values)
    if bad.any():
        row = int(np.argmax(bad))
        value = values[row]
        problem = (
            f"column {name!r} is empty" if np.isnan(value) else f"{name} {value:g} is not possible"
        )
        raise file.fail(row, problem, remedy)
    return values
