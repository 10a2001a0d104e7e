"""Variances of a Gaussian model by its evidence: the marginal likelihood of the energies.

Energies left over by a prior are a sum of independent Gaussian parts,

    left ~ N(0, Σ_j v_j K_j + s² I),

with a known kernel matrix K_j each. The variances v_j and the noise s² maximize the marginal
likelihood times log-normal hyperpriors (Rasmussen and Williams, Gaussian Processes for Machine
Learning, 2006, section 5.4.1, http://gaussianprocess.org/gpml). Too large a variance would fit
noise and too small a one would leave signal over, and both are less likely, so no data are held
out.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize

from core.errors import LabError

_FARTHEST = 12.0
"""Largest distance of a log variance from its hyperprior's center: a factor of 400 in eV/atom."""

_ITERATIONS = 60


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Variances:
    """The most likely variances.

    Attributes:
        parts: variance of each part, (q,) eV²/atom².
        noise: variance of the noise, eV²/atom².
        log_evidence: log marginal likelihood at these, without hyperpriors.
    """

    parts: NDArray[np.float64]
    noise: float
    log_evidence: float


def log_evidence(
    log_variances: NDArray[np.float64],
    kernels: NDArray[np.float64],
    left: NDArray[np.float64],
    *,
    more: float = 0.0,
    more_squares: float = 0.0,
) -> tuple[float, NDArray[np.float64]]:
    """Return the log marginal likelihood and its gradient by the log variances.

    Args:
        log_variances: of the q parts, then of the noise, (q + 1,).
        kernels: kernel matrices, (q, k, k).
        left: energies left over by the prior, (k,).
        more: number of further values that hold nothing but noise.
        more_squares: sum of their squares.

    Raises:
        LabError: if the covariance is not positive definite in double precision.
    """
    variances = np.exp(log_variances)
    covariance = np.tensordot(variances[:-1], kernels, 1)
    covariance[np.diag_indices(len(left))] += variances[-1]
    try:
        factor = cho_factor(covariance, lower=True)
        weights = cho_solve(factor, left)
    except (np.linalg.LinAlgError, ValueError):
        raise LabError(
            "the covariance of the energies is not positive definite; look for energies that are "
            "not finite or far out of the ordinary."
        ) from None
    change = np.outer(weights, weights) - cho_solve(factor, np.eye(len(left)))
    value = (
        -0.5 * float(left @ weights)
        - float(np.log(np.diag(factor[0])).sum())
        - 0.5 * (more * log_variances[-1] + more_squares / variances[-1])
        - 0.5 * (len(left) + more) * np.log(2 * np.pi)
    )
    gradient = np.append(
        0.5 * np.tensordot(kernels, change, 2) * variances[:-1],
        0.5 * (np.trace(change) * variances[-1] - more + more_squares / variances[-1]),
    )
    return float(value), gradient


def most_likely(
    kernels: NDArray[np.float64],
    left: NDArray[np.float64],
    *,
    signal: float,
    noise: float,
    least_noise: float,
    width: float = 1.0,
    more: float = 0.0,
    more_squares: float = 0.0,
) -> Variances:
    """Find the variances of the largest evidence times hyperpriors.

    Args:
        kernels: kernel matrices, (q, k, k), scaled to a mean diagonal near 1.
        left: energies left over by the prior, (k,) eV/atom.
        signal: center of the hyperprior of each part's standard deviation, eV/atom.
        noise: center of the hyperprior of the noise's standard deviation, eV/atom.
        least_noise: smallest standard deviation of the noise, eV/atom.
        width: standard deviation of the hyperpriors of the log variances.
        more: number of further values that hold nothing but noise.
        more_squares: sum of their squares, eV²/atom².

    Raises:
        LabError: as `log_evidence`.
    """
    center = np.log(np.append(np.full(len(kernels), signal), noise) ** 2)
    bounds = [(middle - _FARTHEST, middle + _FARTHEST) for middle in center]
    bounds[-1] = (max(bounds[-1][0], 2 * np.log(least_noise)), bounds[-1][1])

    def loss(log_variances: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        value, gradient = log_evidence(
            log_variances, kernels, left, more=more, more_squares=more_squares
        )
        off = (log_variances - center) / width
        return 0.5 * float(off @ off) - value, off / width - gradient

    # Energies far from the prior have a second, near maximum where all of them count as noise.
    scale = float(left @ left + more_squares) / max(len(left) + more, 1)
    starts = [center, np.append(np.full(len(kernels), np.log(max(scale, 1e-12))), center[-1])]
    found = [
        minimize(
            loss,
            np.clip(start, *np.transpose(bounds)),
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"maxiter": _ITERATIONS},
        )
        for start in starts
    ]
    best = min(found, key=lambda one: one.fun).x
    value, _ = log_evidence(best, kernels, left, more=more, more_squares=more_squares)
    variances = np.exp(best)
    return Variances(parts=variances[:-1], noise=float(variances[-1]), log_evidence=value)
