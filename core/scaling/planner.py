"""How many calculations a target error takes by method, what they cost, and what a budget buys.

All numbers follow from fitted scaling laws (`core.scaling.law`). A law is a mean over seeds and its
interval is that of the mean: a single training scatters about it. Nothing is said that the sweep
does not determine: a law is not used below its smallest size, nor beyond FACTOR times its largest,
the factor by which `core.scaling.extrapolation` tests laws.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from core.errors import LabError
from core.frames.registry import open_frame_set
from core.scaling.cost import Cost
from core.scaling.extrapolation import FACTOR, holds
from core.scaling.law import LEVEL, Law, whole_frames

LIKELY = 0.9
"""A number of frames is enough if it reaches the target with this probability."""

Reach = Literal["at most", "known", "not determined"]
"""What a law knows of the frames that reach a target: that its smallest size does, their number, or
nothing."""

_GRID = 121
_CHANCE = 1 - (1 - LEVEL) / 2
"""Probability from which a method needs fewer frames than another by more than chance."""


class Verdict(NamedTuple):
    """Which methods need the fewest frames.

    Attributes:
        best: methods of which none needs more frames than another by more than chance, by their
            estimates; empty where no number is determined.
        others: methods that need more than the first of `best`.
    """

    best: list[str]
    others: list[str]


@dataclass(kw_only=True, frozen=True, eq=False)
class DataPlan:
    """A target error, and what it takes to reach it.

    Attributes:
        laws: method to its scaling law, all in one unit.
        target: error to reach, in that unit.
        cost: cost of a calculation.
        n_atoms: numbers of atoms of frames like those to compute, (m,).
        have: existing training frames.
        untrained: error of a method's untrained model with its best AtomRef, where known.

    Raises:
        LabError: if the target is not above 0 or the number of frames is negative.
    """

    laws: Mapping[str, Law]
    target: float
    cost: Cost
    n_atoms: ArrayLike
    have: int = 0
    untrained: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not (math.isfinite(self.target) and self.target > 0):
            raise LabError(f"A target error must be a number above 0; {self.target:g} is not.")
        if self.have < 0:
            raise LabError(f"The number of existing frames must be 0 or more; {self.have} is not.")

    def table(self) -> pd.DataFrame:
        """Return what it takes to reach the target, by method.

        Returns:
            One row per method, in the order of `laws`: method; reach (see Reach); frames (estimate,
            needed in all), frames_low and frames_high (95 % interval), frames_likely (enough: for a
            probability of LIKELY); to_compute (frames less existing ones) and to_compute_likely;
            core_hours, core_hours_low, core_hours_high and core_hours_likely of those to compute;
            money and money_likely; probability (of reaching the target with `frames`, or with the
            existing ones where those are more); extrapolated (frames over the largest size fitted);
            enough (whether the existing frames are); note (reasons and cautions; may be empty).
            Numbers that the law does not determine are NaN, and so is money without a price. Where
            reach is "at most", frames is the smallest size fitted.
        """
        hours = self.cost.mean_hours(self.n_atoms)
        return pd.DataFrame([self._row(method, law, hours) for method, law in self.laws.items()])

    def _row(self, method: str, law: Law, hours: float) -> dict[str, Any]:
        frames = self._frames(law)
        needed, likely = frames[""], frames["_likely"]
        to_compute = {
            end: number if math.isnan(number) else max(number - self.have, 0.0)
            for end, number in frames.items()
        }
        with_all = min(max(needed, float(self.have)), FACTOR * law.largest)
        return {
            "method": method,
            "reach": _reach(law, self.target),
            **{f"frames{end}": number for end, number in frames.items()},
            "to_compute": to_compute[""],
            "to_compute_likely": to_compute["_likely"],
            **{f"core_hours{end}": hours * number for end, number in to_compute.items()},
            "money": self.cost.money(hours * to_compute[""]),
            "money_likely": self.cost.money(hours * to_compute["_likely"]),
            "probability": _probability(law, with_all, self.target),
            "extrapolated": needed / law.largest,
            "enough": self.have >= likely,
            "note": self._note(method, law),
        }

    def _frames(self, law: Law) -> dict[str, float]:
        """Return the estimate, the ends of its interval, and what is enough; NaN if unknown."""
        unknown = dict.fromkeys(("", "_low", "_high", "_likely"), math.nan)
        reach = _reach(law, self.target)
        if reach == "not determined":
            return unknown
        likely = _likely(law, self.target)
        enough = likely if likely <= FACTOR * law.largest else math.nan
        if reach == "at most":
            return unknown | {"": law.smallest, "_likely": enough}
        low, high = law.frames_interval(self.target, LEVEL)
        return {
            "": whole_frames(law.frames_for(self.target)),
            "_low": whole_frames(low),
            "_high": whole_frames(high),
            "_likely": enough,
        }

    def _note(self, method: str, law: Law) -> str:
        """Return why a number is not determined, or what to know about it."""
        untrained = self.untrained.get(method, math.inf)
        reach = _reach(law, self.target)
        if untrained <= self.target:
            return f"Met untrained: {untrained:.3g} {law.unit} with the AtomRef of all frames."
        if reach == "at most":
            return f"Met with the smallest size fitted, {law.smallest:,.0f}."
        return _reason(law, self.target) if reach == "not determined" else ""

    def verdict(self) -> Verdict:
        """Return which methods need the fewest frames, as far as the sweep tells.

        A method needs fewer than another if, with the frames that it needs, its error is smaller in
        at least 97.5 % of the replicates of the two laws: where the 95 % interval of the difference
        of their errors excludes zero.
        """
        table = self.table()
        known = table[table["reach"] != "not determined"].sort_values("frames", kind="stable")
        if known.empty:
            return Verdict([], [])
        methods = known["method"].tolist()
        first = methods[0]
        rest = [method for method in (*methods, *self.laws) if method != first]
        frames = float(known["frames"].iloc[0])
        fewer = {method: self._is_better(first, method, frames) for method in rest}
        return Verdict([first, *(m for m in fewer if not fewer[m])], [m for m in fewer if fewer[m]])

    def _is_better(self, one: str, other: str, frames: float) -> bool:
        """Return whether a method has a smaller error with this many frames, beyond chance."""
        smaller, larger = (self.laws[method].replicate_errors(frames) for method in (one, other))
        return bool((smaller < larger).mean() >= _CHANCE)

    def budget(self, hours: float) -> pd.DataFrame:
        """Return what error a budget buys, by method.

        Args:
            hours: core-hours to spend.

        Returns:
            One row per method, in the order of `laws`: method; to_compute (frames that the budget
            pays for); frames (with the existing ones); error, error_low and error_high (95 %
            interval) and probability (of reaching the target), NaN for frames below the smallest
            size fitted or beyond FACTOR times the largest; extrapolated.

        Raises:
            LabError: if the budget is not a number of core-hours.
        """
        if not (math.isfinite(hours) and hours >= 0):
            raise LabError(f"A budget must be a number of core-hours, 0 or more; {hours:g} is not.")
        to_compute = int(hours / self.cost.mean_hours(self.n_atoms))
        frames = float(self.have + to_compute)
        rows = []
        for method, law in self.laws.items():
            error = low = high = math.nan
            if holds(law, frames):
                error = float(law.predict(np.array([frames]))[0])
                low, high = (float(end[0]) for end in law.band(np.array([frames]), LEVEL))
            rows.append(
                {
                    "method": method,
                    "to_compute": to_compute,
                    "frames": frames,
                    "error": error,
                    "error_low": low,
                    "error_high": high,
                    "probability": _probability(law, frames, self.target),
                    "extrapolated": frames / law.largest,
                }
            )
        return pd.DataFrame(rows)

    def chances(self) -> pd.DataFrame:
        """Return the probability of reaching the target against the number of training frames.

        Returns:
            Columns method, n_frames and probability; each method from its smallest size to FACTOR
            times its largest.
        """
        tables = []
        for method, law in self.laws.items():
            n_frames = np.unique(np.round(np.geomspace(law.smallest, FACTOR * law.largest, _GRID)))
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


def _probability(law: Law, frames: float, target: float) -> float:
    return law.probability(frames, target) if holds(law, frames) else math.nan


def _reach(law: Law, target: float) -> Reach:
    if law.smallest_error <= target:
        return "at most"
    if not law.falls or not holds(law, law.frames_for(target)):
        return "not determined"
    return "known" if _likely(law, target) <= FACTOR * law.largest else "not determined"


def _likely(law: Law, target: float) -> float:
    """Return the frames that are enough; infinity where none are."""
    # Not a point of the curve's interval: the number that so many of the curves agree on.
    replicates = np.maximum(law.frames_for_replicates(target), law.smallest)
    return whole_frames(float(np.quantile(replicates, LIKELY, method="inverted_cdf")))


def _reason(law: Law, target: float) -> str:
    frames = law.frames_for(target)
    if not law.falls:
        return "The error does not fall with more frames over the sizes fitted."
    if target <= law.floor:
        return f"The fit levels off at {law.floor:.2g} {law.unit}, above {target:g}."
    if frames > FACTOR * law.largest:
        return f"Beyond {FACTOR} times the largest size, {law.largest:,.0f}."
    return (
        f"The law is not known well enough: even {FACTOR} times the largest size, "
        f"{law.largest:,.0f}, may be too few."
    )
