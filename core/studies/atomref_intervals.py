"""Study: how well a fit knows each element's reference."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from pydantic import Field

from core.elements import SYMBOLS
from core.progress import Progress, part
from core.reference.fits.uncertainty import (
    RESAMPLINGS,
    Bootstrap,
    bootstrap,
    margins,
    material_counts,
    standard_errors,
)
from core.studies.atomref_fit import AtomRefStudy

_SECONDS_A_ROW_AND_RESAMPLING = 5e-8


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Intervals:
    """A fit with its uncertainty.

    Attributes:
        energies: AtomRef (94,), eV/atom.
        counts: Materials with each element, (94,).
        errors: Standard errors (94,), eV/atom; NaN as in `standard_errors`.
        interval: Bootstrap intervals.
    """

    energies: np.ndarray
    counts: np.ndarray
    errors: np.ndarray
    interval: Bootstrap

    def table(self) -> pd.DataFrame:
        """Return the elements that occur.

        Returns:
            Columns symbol, energy, low, high (bootstrap), half_width (of the same), error (the
            standard error), margin (half the interval that it gives), all eV/atom, and count
            (materials); NaN where the reference is undetermined or rests on one material.
        """
        seen = np.flatnonzero(self.counts)
        low, high = self.interval.low[seen], self.interval.high[seen]
        margin = margins(self.errors, self.counts, level=self.interval.level)
        return pd.DataFrame(
            {
                "symbol": [SYMBOLS[i] for i in seen],
                "energy": self.energies[seen],
                "low": low,
                "high": high,
                "half_width": (high - low) / 2,
                "error": self.errors[seen],
                "margin": margin[seen],
                "count": self.counts[seen],
            }
        )


class AtomRefIntervals(AtomRefStudy):
    """Standard errors and bootstrap intervals.

    Attributes:
        resamplings: of the bootstrap.
        seed: of its weights.
    """

    kind: ClassVar[str] = "atomref-intervals"
    result: ClassVar[type] = Intervals

    resamplings: int = Field(default=RESAMPLINGS, ge=100, le=100_000)
    seed: int = 0

    def seconds(self) -> float:
        """Return roughly how long fit and resamplings take."""
        return (
            super().seconds() + _SECONDS_A_ROW_AND_RESAMPLING * self.pairs.card.n * self.resamplings
        )

    def compute(self, progress: Progress) -> Intervals:
        """Return the intervals.

        Args:
            progress: told the share that is done.

        Raises:
            LabError: no such data or model, or no structures where they are needed.
        """
        made = self.fitted(part(progress, 0.0, 0.5 if self.method == "residual" else 0.1))
        X, y, materials = made.seen.fractions, made.seen.energies, made.seen.materials
        return Intervals(
            energies=made.fit.energies,
            counts=material_counts(X, materials),
            errors=standard_errors(made.fit, X, y, materials),
            interval=bootstrap(
                X,
                y,
                materials,
                fit=made.fit,
                n=self.resamplings,
                seed=self.seed,
                progress=part(progress, 0.5 if self.method == "residual" else 0.1, 1.0),
            ),
        )
