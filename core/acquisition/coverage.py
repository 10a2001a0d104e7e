"""Which elements and chemistries data cover, and which materials would cover more.

A criterion tells how much each candidate would add to what is there and to what has been chosen;
materials are chosen one by one, the one that adds most first:

* by composition: n materials cover an element to n/(n + 5), and a pair of elements to c/(c + 1),
  where c counts a material by one over its number of pairs, or one of six elements would count for
  fifteen. The coverage is the sum over the elements plus a tenth of that over the pairs: elements
  in few materials come first, then pairs that never met. It grows with every material, but less
  and less, so that the greedy choice reaches at least 1 − 1/e of the best one (Nemhauser, Wolsey
  and Fisher, Math. Program. 14, 265 (1978), doi:10.1007/BF01588971);
* by features: the candidate farthest from its nearest neighbour, which is within a factor of two
  of the best covering (Gonzalez, Theor. Comput. Sci. 38, 293 (1985),
  doi:10.1016/0304-3975(85)90224-5);
* by disagreement: where several models contradict each other most.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.elements import SYMBOLS, chemistry

Array = NDArray[np.float64]

RARE = 5
"""So many materials cover an element by half; its reference is hardly known from fewer."""

_PAIRS = 0.1
"""Weight of a pair, so that no material gains more by new pairs than by one new element."""

_AT_ONCE = 4_000_000
"""Distances computed at a time: 32 MB."""


class Criterion(Protocol):
    """How much each of m candidates would add."""

    @property
    def gains(self) -> Array:
        """What each candidate adds now, (m,); NaN for one that cannot be judged."""

    def reason(self, row: int) -> str:
        """Say in a few words what a candidate adds now."""

    def add(self, row: int) -> None:
        """Count a candidate among what is there."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Chosen:
    """Candidates in the order in which they were chosen.

    Attributes:
        rows: (n,) numbers of the candidates.
        reasons: (n,) why each was chosen, in words.
        gains: Criterion to what each added when it was chosen, (n,); NaN where not judged.
    """

    rows: NDArray[np.int64]
    reasons: list[str]
    gains: dict[str, Array]


def choose(criteria: dict[str, Criterion], n: int) -> Chosen:
    """Choose candidates one by one.

    With several criteria, each ranks the candidates that are left; the one with the highest mean
    rank is taken, and all criteria count it as there. One criterion alone ends where no candidate
    adds anything.

    Args:
        criteria: By name, at least one, all of the same candidates.
        n: How many to choose at most.
    """
    m = len(next(iter(criteria.values())).gains)
    left = np.ones(m, dtype=bool)
    rows: list[int] = []
    reasons: list[str] = []
    gains: dict[str, list[float]] = {name: [] for name in criteria}
    for _ in range(min(n, m)):
        # NaN ranks below everything: a candidate that one criterion cannot judge needs the others.
        now = {
            name: np.where(np.isnan(one.gains), -np.inf, one.gains)
            for name, one in criteria.items()
        }
        if len(now) == 1:
            score = np.where(left, next(iter(now.values())), -np.inf)
            if score.max() <= 0:
                break
        else:
            ranks = np.mean(
                [pd.Series(gain[left]).rank().to_numpy() for gain in now.values()], axis=0
            )
            score = np.full(m, -np.inf)
            score[left] = ranks
        row = int(np.argmax(score))
        rows.append(row)
        reasons.append("; ".join(one.reason(row) for one in criteria.values()))
        for name, one in criteria.items():
            gains[name].append(float(one.gains[row]))
            one.add(row)
        left[row] = False
    return Chosen(
        rows=np.array(rows, dtype=np.int64),
        reasons=reasons,
        gains={name: np.array(values, dtype=float) for name, values in gains.items()},
    )


class ByComposition:
    """Coverage of elements and of pairs of elements.

    Args:
        there: Composition fractions of the materials that are there, (k, 94).
        candidates: Of the candidates, (m, 94).
    """

    def __init__(self, there: Array, candidates: Array) -> None:
        names: dict[tuple[int, ...], int] = {}
        self._columns, self._weights, self._begins = _incidence(candidates, names)
        there_columns, there_weights, _ = _incidence(there, names)
        self._names = list(names)
        self._covered = np.bincount(there_columns, there_weights, minlength=len(names))
        self._materials = np.bincount(there_columns, minlength=len(names))
        owners = np.repeat(np.arange(len(candidates)), np.diff(self._begins))
        elements = np.array([len(name) == 1 for name in names])
        self._half = np.where(elements, float(RARE), 1.0)
        self._importance = np.where(elements, 1.0, _PAIRS)
        by_column = np.argsort(self._columns, kind="stable")
        ends = np.cumsum(np.bincount(self._columns, minlength=len(names)))
        self._entries = np.split(by_column, ends[:-1])
        self._owners = owners
        self._terms = self._term(slice(None))
        self._gains = np.zeros(len(candidates))
        np.add.at(self._gains, owners, self._terms)

    @property
    def gains(self) -> Array:
        """Increase of the coverage by each candidate, (m,)."""
        return self._gains

    def reason(self, row: int) -> str:
        """Name the element of the candidate in the fewest materials, and its rarest pair."""
        own = self._columns[self._begins[row] : self._begins[row + 1]]
        told = []
        for size in (1, 2):
            some = [column for column in own if len(self._names[column]) == size]
            if some:
                column = min(some, key=lambda one: self._materials[one])
                what = "–".join(SYMBOLS[place] for place in self._names[column])
                told.append(f"{what} {_in_materials(int(self._materials[column]))}")
        return ", ".join(told)

    def add(self, row: int) -> None:
        """Count a candidate among what is there; only those that share a column with it change."""
        for entry in range(self._begins[row], self._begins[row + 1]):
            column = self._columns[entry]
            self._covered[column] += self._weights[entry]
            self._materials[column] += 1
            changed = self._entries[column]
            terms = self._term(changed)
            # A candidate holds a column once, so no owner comes twice.
            self._gains[self._owners[changed]] += terms - self._terms[changed]
            self._terms[changed] = terms

    def _term(self, entries: slice | NDArray[np.int64]) -> Array:
        """Return how much w more raises c/(c + h), by the weight of the column."""
        columns, w = self._columns[entries], self._weights[entries]
        before = self._half[columns] + self._covered[columns]
        return self._importance[columns] * self._half[columns] * w / (before * (before + w))


class ByFeatures:
    """Distance to the nearest material in the network's crystal features.

    Args:
        there: Features of the materials that are there, (k, d).
        candidates: Of the candidates, (m, d); NaN where there are none.
        there_names: k names, for reasons.
        candidate_names: m names.
    """

    def __init__(
        self,
        there: NDArray[np.floating],
        candidates: NDArray[np.floating],
        *,
        there_names: Sequence[str],
        candidate_names: Sequence[str],
    ) -> None:
        self._features = np.asarray(candidates, dtype=np.float64)
        self._names = [*there_names, *candidate_names]
        self._first = len(there_names)
        seen = np.asarray(there, dtype=np.float64)
        known = np.flatnonzero(np.isfinite(seen).all(axis=1))
        self._squared = np.full(len(self._features), np.inf)
        self._squared[~np.isfinite(self._features).all(axis=1)] = np.nan
        self._nearest = np.full(len(self._features), -1)
        step = max(1, _AT_ONCE // max(len(self._features), 1))
        for begin in range(0, len(known), step):
            rows = known[begin : begin + step]
            squared = _squared_distances(self._features, seen[rows])
            self._closer(squared.min(axis=1), rows[squared.argmin(axis=1)])

    @property
    def gains(self) -> Array:
        """Distance to the nearest material, (m,); infinite where there is none yet."""
        return np.sqrt(self._squared)

    def reason(self, row: int) -> str:
        """Name the nearest material and its distance."""
        if np.isnan(self._squared[row]):
            return "features unknown"
        if self._nearest[row] < 0:
            return "nothing is there yet"
        nearest = self._names[self._nearest[row]]
        return f"{np.sqrt(self._squared[row]):.2f} in features from the nearest, {nearest}"

    def add(self, row: int) -> None:
        """Count a candidate among what is there."""
        own = self._features[row]
        if np.isfinite(own).all():
            squared = ((self._features - own) ** 2).sum(axis=1)
            self._closer(squared, np.full(len(squared), self._first + row))

    def _closer(self, squared: Array, nearest: NDArray[np.integer]) -> None:
        closer = squared < self._squared
        self._squared[closer] = squared[closer]
        self._nearest[closer] = nearest[closer]


class ByDisagreement:
    """How far several models' energies scatter.

    Args:
        spread: Standard deviation over the models, (m,) meV/atom; NaN where not predicted.
        n_models: How many models.
    """

    def __init__(self, spread: Array, n_models: int) -> None:
        self._spread = spread
        self._n_models = n_models

    @property
    def gains(self) -> Array:
        """The scatter, (m,) meV/atom."""
        return self._spread

    def reason(self, row: int) -> str:
        """Say how far the models are apart."""
        if np.isnan(self._spread[row]):
            return "not predicted"
        return f"{self._n_models} models scatter by {self._spread[row]:.0f} meV/atom"

    def add(self, row: int) -> None:
        """Change nothing: what a new label would teach the models is known after training."""


def element_coverage(there: Array, candidates: Array) -> pd.DataFrame:
    """Count materials by element, the worst covered element first.

    Args:
        there: Composition fractions, one row a material, (k, 94).
        candidates: The same, (m, 94).

    Returns:
        Columns symbol, materials, candidates; one row an element that occurs in either.
    """
    table = pd.DataFrame(
        {
            "symbol": SYMBOLS,
            "materials": (there > 0).sum(axis=0),
            "candidates": (candidates > 0).sum(axis=0),
        }
    )
    return _sorted(table)


def chemistry_coverage(there: Array, candidates: Array) -> pd.DataFrame:
    """Count materials by chemistry, the worst covered one first.

    Args:
        there: Composition fractions, one row a material, (k, 94).
        candidates: The same, (m, 94).

    Returns:
        Columns chemistry, materials, candidates; one row a chemistry that occurs in either.
    """
    counts = [pd.Series(chemistry(one), dtype=object).value_counts() for one in (there, candidates)]
    table = pd.concat(counts, axis=1, keys=["materials", "candidates"]).fillna(0).astype(int)
    return _sorted(table.rename_axis("chemistry").reset_index())


def _sorted(table: pd.DataFrame) -> pd.DataFrame:
    some = table[(table["materials"] > 0) | (table["candidates"] > 0)]
    return some.sort_values(
        ["materials", "candidates"], ascending=[True, False], kind="stable", ignore_index=True
    )


def _incidence(
    fractions: Array, names: dict[tuple[int, ...], int]
) -> tuple[NDArray[np.int64], Array, NDArray[np.int64]]:
    """Return the elements and pairs that each material holds.

    Args:
        fractions: (n, 94).
        names: Elements and pairs to their columns; new ones are added.

    Returns:
        Columns and weights of all materials one after the other, (N,) each, and where each
        material begins, (n + 1,). An element weighs 1, and so do all pairs together.
    """
    columns: list[int] = []
    weights: list[float] = []
    begins = [0]
    for row in np.asarray(fractions) > 0:
        own = np.flatnonzero(row).tolist()
        for size in (1, 2):
            found = list(combinations(own, size))
            columns += [names.setdefault(name, len(names)) for name in found]
            weights += [1.0 if size == 1 else 1 / max(len(found), 1)] * len(found)
        begins.append(len(columns))
    return np.array(columns, dtype=np.int64), np.array(weights), np.array(begins, dtype=np.int64)


def _in_materials(n: int) -> str:
    return "in no material" if n == 0 else f"in {n:,} material{'s' if n > 1 else ''}"


def _squared_distances(one: Array, other: Array) -> Array:
    squared = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1)[None, :] - 2 * one @ other.T
    return np.maximum(squared, 0)
