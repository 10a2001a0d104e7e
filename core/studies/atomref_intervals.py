"""Study: the uncertainty of each element's reference."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from pydantic import Field

from core.elements import SYMBOLS
from core.progress import Progress, part, silent
from core.reference.fits.uncertainty import (
    RESAMPLINGS,
    Bootstrap,
    bootstrap,
    margins,
    material_counts,
    standard_errors,
)
from core.studies.atomref_fit import AtomRefStudy
from core.transfer.atomref_fits import AtomRefFit

WIDEST = 5.0
"""eV/atom. A reference known to no better than ± 5 eV/atom determines no energy: no compound is
bound more strongly than that against its elements."""

_SECONDS_PER_ROW_AND_RESAMPLING = 5e-8


@dataclass(kw_only=True, frozen=True, slots=True)
class Overview:
    """Intervals in a few numbers.

    Attributes:
        typical: median half-width over elements in enough materials, eV/atom; NaN if there is none.
        widest: the largest half-width, eV/atom, and its element; NaN and "" if there is none.
        rare: elements in too few materials.
        undetermined: elements without an interval.
    """

    typical: float
    widest: tuple[float, str]
    rare: list[str]
    undetermined: list[str]


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Intervals:
    """A fit with its uncertainty.

    Attributes:
        energies: AtomRef (94,), eV/atom.
        counts: materials with each element, (94,).
        errors: standard errors (94,), eV/atom; NaN as in `standard_errors`.
        interval: bootstrap intervals.
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
            (materials); NaN where the reference is undetermined, rests on one material, or is known
            to no better than ± WIDEST.
        """
        elements = np.flatnonzero(self.counts)
        low, high = self.interval.low[elements], self.interval.high[elements]
        margin = margins(self.errors, self.counts, level=self.interval.level)[elements]
        errors, half_width = self.errors[elements], (high - low) / 2
        bootstrapped, known = half_width <= WIDEST, margin <= WIDEST
        return pd.DataFrame(
            {
                "symbol": [SYMBOLS[i] for i in elements],
                "energy": self.energies[elements],
                "low": np.where(bootstrapped, low, np.nan),
                "high": np.where(bootstrapped, high, np.nan),
                "half_width": np.where(bootstrapped, half_width, np.nan),
                "error": np.where(known, errors, np.nan),
                "margin": np.where(known, margin, np.nan),
                "count": self.counts[elements],
            }
        )

    def overview(self, min_materials: int) -> Overview:
        """Summarize the intervals.

        Args:
            min_materials: an element in fewer materials is rare.
        """
        table = self.table()
        determined, is_rare = table.dropna(subset="half_width"), table["count"] < min_materials
        widths = zip(determined["half_width"].tolist(), determined["symbol"], strict=True)
        return Overview(
            typical=float(determined.loc[~is_rare, "half_width"].median()),
            widest=max(widths, default=(float("nan"), "")),
            rare=table["symbol"][is_rare].tolist(),
            undetermined=table["symbol"][table["half_width"].isna()].tolist(),
        )


class AtomRefIntervals(AtomRefStudy):
    """Standard errors and bootstrap intervals.

    Attributes:
        resamplings: number of resamplings of the bootstrap.
        seed: of its weights.
    """

    kind: ClassVar[str] = "atomref-intervals"
    version: ClassVar[int] = 2
    result: ClassVar[type] = Intervals

    resamplings: int = Field(default=RESAMPLINGS, ge=100, le=100_000)
    seed: int = 0

    def seconds(self) -> float:
        """Return roughly how long fit and resamplings take."""
        per_resampling = _SECONDS_PER_ROW_AND_RESAMPLING * self.pairs.card.n
        return super().seconds() + per_resampling * self.resamplings

    def compute(self, progress: Progress) -> Intervals:
        """Return the intervals.

        Args:
            progress: called while interaction energies and resamplings are computed.

        Raises:
            LabError: if there is no such data or model, or no structures where they are needed.
        """
        begin = 0.5 if self.method == "residual" else 0.1
        return intervals(
            self.fitted(part(progress, 0.0, begin)),
            resamplings=self.resamplings,
            seed=self.seed,
            progress=part(progress, begin, 1.0),
        )


def intervals(
    fit: AtomRefFit, *, resamplings: int, seed: int = 0, progress: Progress = silent
) -> Intervals:
    """Return standard errors and bootstrap intervals of a fit.

    Args:
        fit: the fit.
        resamplings: number of resamplings of the bootstrap.
        seed: of its weights.
        progress: called after every batch of resamplings.
    """
    X, y, materials = fit.fractions, fit.energies, fit.materials
    return Intervals(
        energies=fit.atomref.energies,
        counts=material_counts(X, materials),
        errors=standard_errors(fit.atomref, X, y, materials),
        interval=bootstrap(
            X, y, materials, fit=fit.atomref, n=resamplings, seed=seed, progress=progress
        ),
    )
