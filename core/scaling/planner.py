"""How many calculations a target error takes by method, what they cost, and what a budget buys.

All numbers follow from fitted scaling laws (`core.scaling.law`). A law is a mean over seeds and its
interval is that of the mean: a single training scatters about it. Beyond the largest size that was
trained at, nothing has tested the law; `extrapolated` says how far that is, and
`core.scaling.extrapolation` how wrong such predictions were on the same sweep.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from core.errors import LabError
from core.frames.registry import open_frame_set
from core.scaling.cost import Cost
from core.scaling.extrapolation import FACTOR
from core.scaling.law import LEVEL, Law, whole_frames

LIKELY = 0.9
"""Probability of reaching the target that a cautious plan asks for."""

REACH = 1000.0
"""Probabilities are given up to this multiple of the largest size trained at."""

_GRID = 121


@dataclass(kw_only=True, frozen=True, eq=False)
class DataPlan:
    """A target error, and what it takes to reach it.

    Attributes:
        laws: method to its scaling law, all in one unit.
        target: error to reach, in that unit.
        cost: cost of a calculation.
        n_atoms: numbers of atoms of frames like those to compute, (m,).
        have: existing training frames.

    Raises:
        LabError: if the target is not above 0 or the number of frames is negative.
    """

    laws: Mapping[str, Law]
    target: float
    cost: Cost
    n_atoms: ArrayLike
    have: int = 0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.target) and self.target > 0):
            raise LabError(f"A target error must be a number above 0; {self.target:g} is not.")
        if self.have < 0:
            raise LabError(f"The number of existing frames must be 0 or more; {self.have} is not.")

    def table(self) -> pd.DataFrame:
        """Return what it takes to reach the target, by method.

        Returns:
            One row per method, in the order of `laws`: method; frames (needed in all; infinite
            where the target is never reached), frames_low and frames_high (95 % interval),
            frames_likely (for a probability of LIKELY); to_compute (frames less existing ones) and
            to_compute_likely; core_hours, core_hours_low, core_hours_high and core_hours_likely of
            those to compute; money and money_likely, NaN without a price; probability (of reaching
            the target with `frames`, or with the existing ones where those are more); extrapolated
            (frames over the largest size fitted); note (why never, or why to be careful; may be
            empty).
        """
        hours = self.cost.mean_hours(self.n_atoms)
        return pd.DataFrame([self._row(method, law, hours) for method, law in self.laws.items()])

    def _row(self, method: str, law: Law, hours: float) -> dict[str, Any]:
        needed = whole_frames(law.frames_for(self.target))
        low, high = law.frames_interval(self.target, LEVEL)
        # Not a point of the curve's interval: the number that so many of the curves agree on.
        replicates = law.frames_for_replicates(self.target)
        likely = np.quantile(replicates, LIKELY, method="inverted_cdf")
        frames = {
            "": needed,
            "_low": whole_frames(low),
            "_high": whole_frames(high),
            "_likely": whole_frames(likely),
        }
        to_compute = {end: max(number - self.have, 0.0) for end, number in frames.items()}
        with_all = max(needed, float(self.have))
        return {
            "method": method,
            **{f"frames{end}": number for end, number in frames.items()},
            "to_compute": to_compute[""],
            "to_compute_likely": to_compute["_likely"],
            **{f"core_hours{end}": hours * number for end, number in to_compute.items()},
            "money": self.cost.money(hours * to_compute[""]),
            "money_likely": self.cost.money(hours * to_compute["_likely"]),
            "probability": law.probability(with_all, self.target) if with_all < math.inf else 0.0,
            "extrapolated": needed / law.largest,
            "note": _note(law, self.target, needed),
        }

    def budget(self, hours: float) -> pd.DataFrame:
        """Return what error a budget buys, by method.

        Args:
            hours: core-hours to spend.

        Returns:
            One row per method, in the order of `laws`: method; to_compute (frames that the budget
            pays for); frames (with the existing ones); error, error_low and error_high (95 %
            interval) and probability (of reaching the target), NaN without a frame; extrapolated.

        Raises:
            LabError: if the budget is not a number of core-hours.
        """
        if not (math.isfinite(hours) and hours >= 0):
            raise LabError(f"A budget must be a number of core-hours, 0 or more; {hours:g} is not.")
        to_compute = int(hours / self.cost.mean_hours(self.n_atoms))
        frames = float(self.have + to_compute)
        rows = []
        for method, law in self.laws.items():
            error = low = high = probability = math.nan
            if frames > 0:
                error = float(law.predict(np.array([frames]))[0])
                low, high = (float(end[0]) for end in law.band(np.array([frames]), LEVEL))
                probability = law.probability(frames, self.target)
            rows.append(
                {
                    "method": method,
                    "to_compute": to_compute,
                    "frames": frames,
                    "error": error,
                    "error_low": low,
                    "error_high": high,
                    "probability": probability,
                    "extrapolated": frames / law.largest,
                }
            )
        return pd.DataFrame(rows)

    def chances(self) -> pd.DataFrame:
        """Return the probability of reaching the target against the number of training frames.

        Returns:
            Columns method, n_frames and probability; each method from its smallest size, or from
            where it is sure not to reach the target, to where it is sure to, at most REACH times
            its largest size.
        """
        tables = []
        for method, law in self.laws.items():
            low, high = law.frames_interval(self.target, 0.999)
            first = min(law.smallest, low)
            last = min(max(high, law.largest), REACH * law.largest)
            n_frames = np.unique(np.round(np.geomspace(max(first, 1.0), last, _GRID)))
            probability = [law.probability(n, self.target) for n in n_frames]
            tables.append(
                pd.DataFrame({"method": method, "n_frames": n_frames, "probability": probability})
            )
        return pd.concat(tables, ignore_index=True)


def training_atoms(dataset: str) -> np.ndarray:
    """Return the numbers of atoms of a data set's training frames, (m,).

    Raises:
        LabError: if there is no such data set, or it holds pairs.
    """
    data = open_frame_set(dataset)
    return np.asarray(data.n_atoms()[data.split().train])


def _note(law: Law, target: float, frames: float) -> str:
    if not law.falls:
        return "Never: the error does not fall with more frames."
    if math.isinf(frames):
        return (
            f"Never: the fit levels off at {law.floor:.3g} {law.unit}, above {target:g}."
            if target <= law.floor
            else "Never: more frames than can be counted."
        )
    if frames > FACTOR * law.largest:
        return f"Untested so far out: {frames / law.largest:,.0f} times the largest size."
    if frames < law.smallest:
        return f"Fewer than the smallest size trained at, {law.smallest:,.0f}."
    return ""
