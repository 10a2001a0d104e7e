"""How many calculations a target error takes by method, what they cost, and what a budget buys.

All numbers follow from fitted scaling laws (`core.scaling.law`). A law is a mean over
seeds and its interval is that of the mean: a single training scatters about it. Beyond the largest
size that was trained at, nothing has tested the law; `extrapolated` says how far that is, and
`hindsight` how wrong such predictions were on the same sweep.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from core.errors import LabError
from core.frames.registry import open_dataset
from core.frames.store import FrameSet
from core.scaling.extrapolation import FACTOR, extrapolation
from core.scaling.law import LEVEL, Form, Law, fit_law
from core.scaling.points import ScalingPoints

LIKELY = 0.9
"""Probability of reaching the target that a cautious plan asks for."""

REACH = 1000.0
"""No chance is told beyond so many times the largest size trained at."""

_GRID = 121
_CHANCES = ["method", "n_frames", "probability"]


@dataclass(kw_only=True, frozen=True, slots=True)
class Cost:
    """What a calculation costs; one calculation is one frame.

    Attributes:
        hours: core-hours of each, or None.
        per_atom3: core-hours per atom³, for codes whose time rises with the cube of the number of
            atoms, or None.
        price: money a core-hour, or None where hours are all that counts.
        currency: of the price.

    Raises:
        LabError: not exactly one of `hours` and `per_atom3`, or a number that is not above 0.
    """

    hours: float | None = None
    per_atom3: float | None = None
    price: float | None = None
    currency: str = ""

    def __post_init__(self) -> None:
        if (self.hours is None) == (self.per_atom3 is None):
            raise LabError(
                "A calculation costs either a fixed number of core-hours or a coefficient times "
                "atoms³; give one of the two."
            )
        for name, value in (
            ("Core-hours a calculation", self.hours),
            ("Core-hours per atom³", self.per_atom3),
            ("The price of a core-hour", self.price),
        ):
            if value is not None and not (math.isfinite(value) and value > 0):
                raise LabError(f"{name} must be a number above 0; {value:g} is not.")

    def hours_each(self, n_atoms: ArrayLike) -> np.ndarray:
        """Return the core-hours of calculations with these numbers of atoms, (m,)."""
        atoms = np.asarray(n_atoms, dtype=float)
        if self.per_atom3 is not None:
            return self.per_atom3 * atoms**3
        return np.full(atoms.shape, self.hours, dtype=float)

    def mean_hours(self, n_atoms: ArrayLike) -> float:
        """Return the mean core-hours of a calculation on frames like these, (m,)."""
        if np.size(n_atoms) == 0:
            raise LabError("No frame says how large a cell is; choose data with structures.")
        return float(self.hours_each(n_atoms).mean())


def plan(
    laws: Mapping[str, Law],
    *,
    target: float,
    cost: Cost,
    n_atoms: ArrayLike,
    have: int = 0,
) -> pd.DataFrame:
    """Return what it takes to reach a target error, by method.

    Args:
        laws: method to its scaling law, all in one unit.
        target: error to reach, in that unit.
        cost: of a calculation.
        n_atoms: atoms of frames like those to compute, (m,).
        have: training frames that are there already.

    Returns:
        One row a method, in the order of `laws`: method; frames (needed in all; infinite where the
        target is never reached), frames_low and frames_high (95 % interval), frames_likely (for a
        probability of LIKELY); to_compute (frames less what is there) and to_compute_likely;
        core_hours, core_hours_low, core_hours_high and core_hours_likely of those to compute; money
        and money_likely, NaN without a price; probability (of reaching the target with `frames`, or
        with what is there where that is more); extrapolated (frames over the largest size fitted);
        note (why never, or why to be careful; may be empty).

    Raises:
        LabError: a target or a number of frames that makes no sense.
    """
    _check(target, have)
    hours = cost.mean_hours(n_atoms)
    rows = []
    for method, law in laws.items():
        frames = _whole(law.frames_for(target))
        low, high = map(_whole, law.frames_interval(target, LEVEL))
        # Not a point of the curve's interval: the number that so many of the curves agree on.
        replicates = law.frames_for_replicates(target)
        likely = _whole(float(np.quantile(replicates, LIKELY, method="inverted_cdf")))
        to_compute = {
            name: max(number - have, 0.0)
            for name, number in (("", frames), ("_low", low), ("_high", high), ("_likely", likely))
        }
        with_all = max(frames, float(have))
        rows.append(
            {
                "method": method,
                "frames": frames,
                "frames_low": low,
                "frames_high": high,
                "frames_likely": likely,
                "to_compute": to_compute[""],
                "to_compute_likely": to_compute["_likely"],
                **{f"core_hours{name}": hours * number for name, number in to_compute.items()},
                "money": _money(hours * to_compute[""], cost),
                "money_likely": _money(hours * to_compute["_likely"], cost),
                "probability": law.probability(with_all, target) if np.isfinite(with_all) else 0.0,
                "extrapolated": frames / law.largest,
                "note": _note(law, target, frames),
            }
        )
    return pd.DataFrame(rows, columns=_PLAN)


def budget(
    laws: Mapping[str, Law],
    *,
    hours: float,
    cost: Cost,
    n_atoms: ArrayLike,
    have: int = 0,
    target: float | None = None,
) -> pd.DataFrame:
    """Return what error a budget buys, by method.

    Args:
        laws: method to its scaling law, all in one unit.
        hours: core-hours to spend.
        cost: of a calculation.
        n_atoms: atoms of frames like those to compute, (m,).
        have: training frames that are there already.
        target: error to reach, for its probability.

    Returns:
        One row a method, in the order of `laws`: method; to_compute (frames that the budget pays
        for); frames (with those there); error, error_low and error_high (95 % interval), NaN
        without a frame; probability (of reaching the target, NaN without one); extrapolated.

    Raises:
        LabError: a target or a budget that makes no sense.
    """
    _check(target, have)
    if not (math.isfinite(hours) and hours >= 0):
        raise LabError(f"A budget must be a number of core-hours, 0 or more; {hours:g} is not.")
    paid = int(hours / cost.mean_hours(n_atoms))
    frames = float(have + paid)
    rows = []
    for method, law in laws.items():
        error = low = high = np.nan
        if frames > 0:
            at = np.array([frames])
            error = float(law.predict(at)[0])
            low, high = (float(end[0]) for end in law.band(at, LEVEL))
        asked = target is not None and frames > 0
        rows.append(
            {
                "method": method,
                "to_compute": paid,
                "frames": frames,
                "error": error,
                "error_low": low,
                "error_high": high,
                "probability": law.probability(frames, target or 0.0) if asked else np.nan,
                "extrapolated": frames / law.largest,
            }
        )
    return pd.DataFrame(rows, columns=_BUDGET)


def chances(laws: Mapping[str, Law], *, target: float) -> pd.DataFrame:
    """Return the probability of reaching a target against the number of training frames.

    Args:
        laws: method to its scaling law, all in one unit.
        target: error to reach, in that unit.

    Returns:
        Columns method, n_frames and probability; each method from its smallest size, or from where
        it is sure not to reach the target, to where it is sure to, REACH times its largest size at
        most.

    Raises:
        LabError: a target that makes no sense.
    """
    _check(target, 0)
    tables = []
    for method, law in laws.items():
        low, high = law.frames_interval(target, 0.999)
        first = min(law.smallest, low)
        last = min(max(high, law.largest), REACH * law.largest)
        n_frames = np.unique(np.round(np.geomspace(max(first, 1.0), last, _GRID)))
        tables.append(
            pd.DataFrame(
                {
                    "method": method,
                    "n_frames": n_frames,
                    "probability": [law.probability(n, target) for n in n_frames],
                }
            )
        )
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=_CHANCES)


def hindsight(points: ScalingPoints, *, form: Form = "power", min_frames: int = 0) -> pd.DataFrame:
    """Return what plans would have said before the larger sizes of a sweep were trained.

    For each size N, a law is fitted to the sizes up to a quarter of it and asked both ways: for the
    error at N, and for the number of frames that brings the error that was seen at N.

    Args:
        points: n points.
        form: of the law.
        min_frames: leave smaller sizes out.

    Returns:
        One row a size whose smaller sizes are enough to fit: the columns of
        `core.scaling.extrapolation.extrapolation`, and frames, frames_low and frames_high (95 %
        interval; infinite for never), and held: whether the interval holds N.
    """
    table = extrapolation(points, form=form, min_frames=min_frames)
    rows = []
    for size, seen in zip(table["n_frames"], table["seen"], strict=True):
        law = fit_law(points.between(0, size / FACTOR), form=form, min_frames=min_frames)
        low, high = law.frames_interval(seen, LEVEL)
        rows.append((_whole(law.frames_for(seen)), _whole(low), _whole(high), low <= size <= high))
    asked = pd.DataFrame(rows, columns=["frames", "frames_low", "frames_high", "held"])
    return pd.concat([table, asked], axis=1)


def training_atoms(dataset: str) -> np.ndarray:
    """Return the numbers of atoms of a data set's training frames, (m,).

    Raises:
        LabError: no such data set, or it holds pairs.
    """
    data = open_dataset(dataset)
    if not isinstance(data, FrameSet):
        raise LabError(f"{dataset}: holds pairs; a plan needs a data set of frames.")
    return data.n_atoms()[data.split().train]


_PLAN = [
    "method",
    "frames",
    "frames_low",
    "frames_high",
    "frames_likely",
    "to_compute",
    "to_compute_likely",
    "core_hours",
    "core_hours_low",
    "core_hours_high",
    "core_hours_likely",
    "money",
    "money_likely",
    "probability",
    "extrapolated",
    "note",
]
_BUDGET = [
    "method",
    "to_compute",
    "frames",
    "error",
    "error_low",
    "error_high",
    "probability",
    "extrapolated",
]


def _check(target: float | None, have: int) -> None:
    if target is not None and not (math.isfinite(target) and target > 0):
        raise LabError(f"A target error must be a number above 0; {target:g} is not.")
    if have < 0:
        raise LabError(f"The number of frames that are there must be 0 or more; {have} is not.")


def _whole(frames: float) -> float:
    """Round up to whole frames, at least one; a hair above a whole number is that number."""
    if not math.isfinite(frames):
        return math.inf
    return max(1.0, float(math.ceil(frames * (1 - 1e-12))))


def _money(hours: float, cost: Cost) -> float:
    return math.nan if cost.price is None else hours * cost.price


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
