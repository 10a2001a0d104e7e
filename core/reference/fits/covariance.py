"""A prior covariance of the elements: elements that are alike depart from the prior alike.

References depart from their prior by δw ~ N(0, v₁ I + v₂ K_table + v₃ K_embedding). K_table says
that neighbors in the periodic table are alike, K_embedding that elements with similar atom
embeddings in a pretrained network are; I leaves each element its own. Each is scaled so that the
energies of the fitted compositions have unit variance. So elements in few frames, and elements in
none, learn from elements like them, as far as the data show that there is something to learn: the
variances and the noise have the largest evidence (``core.reference.fits.evidence``).

Everything follows from the 94 × 94 normal equations. With their eigenvectors, XᵀX = U g Uᵀ, the
rows Qᵀ = g^(−1/2) Uᵀ Xᵀ are an orthonormal basis of what compositions can explain, so that

    Qᵀr ~ N(0, A Σ Aᵀ + s²),  A = g^(1/2) Uᵀ,

and the rest of r, orthogonal to it, is noise alone: the evidence of n frames costs that of at most
94. Frames of one material share their residual, so that each counts for 1 / (frames per material).

Elements whose energies count from another zero than the prior (``core.reference.fits.scale``) have
no prior: the data alone decide about them, and the evidence is that of the rest (Patterson and
Thompson, Biometrika 58, 545 (1971), doi:10.1093/biomet/58.3.545).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.elements import N_ELEMENTS, POSITION
from core.reference.fits import solve
from core.reference.fits.atomref import AtomRef
from core.reference.fits.evidence import most_likely
from core.reference.fits.scale import gaps_by_symbol, scale_gap

LENGTH = 1.5
"""Groups and periods over which elements are alike in K_table."""

TYPICAL = 0.1
"""eV/atom; center of the hyperpriors of all standard deviations."""

LEAST_NOISE = 1e-3
"""eV/atom."""

_RANK = 1e-10
"""Eigenvalues below this part of the largest count as 0."""

_F_BLOCK = {9: 6, 10: 7}
"""Period of the two rows that tables draw below."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class ElementCovariance:
    """Departures of the elements from a prior, their covariance and what the data say of it.

    Attributes:
        deviations: standard deviations in the energies of the fitted compositions, eV/atom: of
            what each element has to itself ("own"), shares with neighbors in the periodic table
            ("table") and with elements of a similar embedding ("embedding"), and of a material's
            residual ("noise").
        prior: covariance of the departures before the data, (94, 94) eV²; elements without a prior
            have 0.
        penalty: s² Σ⁻¹ over the elements that occur and have a prior, in place, (94, 94): the fit
            minimizes |r − X δ|² + δᵀ penalty δ.
        posterior: standard deviation of each reference after the data, (94,) eV/atom; NaN for an
            element that nothing determines.
    """

    deviations: dict[str, float]
    prior: NDArray[np.float64]
    penalty: NDArray[np.float64]
    posterior: NDArray[np.float64]


def table_kernel() -> NDArray[np.float64]:
    """Return exp(−½ d² / 1.5²), (94, 94), with d the distance in groups and periods.

    Lanthanides and actinides stand in group 3.
    """
    place = np.array(
        [
            (_F_BLOCK[row], 3) if row in _F_BLOCK else (row, column)
            for row, column in POSITION.values()
        ],
        dtype=float,
    )
    distance = ((place[:, None] - place[None]) ** 2).sum(axis=-1)
    return np.asarray(np.exp(-0.5 * distance / LENGTH**2))


def embedding_kernel(embedding: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the Gram matrix (94, 94) of centered embeddings (94, d)."""
    rows = np.asarray(embedding, dtype=float)
    rows = rows - rows.mean(axis=0)
    return np.asarray(rows @ rows.T)


def element_kernels(
    embedding: NDArray[np.floating] | None,
) -> dict[str, NDArray[np.float64]]:
    """Return the parts of the elements' covariance by name, (94, 94) each, not yet scaled."""
    kernels = {"own": np.eye(N_ELEMENTS), "table": table_kernel()}
    if embedding is not None:
        kernels["embedding"] = embedding_kernel(embedding)
    return kernels


def element_covariance(
    fractions: NDArray[np.float64],
    left: NDArray[np.float64],
    *,
    embedding: NDArray[np.floating] | None = None,
    free: NDArray[np.bool_] | None = None,
    n_materials: int | None = None,
) -> ElementCovariance:
    """Learn how far, and how jointly, elements depart from their prior.

    Args:
        fractions: X, composition fractions (n, 94).
        left: r, energies minus the prior's contribution, (n,) eV/atom.
        embedding: one row per element, (94, d), from a pretrained network; None leaves it out.
        free: elements without a prior, (94,) booleans; None for none.
        n_materials: number of materials; None makes each row a material.

    Raises:
        LabError: if energies are not finite.
    """
    n = len(left)
    share = 1.0 if n_materials is None else n_materials / n
    occurs = np.asarray((fractions > 0).any(axis=0))
    held = np.ones(N_ELEMENTS, dtype=bool) if free is None else ~np.asarray(free)
    gram = fractions.T @ fractions
    values, vectors = np.linalg.eigh(gram)
    kept = values > _RANK * values[-1]
    half = vectors[:, kept] / np.sqrt(values[kept])
    rows = vectors[:, kept].T * np.sqrt(values[kept])[:, None]
    turned = half.T @ (fractions.T @ left)
    rest = left - fractions @ (half @ turned)
    # One more projection gives back the digits that the normal equations lost.
    again = half.T @ (fractions.T @ rest)
    turned, rest = turned + again, rest - fractions @ (half @ again)
    more = max(share * n - len(turned), 0.0)
    # What free elements can explain says nothing of the others.
    basis = _complement(rows[:, ~held])
    rows, turned = basis.T @ rows, basis.T @ turned
    kernels = element_kernels(embedding)
    both = np.outer(held, held)
    parts = [both * kernel / _mean_variance(both * kernel, gram, n) for kernel in kernels.values()]
    variances = most_likely(
        np.stack([share * rows @ part @ rows.T for part in parts]),
        np.sqrt(share) * turned,
        signal=TYPICAL,
        noise=TYPICAL,
        least_noise=LEAST_NOISE,
        more=more,
        more_squares=share * float(rest @ rest),
    )
    prior = np.tensordot(variances.parts, np.stack(parts), 1)
    noise = variances.noise / share
    penalty = np.zeros((N_ELEMENTS, N_ELEMENTS))
    pulled = np.flatnonzero(occurs & held)
    inverse = np.linalg.inv(prior[np.ix_(pulled, pulled)])
    penalty[np.ix_(pulled, pulled)] = 0.5 * noise * (inverse + inverse.T)
    deviations = np.sqrt([*variances.parts, variances.noise]).tolist()
    return ElementCovariance(
        deviations=dict(zip([*kernels, "noise"], deviations, strict=True)),
        prior=prior,
        penalty=penalty,
        posterior=_posterior(gram, prior, penalty, noise, occurs),
    )


def carried(covariance: ElementCovariance, departures: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the departures that elements without frames expect, given those of the others.

    Args:
        covariance: the covariance.
        departures: fitted departures (94,), eV/atom; 0 for elements that do not occur.

    Returns:
        (94,) eV/atom, the fitted ones unchanged.
    """
    pulled = np.flatnonzero(np.diag(covariance.penalty))
    others = np.flatnonzero((np.diag(covariance.penalty) == 0) & (np.diag(covariance.prior) > 0))
    if not len(pulled):
        return departures
    block = covariance.prior[np.ix_(pulled, pulled)]
    moved = departures.copy()
    moved[others] = covariance.prior[np.ix_(others, pulled)] @ np.linalg.solve(
        block, departures[pulled]
    )
    return moved


def fit_covariance(
    fractions: np.ndarray,
    energies: np.ndarray,
    *,
    prior: np.ndarray,
    functional: str,
    prior_used: str = "given",
    embedding: np.ndarray | None = None,
    n_materials: int | None = None,
) -> AtomRef:
    """Fit toward a prior from which elements that are alike depart alike.

    Elements whose energies count from another zero than the prior are fitted without it.

    Args:
        fractions: composition fractions (n, 94).
        energies: total energies, for `residual` minus the interaction energies, (n,) eV/atom.
        prior: expected energies, (94,) eV/atom.
        functional: level of theory of the energies.
        prior_used: description of the prior.
        embedding: one row per element, (94, d), from a pretrained network; None leaves it out.
        n_materials: number of materials; None makes each row a material.

    Returns:
        The fit, with the error of each element; elements that do not occur follow those that are
        like them.

    Raises:
        LabError: as `core.reference.fits.atomref.fit_ridge`.
    """
    X, y = solve.checked(fractions, energies)
    expected = solve.checked_prior(prior)
    left = y - X @ expected
    gap = scale_gap(X, left)
    found = element_covariance(
        X, left, embedding=embedding, free=np.isfinite(gap), n_materials=n_materials
    )
    columns = solve.columns(X)
    departures = solve.least_squares(X, left, columns, penalty=found.penalty)
    return AtomRef(
        functional=functional,
        method="ridge",
        energies=expected + carried(found, departures),
        **solve.description(y, columns),
        prior_used=prior_used,
        off_scale=gaps_by_symbol(gap),
        deviations=found.deviations,
        errors=found.posterior,
        penalty=found.penalty,
    )


def _complement(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return an orthonormal basis (k, k − rank) of what columns (k, f) do not span."""
    left, singular, _ = np.linalg.svd(columns, full_matrices=True)
    rank = int(np.count_nonzero(singular > singular.max(initial=0.0) * 1e-10))
    return np.asarray(left[:, rank:])


def _mean_variance(kernel: NDArray[np.float64], gram: NDArray[np.float64], n: int) -> float:
    """Return the mean diagonal of X K Xᵀ; 1 where it is 0."""
    return float((kernel * gram).sum() / n) or 1.0


def _posterior(
    gram: NDArray[np.float64],
    prior: NDArray[np.float64],
    penalty: NDArray[np.float64],
    noise: float,
    occurs: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Return the standard deviation of each reference after the data, (94,) eV/atom."""
    fitted = np.flatnonzero(occurs)
    normal = (gram + penalty)[np.ix_(fitted, fitted)]
    length = np.sqrt(np.diag(normal))
    values, vectors = np.linalg.eigh(normal / np.outer(length, length))
    known = values > _RANK * values[-1]
    half = vectors[:, known] / np.sqrt(values[known]) / length[:, None]
    variance = np.full(N_ELEMENTS, np.nan)
    variance[fitted] = noise * (half**2).sum(axis=1)
    variance[fitted[(np.abs(vectors[:, ~known]) > 1e-6).any(axis=1)]] = np.nan
    pulled = np.flatnonzero(np.diag(penalty))
    others = np.flatnonzero(~occurs & (np.diag(prior) > 0))
    variance[others] = np.diag(prior)[others]
    if len(pulled):
        carry = np.linalg.solve(prior[np.ix_(pulled, pulled)], prior[np.ix_(pulled, others)]).T
        learned = carry @ half[np.isin(fitted, pulled)]
        variance[others] += noise * (learned**2).sum(axis=1) - np.einsum(
            "ij,ij->i", carry, prior[np.ix_(others, pulled)]
        )
    return np.asarray(np.sqrt(np.maximum(variance, 0.0)))
