"""Differences between methods, paired by seed: larger than chance or not.

Runs of one seed share their training frames and the order of these, so what a seed does to all
methods alike drops out of a difference. The differences of n seeds give their mean a 95 % interval
by Student's t distribution with n − 1 degrees of freedom.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import combinations
from math import isfinite, nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.intervals import significant
from core.runs.record.directory import Run
from core.runs.record.status import Errors
from core.training.settings.methods import METHODS

LEVEL = 0.95
POWER = 0.8
"""Probability with which the number of seeds that would tell finds a difference of this size."""

MOST_SEEDS = 1000

Read = Callable[[Run], Errors | None]


@dataclass(kw_only=True, frozen=True, slots=True)
class Difference:
    """Error of one method minus that of another, over the seeds that both have.

    Attributes:
        better: the method with the smaller mean error over these seeds.
        worse: the other method.
        metric: key of METRICS.
        n: number of seeds that both have.
        mean: mean difference, worse minus better, in the metric's unit.
        low: lower end of its 95 % interval; NaN below two seeds.
        high: upper end.
        seeds: about how many seeds would tell a difference of this size from chance; infinity for
            more than MOST_SEEDS, NaN below two seeds.
    """

    better: str
    worse: str
    metric: str
    n: int
    mean: float
    low: float
    high: float
    seeds: float

    @property
    def larger_than_chance(self) -> bool:
        """Whether the interval excludes zero."""
        return self.low > 0

    @property
    def verdict(self) -> str:
        """The verdict in plain words."""
        if self.n < 2:
            return "one seed cannot tell; train at least three"
        if self.larger_than_chance:
            return "larger than chance"
        if not isfinite(self.seeds):
            return f"not larger than chance, and not with {MOST_SEEDS:,} seeds"
        return f"not larger than chance; about {significant(self.seeds):,.0f} seeds would tell"

    def as_dict(self) -> dict[str, Any]:
        """Return the attributes, larger_than_chance and the verdict."""
        return {
            **asdict(self),
            "larger_than_chance": self.larger_than_chance,
            "verdict": self.verdict,
        }


def differences(runs: Sequence[Run], metric: str, read: Read) -> list[Difference]:
    """Compare every two methods of an experiment.

    Args:
        runs: runs of one experiment.
        metric: key of METRICS.
        read: returns a run's errors, None where there are none.

    Returns:
        One for every two methods with a seed in common, in the order of METHODS.
    """
    errors: dict[str, dict[int, float]] = {method: {} for method in METHODS}
    for run in runs:
        value = (read(run) or {}).get(metric)
        if value is not None:
            errors[run.config.method][run.config.seed] = float(value)
    found = []
    for one, other in combinations(errors, 2):
        seeds = sorted(errors[one].keys() & errors[other].keys())
        if seeds:
            pairs = np.array([(errors[one][seed], errors[other][seed]) for seed in seeds])
            found.append(_difference(one, other, metric, pairs))
    return found


def with_best(found: Sequence[Difference]) -> tuple[str, list[Difference]]:
    """Return the best method on average and its differences to the others, smallest first.

    Args:
        found: as `differences` returns them.

    Returns:
        The method that is better than most others, and of these the larger by mean; "" without any.
    """
    methods = {method for each in found for method in (each.better, each.worse)}
    if not methods:
        return "", []
    wins = {
        method: (
            sum(each.better == method for each in found),
            sum(each.mean for each in found if each.better == method),
        )
        for method in METHODS
        if method in methods
    }
    best = max(wins, key=lambda method: wins[method])
    involved = [each for each in found if best in (each.better, each.worse)]
    return best, sorted(involved, key=lambda each: each.mean)


def difference_text(difference: Difference) -> str:
    """Return a mean difference with its 95 % interval."""
    mean = significant(difference.mean, 3)
    if difference.n < 2:
        return f"{mean:g}"
    low, high = significant(difference.low, 3), significant(difference.high, 3)
    return f"{mean:g}  [{low:g}, {high:g}]".replace("-", "−")


def verdict_text(found: Sequence[Difference], name_of: Callable[[str], str] = str) -> str:
    """Return the answer of an experiment in one or two plain sentences.

    Args:
        found: as `differences` returns them.
        name_of: returns the name of a method.
    """
    best, involved = with_best(found)
    if not best:
        return "No two methods have finished a seed in common yet: nothing can be compared."
    others = [(each, each.worse if each.better == best else each.better) for each in involved]
    told = [name_of(other) for each, other in others if each.larger_than_chance]
    open_ = [
        f"{name_of(other)} ({each.verdict.partition('; ')[2] or each.verdict})"
        for each, other in others
        if not each.larger_than_chance
    ]
    n = max(each.n for each in involved)
    if n < 2:
        return (
            f"{name_of(best)} has the smallest error with one seed, which cannot tell whether the "
            "difference is larger than chance: train at least three seeds."
        )
    sentence = f"{name_of(best)} has the smallest mean error over {n} seeds."
    if told:
        sentence += f" Its lead is larger than chance over {' and '.join(told)}."
    if open_:
        lead = "It" if told else "Its lead"
        sentence += f" {lead} is not larger than chance over {' and '.join(open_)}."
    return sentence


def _difference(one: str, other: str, metric: str, pairs: NDArray[np.float64]) -> Difference:
    """Return the difference between two methods.

    Args:
        one: a method.
        other: another.
        metric: key of METRICS.
        pairs: their errors by seed (n, 2).
    """
    by_seed = pairs[:, 1] - pairs[:, 0]
    better, worse = one, other
    if by_seed.mean() < 0:
        better, worse, by_seed = other, one, -by_seed
    n, mean = len(by_seed), float(by_seed.mean())
    low = high = seeds = nan
    if n > 1:
        spread = float(by_seed.std(ddof=1))
        reach = float(_quantiles()[0][n - 2]) * spread / np.sqrt(n)
        low, high = mean - reach, mean + reach
        seeds = _seeds_that_tell(mean, spread)
    return Difference(
        better=better, worse=worse, metric=metric, n=n, mean=mean, low=low, high=high, seeds=seeds
    )


def _seeds_that_tell(mean: float, spread: float) -> float:
    """Return the smallest number of seeds with which a paired t test finds a difference.

    At the level of 5 % with a probability of POWER, in the usual approximation by the sum of two
    quantiles of Student's t distribution.
    """
    chance, power = _quantiles()
    n = np.arange(2, MOST_SEEDS + 1)
    enough = np.flatnonzero((chance + power) * spread <= mean * np.sqrt(n))
    return float(n[enough[0]]) if len(enough) and mean > 0 else float("inf")


@lru_cache(maxsize=1)
def _quantiles() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return Student's t quantiles for 2 to MOST_SEEDS seeds: of the interval, of the power."""
    # Pages without an experiment do not wait for scipy.
    from scipy import stats  # noqa: PLC0415

    freedom = np.arange(1, MOST_SEEDS)
    return stats.t.ppf((1 + LEVEL) / 2, freedom), stats.t.ppf(POWER, freedom)
