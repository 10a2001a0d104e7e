"""Errors of a model on single frames, small enough to keep with each run.

The metrics of any subset of the frames follow from these rows, which shows how much an error
depends on the choice of frames it was measured on.
"""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from core.errors import LabError
from core.files import whole_file
from core.sealed import UNREADABLE_ARRAYS, check_seal, sealed
from core.training.settings.metrics import Metrics, MetricSums

UNTRAINED = "errors-untrained.npz"
"""Validation frames, before the first step."""

VALIDATION = "errors-validation.npz"
"""Validation frames, by the best model so far."""

TEST = "errors-test.npz"
"""Test frames, by the best model, once the run has ended."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class ErrorRows:
    """Errors frame by frame.

    Attributes:
        fingerprint: of the data set.
        rows: rows of the data set, (n,).
        sums: `MetricSums.vector` of each frame, (n, 9); zeros where a frame was left out.
    """

    fingerprint: str
    rows: NDArray[np.integer]
    sums: NDArray[np.float64]

    def metrics(self) -> Metrics:
        """Return the mean absolute errors over all frames."""
        return MetricSums.from_vector(self.sums.sum(axis=0)).result()

    def save(self, path: Path) -> None:
        """Write the errors to a file, which is complete or missing."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, fingerprint=self.fingerprint, rows=self.rows, sums=self.sums)
        with whole_file(path) as file:
            file.write(sealed(buffer.getvalue()))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            LabError: if there is no such file, or it holds something else.
        """
        try:
            check_seal(path, "delete the run and train it again")
            with np.load(path, allow_pickle=False) as file:
                fingerprint = str(file["fingerprint"])
                return cls(fingerprint=fingerprint, rows=file["rows"], sums=file["sums"])
        except UNREADABLE_ARRAYS as error:
            raise LabError(
                f"{path}: cannot be read as errors of frames; delete the run and train it again."
            ) from error
