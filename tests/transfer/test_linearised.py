"""The closed form against a dense solve for all parameters at once, with numpy alone."""

import numpy as np
import pytest

from core.errors import LabError
from core.potential.tangent.rows import GROUPS
from core.reference.fits.covariance import element_kernels
from core.transfer.linearised import STIFFNESS, solve

RNG = np.random.default_rng(0)
NAMES = [name for group in GROUPS.values() for name in group]
N, TILTS, NEW = 14, 20, 5
WIDTHS = {name: 2 + place % 3 for place, name in enumerate(NAMES)}
EMBEDDING = RNG.normal(size=(94, 6))
SIZES = dict.fromkeys(NAMES, 0.1)


def made(n):
    return {name: RNG.normal(size=(n, width)) / 5 for name, width in WIDTHS.items()}


@pytest.fixture(scope="module")
def problem():
    X = np.zeros((N + NEW, 94))
    X[np.arange(N + NEW)[:, None], RNG.integers(0, 20, (N + NEW, 3))] += 1
    X /= X.sum(axis=1, keepdims=True)
    rows, tilts = made(N + NEW), made(TILTS)
    truth = {name: 0.05 * RNG.normal(size=width) for name, width in WIDTHS.items()}
    left = sum(rows[name] @ truth[name] for name in NAMES) + X @ (0.1 * RNG.normal(size=94))
    return X, left + 0.02 * RNG.normal(size=N + NEW), rows, tilts


def some(rows, which):
    return {name: values[which] for name, values in rows.items()}


@pytest.fixture(scope="module")
def solution(problem):
    X, left, rows, tilts = problem
    return solve(X[:N], left[:N], some(rows, slice(N)), tilts, SIZES, embedding=EMBEDDING)


@pytest.mark.parametrize("labelled", [False, True], ids=["no forces", "labelled forces"])
def test_is_the_posterior_of_a_linear_model(problem, solution, labelled):
    """Bayes' rule in the space of references and parameters, with the variances that were found."""
    X, left, rows, tilts = problem
    slopes = np.zeros(TILTS)
    if labelled:
        slopes = np.random.default_rng(3).normal(0, 0.05, TILTS)
        own = some(rows, slice(N))
        solution = solve(X[:N], left[:N], own, tilts, SIZES, embedding=EMBEDDING, slopes=slopes)
    post, own = solution.posterior, solution.deviations
    kernels = element_kernels(EMBEDDING)
    elements = sum(
        own[name] ** 2 * kernel / np.diag(X[:N] @ kernel @ X[:N].T).mean()
        for name, kernel in kernels.items()
    )
    np.testing.assert_allclose(post.elements, elements, rtol=1e-9)
    A = np.zeros((N + TILTS, 94 + sum(WIDTHS.values())))
    A[:N, :94] = X[:N]
    A[:N, 94:] = np.concatenate([rows[name][:N] for name in NAMES], axis=1)
    A[N:, 94:] = np.concatenate([tilts[name] for name in NAMES], axis=1)
    prior = np.zeros((A.shape[1], A.shape[1]))
    prior[:94, :94] = elements
    scales = np.concatenate([np.full(WIDTHS[name], post.scales[name]) for name in NAMES])
    prior[94:, 94:] = np.diag(scales)
    noise = np.r_[np.full(N, own["noise"] ** 2), np.full(TILTS, (own["network"] * STIFFNESS) ** 2)]
    gain = prior @ A.T @ np.linalg.inv(A @ prior @ A.T + np.diag(noise))
    mean = gain @ np.r_[left[:N], slopes]
    np.testing.assert_allclose(solution.references, mean[:94], atol=1e-10)
    changes = np.concatenate([solution.change[name] for name in NAMES])
    np.testing.assert_allclose(changes, mean[94:], atol=1e-10)
    after = prior - gain @ A @ prior
    new = np.concatenate([X[N:], *(rows[name][N:] for name in NAMES)], axis=1)
    deviation = np.sqrt(np.einsum("ij,jk,ik->i", new, after, new))
    found = post.deviation(X[N:], some(rows, slice(N, None)))
    np.testing.assert_allclose(found, deviation, rtol=1e-7)
    labels = post.deviation(X[N:], some(rows, slice(N, None)), of_labels=True)
    np.testing.assert_allclose(labels**2, deviation**2 + own["noise"] ** 2, rtol=1e-7)


def test_tilts_cost_freedom(problem, solution):
    """The more a parameter tilts the potential, the less it moves."""
    X, left, rows, tilts = problem
    steep = {name: 30 * values for name, values in tilts.items()}
    held = solve(X[:N], left[:N], some(rows, slice(N)), steep, SIZES, embedding=EMBEDDING)

    def tilt(found):
        return np.sqrt(np.mean(sum(tilts[name] @ found.change[name] for name in NAMES) ** 2))

    assert tilt(held) < 0.3 * tilt(solution)


def test_a_correction_that_helps_is_taken(problem, solution):
    X, left, rows, tilts = problem
    own = some(rows, slice(N))

    def bent(change):
        linear = sum(own[name] @ values for name, values in change.items())
        return 0.6 * linear

    more = {"embedding": EMBEDDING, "exact": bent}
    found = solve(X[:N], left[:N], own, tilts, SIZES, **more)
    assert found.corrected > 0

    def error(one):
        return np.abs(left[:N] - X[:N] @ one.references - bent(one.change)).mean()

    assert error(found) < error(solution)

    def broken(change):
        return 1e6 * sum(own[name] @ values for name, values in change.items()) ** 3

    kept = solve(X[:N], left[:N], own, tilts, SIZES, embedding=EMBEDDING, exact=broken)
    np.testing.assert_allclose(kept.references, solution.references)
    assert kept.corrected == 0


def test_energies_that_are_not_finite_are_refused(problem):
    X, left, rows, tilts = problem
    bad = left[:N] * np.nan
    with pytest.raises(LabError, match="not positive definite"):
        solve(X[:N], bad, some(rows, slice(N)), tilts, SIZES, embedding=EMBEDDING)
