"""How certain energies are after a closed form: the posterior of its linear model.

The model and its rows are those of ``core.transfer.linearised``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, solve_triangular

Change = dict[str, NDArray[np.float64]]
"""A change of the network's parameters by name, flattened."""

Gradients = Mapping[str, NDArray[Any]]
"""Rows (n, size of the parameter) by name."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Posterior:
    """The variance of energies after the data.

    Attributes:
        elements: prior covariance of the references, (94, 94) eV².
        scales: prior variance of each parameter by name.
        fractions: X, composition fractions of the training structures (n, 94).
        rows: J of the training structures, by name.
        tilts: R of their rattled copies, by name.
        factor: Cholesky factor of the covariance of all rows, as of scipy's `cho_factor`.
        noise: variance of the noise, eV²/atom².
        tilt: variance of the tilts, eV²/Å².
    """

    elements: NDArray[np.float64]
    scales: dict[str, float]
    fractions: NDArray[np.float64]
    rows: Gradients
    tilts: Gradients
    factor: tuple[NDArray[np.float64], bool]
    noise: float
    tilt: float

    def deviation(
        self, fractions: NDArray[np.float64], rows: Gradients, *, of_labels: bool = False
    ) -> NDArray[np.float64]:
        """Return the standard deviation of the energies of other structures, (m,) eV/atom.

        Args:
            fractions: their composition fractions (m, 94).
            rows: their gradient rows at the pretrained network, by name.
            of_labels: whether a calculation's own scatter, the noise, is included.
        """
        own = np.einsum("ij,jk,ik->i", fractions, self.elements, fractions)
        own += 0.0 if not of_labels else self.noise
        across = self.cross(fractions, rows)
        for name, scale in self.scales.items():
            values = rows[name].astype(np.float64)
            own += scale * np.einsum("ij,ij->i", values, values)
        lost = np.einsum("ij,ji->i", across, cho_solve(self.factor, across.T))
        return np.asarray(np.sqrt(np.maximum(own - lost, self.noise if of_labels else 0.0)))

    def draws(self, n: int, seed: int) -> tuple[Change, NDArray[np.float64]]:
        """Draw departures of parameters and references from the solution.

        A draw of the prior, less what the data would make of its own noisy rows, is a draw of the
        posterior (Matheron's rule; Journel and Huijbregts, Mining Geostatistics, 1978).

        Args:
            n: number of draws.
            seed: their seed.

        Returns:
            Departures of the parameters, (n, size) by name, and of the references, (n, 94) eV/atom.
        """
        rng = np.random.default_rng(seed)
        values, vectors = np.linalg.eigh(self.elements)
        half = vectors * np.sqrt(np.maximum(values, 0.0))
        references = rng.normal(size=(n, len(half))) @ half.T
        n_rows = len(self.fractions)
        made = rng.normal(size=(len(self.factor[0]), n))
        made[:n_rows] *= np.sqrt(self.noise)
        made[n_rows:] *= np.sqrt(self.tilt)
        made[:n_rows] += self.fractions @ references.T
        change: Change = {}
        for name, scale in self.scales.items():
            drawn = rng.normal(scale=np.sqrt(scale), size=(n, self.rows[name].shape[1]))
            made[:n_rows] += self.rows[name] @ drawn.T
            made[n_rows:] += self.tilts[name] @ drawn.T
            change[name] = drawn
        weights = cho_solve(self.factor, made).T
        learned, moved = self.moves(weights)
        for name in change:
            change[name] -= learned[name]
        return change, references - moved

    def left_out(
        self, weights: NDArray[np.float64], groups: NDArray[np.integer]
    ) -> NDArray[np.float64]:
        """Return the energies' errors over their deviations, each material predicted by the others.

        Args:
            weights: of the rows, (n + k,).
            groups: number of each structure's material, (n,).

        Returns:
            (n,), of standard normal spread if the model is right (Rasmussen and Williams, 2006,
            section 5.4.2).
        """
        n = len(self.fractions)
        rows = solve_triangular(self.factor[0], np.eye(len(weights), n), lower=True)
        errors = np.empty(n)
        for group in np.unique(groups):
            own = np.flatnonzero(groups == group)
            variances = np.linalg.inv(rows[:, own].T @ rows[:, own])
            errors[own] = (variances @ weights[own]) / np.sqrt(np.diag(variances))
        return errors

    def moves(self, weights: NDArray[np.float64]) -> tuple[Change, NDArray[np.float64]]:
        """Return the changes of parameters and references that weights (…, n + k) make."""
        n = len(self.fractions)
        change = {
            name: scale
            * (
                weights[..., :n] @ self.rows[name].astype(np.float64)
                + weights[..., n:] @ self.tilts[name].astype(np.float64)
            )
            for name, scale in self.scales.items()
        }
        return change, weights[..., :n] @ self.fractions @ self.elements

    def cross(self, fractions: NDArray[np.float64], rows: Gradients) -> NDArray[np.float64]:
        """Return the prior covariance of other structures with all rows, (m, n + k)."""
        n = len(self.fractions)
        n_tilts = len(next(iter(self.tilts.values())))
        across = np.zeros((len(fractions), n + n_tilts))
        across[:, :n] = fractions @ self.elements @ self.fractions.T
        for name, scale in self.scales.items():
            values = scale * rows[name].astype(np.float64)
            across[:, :n] += values @ self.rows[name].T.astype(np.float64)
            across[:, n:] += values @ self.tilts[name].T.astype(np.float64)
        return across
