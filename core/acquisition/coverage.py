"""Which elements and chemistries a data set covers, and which materials would cover more.

A criterion measures how much each candidate would add to the data set and to the candidates chosen
so far. Materials are chosen one by one, always the one that adds most:

* by composition: n materials cover an element to n/(n + 5), and a pair of elements to c/(c + 1),
  where each material adds one over its number of pairs to c, because a material of six elements
  would otherwise count for fifteen. The coverage is the sum over the elements plus a tenth of that
  over the pairs: elements in few materials come first, then pairs that never occur together. It
  grows with every material, but less and less, so that the greedy choice reaches at least 1 − 1/e
  of the best one (Nemhauser, Wolsey and Fisher, Math. Program. 14, 265 (1978),
  doi:10.1007/BF01588971);
* by features: the candidate farthest from its nearest neighbour, which is within a factor of two
  of the best covering (Gonzalez, Theor. Comput. Sci. 38, 293 (1985),
  doi:10.1016/0304-3975(85)90224-5);
* by disagreement: where the predictions of several models differ most;
* by expected gain: where a calculation lowers a model's uncertainty most
  (``core.acquisition.expected_gain``).
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
"""Number of materials that cover an element by half; from fewer its reference is poorly known."""

PAIRS = 0.1
"""Weight of a pair, so that no material gains more by new pairs than by one new element."""


class Criterion(Protocol):
    """How much each of m candidates would add."""

    @property
    def gains(self) -> Array:
        """What each candidate adds now, (m,); NaN for one that cannot be judged."""

    def reason(self, row: int) -> str:
        """Return in a few words what a candidate adds now."""

    def add(self, row: int) -> None:
        """Count a candidate as chosen."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Selection:
    """Candidates in the order in which they were chosen.

    Attributes:
        rows: numbers of the candidates, (n,).
        reasons: why each was chosen, n texts.
        gains: criterion to what each added when it was chosen, (n,); NaN where not judged.
    """

    rows: NDArray[np.int64]
    reasons: list[str]
    gains: dict[str, Array]


def choose(criteria: dict[str, Criterion], n: int) -> Selection:
    """Choose candidates one by one.

    With several criteria, each ranks the remaining candidates, and the one with the highest mean
    rank is chosen. With one criterion, the choice ends when no candidate adds anything.

    Args:
        criteria: criteria by name, at least one, all of the same candidates.
        n: maximum number to choose.
    """
    gains = {name: criterion.gains for name, criterion in criteria.items()}
    m = len(next(iter(gains.values())))
    remaining = np.ones(m, dtype=bool)
    rows: list[int] = []
    reasons: list[str] = []
    chosen: dict[str, list[float]] = {name: [] for name in criteria}
    while len(rows) < min(n, m):
        # NaN ranks lowest: a candidate that one criterion cannot judge depends on the others.
        finite = [np.where(np.isnan(gain), -np.inf, gain)[remaining] for gain in gains.values()]
        score = np.full(m, -np.inf)
        if len(finite) == 1:
            score[remaining] = finite[0]
            if score.max() <= 0:
                break
        else:
            score[remaining] = np.mean([pd.Series(gain).rank() for gain in finite], axis=0)
        row = int(np.argmax(score))
        rows.append(row)
        reasons.append("; ".join(criterion.reason(row) for criterion in criteria.values()))
        remaining[row] = False
        for name, criterion in criteria.items():
            chosen[name].append(float(gains[name][row]))
            criterion.add(row)
            gains[name] = criterion.gains
    return Selection(
        rows=np.array(rows, dtype=np.int64),
        reasons=reasons,
        gains={name: np.array(values, dtype=float) for name, values in chosen.items()},
    )


class ByComposition:
    """Coverage of elements and of pairs of elements.

    Args:
        training: composition fractions of the materials of the data set, (k, 94).
        candidates: composition fractions of the candidates, (m, 94).
    """

    def __init__(self, training: Array, candidates: Array) -> None:
        # A unit is an element or a pair of elements.
        units: dict[tuple[int, ...], int] = {}
        self._n_candidates = len(candidates)
        self._rows, self._columns, self._weights = _incidence(candidates, units)
        _, columns, weights = _incidence(training, units)
        self._units = list(units)
        self._covered = np.bincount(columns, weights, minlength=len(units)).astype(np.float64)
        self._materials = np.bincount(columns, minlength=len(units))
        is_element = np.array([len(unit) == 1 for unit in units], dtype=bool)
        self._half = np.where(is_element, float(RARE), 1.0)
        self._importance = np.where(is_element, 1.0, PAIRS)

    @property
    def gains(self) -> Array:
        """Increase of the coverage by each candidate, (m,)."""
        # How much w more raises c/(c + h), by the importance of the unit.
        half, w = self._half[self._columns], self._weights
        before = half + self._covered[self._columns]
        terms = self._importance[self._columns] * half * w / (before * (before + w))
        totals = np.bincount(self._rows, terms, minlength=self._n_candidates)
        return totals.astype(np.float64)

    def reason(self, row: int) -> str:
        """Return the candidate's element in the fewest materials, and its rarest pair."""
        columns = self._columns[self._rows == row]
        words = []
        for size in (1, 2):
            same_size = [column for column in columns if len(self._units[column]) == size]
            if same_size:
                column = min(same_size, key=self._materials.__getitem__)
                unit = "–".join(SYMBOLS[element] for element in self._units[column])
                n = int(self._materials[column])
                words.append(f"{unit} in {f'{n:,}' if n else 'no'} material{'s' if n > 1 else ''}")
        return ", ".join(words)

    def add(self, row: int) -> None:
        """Count a candidate as chosen."""
        entries = self._rows == row
        self._covered[self._columns[entries]] += self._weights[entries]
        self._materials[self._columns[entries]] += 1


class ByFeatures:
    """Distance to the nearest material in the network's crystal features.

    Args:
        training: features of the materials of the data set, (k, d).
        candidates: features of the candidates, (m, d); NaN where there are none.
        training_names: k names, for reasons.
        candidate_names: m names.
    """

    def __init__(
        self,
        training: NDArray[np.floating],
        candidates: NDArray[np.floating],
        *,
        training_names: Sequence[str],
        candidate_names: Sequence[str],
    ) -> None:
        self._features = np.asarray(candidates, dtype=np.float64)
        self._names = [*training_names, *candidate_names]
        self._n_training = len(training_names)
        is_known = np.isfinite(self._features).all(axis=1)
        self._distance = np.where(is_known, np.inf, np.nan)
        self._nearest = np.full(len(self._features), -1)
        for number, features in enumerate(np.asarray(training, dtype=np.float64)):
            self._include(features, number)

    @property
    def gains(self) -> Array:
        """Distance to the nearest material, (m,); infinite while there is none."""
        return self._distance.copy()

    def reason(self, row: int) -> str:
        """Return the nearest material and its distance."""
        if np.isnan(self._distance[row]):
            return "features unknown"
        if self._nearest[row] < 0:
            return "no material to compare with"
        nearest = self._names[self._nearest[row]]
        return f"{self._distance[row]:.2f} in features from the nearest, {nearest}"

    def add(self, row: int) -> None:
        """Count a candidate as chosen."""
        self._include(self._features[row], self._n_training + row)

    def _include(self, features: Array, number: int) -> None:
        distance = np.linalg.norm(self._features - features, axis=1)
        # Not where either is unknown: comparisons with NaN are false.
        is_closer = distance < self._distance
        self._distance[is_closer] = distance[is_closer]
        self._nearest[is_closer] = number


class ByDisagreement:
    """How much the energies of several models scatter.

    Args:
        spread: standard deviation over the models, (m,) meV/atom; NaN where not predicted.
        n_models: number of models.
    """

    def __init__(self, spread: Array, n_models: int) -> None:
        self.gains = spread
        self._n_models = n_models

    def reason(self, row: int) -> str:
        """Return how much the models scatter."""
        if np.isnan(self.gains[row]):
            return "not predicted"
        return f"{self._n_models} models scatter by {self.gains[row]:.0f} meV/atom"

    def add(self, row: int) -> None:
        """Change nothing: what a new label teaches the models is only known after training."""


def element_coverage(training: Array, candidates: Array) -> pd.DataFrame:
    """Count materials by element, the worst covered element first.

    Args:
        training: composition fractions of the materials of the data set, (k, 94).
        candidates: composition fractions of the candidates, (m, 94).

    Returns:
        Columns symbol, materials, candidates; one row per element that occurs in either.
    """
    table = pd.DataFrame(
        {
            "symbol": SYMBOLS,
            "materials": (training > 0).sum(axis=0),
            "candidates": (candidates > 0).sum(axis=0),
        }
    )
    return _sorted(table)


def chemistry_coverage(training: Array, candidates: Array) -> pd.DataFrame:
    """Count materials by chemistry, the worst covered one first.

    Args:
        training: composition fractions of the materials of the data set, (k, 94).
        candidates: composition fractions of the candidates, (m, 94).

    Returns:
        Columns chemistry, materials, candidates; one row per chemistry that occurs in either.
    """
    counts = [
        pd.Series(chemistry(fractions), dtype=object).value_counts()
        for fractions in (training, candidates)
    ]
    table = pd.concat(counts, axis=1, keys=["materials", "candidates"]).fillna(0).astype(int)
    return _sorted(table.rename_axis("chemistry").reset_index())


def _sorted(table: pd.DataFrame) -> pd.DataFrame:
    occurring = table[(table["materials"] > 0) | (table["candidates"] > 0)]
    return occurring.sort_values(
        ["materials", "candidates"], ascending=[True, False], kind="stable", ignore_index=True
    )


def _incidence(
    fractions: Array, units: dict[tuple[int, ...], int]
) -> tuple[NDArray[np.int64], NDArray[np.int64], Array]:
    """Return the elements and pairs that each material contains.

    Args:
        fractions: composition fractions (n, 94).
        units: elements and pairs to their columns; new ones are added.

    Returns:
        Rows, columns and weights, (N,) each. An element weighs 1, and so do all pairs of a
        material together.
    """
    rows: list[int] = []
    columns: list[int] = []
    weights: list[float] = []
    for row, is_present in enumerate(np.asarray(fractions) > 0):
        elements = np.flatnonzero(is_present).tolist()
        for size in (1, 2):
            units_here = list(combinations(elements, size))
            rows += [row] * len(units_here)
            columns += [units.setdefault(unit, len(units)) for unit in units_here]
            weight = 1.0 if size == 1 else 1 / max(len(units_here), 1)
            weights += [weight] * len(units_here)
    return np.array(rows, dtype=np.int64), np.array(columns, dtype=np.int64), np.array(weights)
