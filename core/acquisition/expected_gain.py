"""Which candidates would teach a model most: the expected decrease of its uncertainty.

A run in closed form keeps draws of its posterior (``core.transfer.uncertainty``). A calculation of
candidate j lowers the variance of the energy of i by c² / (v_j + noise), with c their covariance,
whatever its result (active learning by expected variance, Cohn, Ghahramani and Jordan, J. Artif.
Intell. Res. 4, 129 (1996), arXiv:cs/9603104). A candidate's gain is the mean over a sample of the
candidates, divided by what it costs. After each choice the draws are updated as an ensemble filter
does (Whitaker and Hamill, Mon. Weather Rev. 130, 1913 (2002)), where correlations that so few draws
cannot tell from zero count as zero.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_TARGETS = 400
"""Candidates over which the gain is averaged."""

_SIGNIFICANT = 2.0
"""Correlations below this many standard errors, 1/√draws, count as zero."""


class ByExpectedGain:
    """Decrease of the mean variance of the candidates' energies per cost.

    Args:
        changes: by how much each of s draws changes the energies, (m, s) eV/atom; NaN where there
            is no structure.
        noise: standard deviation of a calculation's own scatter, eV/atom.
        costs: relative cost of each candidate, (m,); 1 for all alike.
        seed: seed of the sample of targets.
    """

    def __init__(self, changes: Array, *, noise: float, costs: Array, seed: int = 0) -> None:
        self._changes = np.array(changes, dtype=np.float64)
        self._noise = noise**2
        self._costs = np.asarray(costs, dtype=np.float64) / np.mean(costs)
        self._known = np.asarray(np.isfinite(self._changes).all(axis=1))
        self._changes[~self._known] = 0.0
        known = np.flatnonzero(self._known)
        chosen = np.random.default_rng(seed).permutation(known)[:_TARGETS]
        self._targets = np.sort(chosen)
        self._least = _SIGNIFICANT / np.sqrt(self._changes.shape[1])

    @property
    def gains(self) -> Array:
        """Decrease of the mean variance by each candidate per relative cost, (m,) (meV/atom)²."""
        variances = self._variances
        across = self._covariances(self._targets)
        gains = (across**2).mean(axis=0) / (variances + self._noise)
        return np.where(self._known, 1e6 * gains / self._costs, np.nan)

    def reason(self, row: int) -> str:
        """Return how uncertain the candidate's energy is, and what a calculation would gain."""
        if not self._known[row]:
            return "not predicted"
        deviation = 1000 * np.sqrt(self._variances[row])
        before = self._variances[self._targets].mean()
        after = before - 1e-6 * self.gains[row] * self._costs[row]
        drop = 1000 * (np.sqrt(before) - np.sqrt(max(after, 0.0)))
        return (
            f"uncertain by {deviation:.0f} meV/atom; lowers the mean uncertainty of the candidates "
            f"by {drop:.2g}"
        )

    def add(self, row: int) -> None:
        """Take a calculation of a candidate into account."""
        total = self._variances[row] + self._noise
        slope = self._covariances(np.array([row]))[0] / total
        part = 1.0 / (1.0 + np.sqrt(self._noise / total))
        self._changes -= part * slope[:, None] * self._changes[row]

    @property
    def _variances(self) -> Array:
        return np.asarray((self._changes**2).mean(axis=1))

    def _covariances(self, rows: NDArray[np.integer]) -> Array:
        """Return the covariances of some candidates with all, (k, m) eV²/atom²."""
        across = self._changes[rows] @ self._changes.T / self._changes.shape[1]
        scale = np.sqrt(np.outer(self._variances[rows], self._variances))
        return np.where(np.abs(across) > self._least * scale, across, 0.0)
