"""Linearised transfer: a network moved to another functional in closed form.

The energy per atom of a structure with composition x is E = w·x + f(θ). Near the pretrained θ₀ the
network is linear in its parameters, f(θ₀ + δ) ≈ f(θ₀) + J δ, so that references and parameters
follow from the energies of a few materials by one linear solve, a Gaussian process with the
network's own tangent kernel (Jacot, Gabriel and Hongler, arXiv:1806.07572):

    r = y − f(θ₀) − X w₀ = X δw + J δ + ε,    t = R δ + tilt.

- δw ~ N(0, Σ), the covariance of the elements (``core.reference.fits.covariance``).
- δ of the parameter t in part g ~ N(0, v_g s_t), with 1/s_t ∝ tr J_tᵀJ_t + tr R_tᵀR_t +
  (0.06 / (0.3 rms_t))², so that no parameter moves by more than a part of its size.
- R are rattled copies of the structures (``core.potential.tangent.rows``). Energies of relaxed
  structures alone would tilt the potential everywhere else; here the pretrained network is the
  teacher of its own forces, which the transfer is to keep: t = 0. Where forces are labelled, t is
  what they say along a few random directions per structure, a subset of the rows ∂F/∂θ.
- All variances and the noise of the energies have the largest evidence
  (``core.reference.fits.evidence``), given R.

With a = [a_E, a_R] the solution of (A Σ Aᵀ + N) a = [r, t], A = [[X, J], [0, R]],

    δw = Σ Xᵀ a_E,    δ_t = v_g s_t (J_tᵀ a_E + R_tᵀ a_R).

The network is not quite linear, so one correction with the exact energies of the moved network
follows where it helps.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from core.potential.tangent.rows import GROUPS
from core.reference.fits.covariance import element_kernels
from core.reference.fits.evidence import most_likely
from core.transfer.posterior import Change, Gradients, Posterior

SIGNAL = 0.06
"""eV/atom; center of the hyperpriors of the parts' standard deviations."""

NOISE = 0.03
"""eV/atom; center of the hyperprior of the noise."""

LEAST_NOISE = 0.02
"""eV/atom."""

STIFFNESS = 0.2
"""1/Å; the standard deviation that the tilt may have, as a part of that of the network's change in
energy per atom."""

_PART = 0.3
"""The part of its root mean square by which a parameter may move."""

_SMALL = 0.02
"""Least root mean square of a parameter that counts."""

_HELPS = 0.8
"""A correction is kept if it leaves at most this part of the error."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Solution:
    """A network moved in closed form.

    Attributes:
        change: what is added to the network's parameters.
        references: what is added to the prior of AtomRef, (94,) eV/atom.
        deviations: standard deviations in the energies of the training structures, eV/atom, by
            part; "noise" is that of the energies.
        corrected: part of the correction step that was taken; 0 for none.
        weights: of the rows, before the correction, (n + k,).
        posterior: how certain energies of other structures are.
    """

    change: Change
    references: NDArray[np.float64]
    deviations: dict[str, float]
    corrected: float
    weights: NDArray[np.float64]
    posterior: Posterior


def solve(
    fractions: NDArray[np.float64],
    left: NDArray[np.float64],
    rows: Gradients,
    tilts: Gradients,
    sizes: Mapping[str, float],
    *,
    embedding: NDArray[np.floating],
    slopes: NDArray[np.float64] | None = None,
    exact: Callable[[Change], NDArray[np.float64]] | None = None,
) -> Solution:
    """Move network and AtomRef to energies in another functional.

    Args:
        fractions: X, composition fractions (n, 94).
        left: r, energies minus the pretrained network's and the prior's contribution, (n,) eV/atom.
        rows: J, by name.
        tilts: R, by name.
        sizes: root mean square of each parameter.
        embedding: the network's embedding of the elements, (94, d).
        slopes: t, (k,) eV/Å; None for 0, the forces of the pretrained network.
        exact: returns by how much the interaction energies (n,) change with a change of the
            parameters, eV/atom; None leaves out the correction.

    Raises:
        LabError: if the energies are not finite.
    """
    n, k = len(left), len(next(iter(tilts.values())))
    slopes = np.zeros(k) if slopes is None else slopes
    gram = fractions.T @ fractions
    elements = {
        name: kernel / ((kernel * gram).sum() / n)
        for name, kernel in element_kernels(embedding).items()
    }
    scales = _scales(rows, tilts, sizes, n)
    network = {group: _gram(rows, tilts, scales, names) for group, names in GROUPS.items()}
    of_elements = np.stack([fractions @ kernel @ fractions.T for kernel in elements.values()])
    free = most_likely(
        np.concatenate([of_elements, [kernel[:n, :n] for kernel in network.values()]]),
        left,
        signal=SIGNAL,
        noise=NOISE,
        least_noise=LEAST_NOISE,
    )
    # The ratios of the network's parts are those of the energies alone; their common variance is
    # that of the energies given that the potential does not tilt, which leaves less freedom.
    whole = np.tensordot(free.parts[len(elements) :], np.stack([*network.values()]), 1)
    whole /= np.diag(whole)[:n].mean()
    held, expected = _given_tilts(whole, n, slopes)
    mean = float(np.diag(held).mean())
    found = most_likely(
        np.concatenate([of_elements, [held / mean]]),
        left - expected,
        signal=SIGNAL,
        noise=NOISE,
        least_noise=LEAST_NOISE,
    )
    common = found.parts[-1] / mean
    shares = free.parts[len(elements) :] / float(
        sum(
            v * np.diag(kernel)[:n].mean()
            for v, kernel in zip(free.parts[len(elements) :], network.values(), strict=True)
        )
    )
    prior = np.tensordot(found.parts[:-1], np.stack([*elements.values()]), 1)
    covariance = common * whole
    covariance[:n, :n] += fractions @ prior @ fractions.T
    covariance[np.diag_indices(len(covariance))] += np.where(
        np.arange(len(covariance)) < n, found.noise, common * STIFFNESS**2
    )
    posterior = Posterior(
        elements=prior,
        scales={
            name: float(common * share * scales[name])
            for share, names in zip(shares, GROUPS.values(), strict=True)
            for name in names
        },
        fractions=fractions,
        rows=rows,
        tilts=tilts,
        factor=cho_factor(covariance, lower=True),
        noise=found.noise,
        tilt=float(common * STIFFNESS**2),
    )
    weights = cho_solve(posterior.factor, np.concatenate([left, slopes]))
    final, corrected = weights, 0.0
    if exact is not None:
        final, corrected = _corrected(posterior, weights, left, exact)
    change, references = posterior.moves(final)
    parts = np.sqrt([*found.parts[:-1], common, found.noise]).tolist()
    return Solution(
        change=change,
        references=references,
        deviations=dict(zip([*elements, "network", "noise"], parts, strict=True)),
        corrected=corrected,
        weights=weights,
        posterior=posterior,
    )


def _scales(
    rows: Gradients, tilts: Gradients, sizes: Mapping[str, float], n: int
) -> dict[str, float]:
    """Return the variance s_t of each parameter, for a group whose energies have variance 1."""
    scales: dict[str, float] = {}
    for names in GROUPS.values():
        traces = {name: float(np.square(rows[name], dtype=np.float64).sum()) / n for name in names}
        raw = {
            name: 1.0
            / (
                traces[name]
                + float(np.square(tilts[name], dtype=np.float64).sum()) / max(len(tilts[name]), 1)
                + (SIGNAL / (_PART * max(sizes[name], _SMALL))) ** 2
            )
            for name in names
        }
        total = sum(raw[name] * traces[name] for name in names)
        scales |= {name: value / total for name, value in raw.items()}
    return scales


def _gram(
    rows: Gradients, tilts: Gradients, scales: Mapping[str, float], names: tuple[str, ...]
) -> NDArray[np.float64]:
    """Return the covariance of all rows that some parameters give, (n + k, n + k)."""
    gram = None
    for name in names:
        both = np.concatenate([rows[name], tilts[name]]).astype(np.float64)
        both = both[:, both.any(axis=0)]
        part = scales[name] * (both @ both.T)
        gram = part if gram is None else gram + part
    assert gram is not None, "every part of the network has parameters"  # noqa: S101
    return gram


def _given_tilts(
    kernel: NDArray[np.float64], n: int, slopes: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return covariance (n, n) and mean (n,) of the energies given what rattled copies say."""
    tilts = kernel[n:, n:].copy()
    tilts[np.diag_indices(len(tilts))] += STIFFNESS**2
    across = cho_solve(cho_factor(tilts), kernel[n:, :n])
    held = kernel[:n, :n] - kernel[:n, n:] @ across
    return np.asarray(0.5 * (held + held.T)), np.asarray(across.T @ slopes)


def _padded(values: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    return np.concatenate([values, np.zeros(length - len(values))])


def _corrected(
    posterior: Posterior,
    weights: NDArray[np.float64],
    left: NDArray[np.float64],
    exact: Callable[[Change], NDArray[np.float64]],
) -> tuple[NDArray[np.float64], float]:
    """Correct the weights by the exact energies of the moved network, halved until it helps."""
    n = len(left)

    def error(tried: NDArray[np.float64]) -> NDArray[np.float64]:
        change, references = posterior.moves(tried)
        explained = exact(change) + posterior.fractions @ references
        return left - explained - posterior.noise * tried[:n]

    before = error(weights)
    step = cho_solve(posterior.factor, _padded(before, len(weights)))
    for part in (1.0, 0.5, 0.25):
        tried = weights + part * step
        if np.abs(error(tried)).mean() < _HELPS * np.abs(before).mean():
            return tried, part
    return weights, 0.0
