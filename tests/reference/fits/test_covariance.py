"""AtomRef with a covariance of the elements, against a Gaussian process over all n frames."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import multivariate_normal

from core.elements import INDEX, SYMBOLS
from core.reference.fits.atomref import AtomRef, fit_lstsq
from core.reference.fits.covariance import (
    TYPICAL,
    embedding_kernel,
    fit_covariance,
    table_kernel,
)
from core.reference.fits.leave_one_out import leave_one_out
from tests.reference.generated_materials import made

EMBEDDING = np.random.default_rng(0).normal(size=(94, 5))
PRIOR = np.linspace(-9, -2, 94)


def materials(seed=0, n=60, elements=16):
    """Compositions, energies that depart jointly from the prior, and material ids."""
    X, _, groups, _ = made(seed, n=n, elements=elements, frames=1, spread=True)
    rng = np.random.default_rng(seed)
    shape = 0.1 * table_kernel() + 0.02 * embedding_kernel(EMBEDDING)
    departures = rng.multivariate_normal(np.zeros(94), shape)
    return X, X @ (PRIOR + departures) + 0.05 * rng.normal(size=len(X)), groups


def fit(X, y, **more):
    return fit_covariance(X, y, prior=PRIOR, functional="r2SCAN", embedding=EMBEDDING, **more)


def scaled_kernels(X):
    kernels = [np.eye(94), table_kernel(), embedding_kernel(EMBEDDING)]
    return [kernel / np.diag(X @ kernel @ X.T).mean() for kernel in kernels]


def process(X, left, deviations):
    """The posterior of a Gaussian process, n × n: mean and standard deviation of all elements."""
    *parts, noise = np.square(list(deviations.values()))
    prior = sum(v * kernel for v, kernel in zip(parts, scaled_kernels(X), strict=True))
    gain = prior @ X.T @ np.linalg.inv(X @ prior @ X.T + noise * np.eye(len(X)))
    return gain @ left, np.sqrt(np.diag(prior - gain @ X @ prior))


@pytest.mark.parametrize("seed", range(3))
def test_is_a_gaussian_process_over_all_frames(seed):
    X, y, _ = materials(seed)
    found = fit(X, y)
    departure, deviation = process(X, y - X @ PRIOR, found.deviations)
    np.testing.assert_allclose(found.energies, PRIOR + departure, atol=1e-8)
    np.testing.assert_allclose(found.errors, deviation, atol=1e-8)
    assert (found.counts == 0).any()


def test_variances_are_the_most_likely_ones():
    X, y, _ = materials(n=30)
    left, kernels = y - X @ PRIOR, scaled_kernels(X)

    def loss(at):
        *parts, noise = np.exp(at)
        inner = sum(v * kernel for v, kernel in zip(parts, kernels, strict=True))
        covariance = X @ inner @ X.T + noise * np.eye(len(X))
        density = multivariate_normal(np.zeros(len(X)), covariance).logpdf(left)
        return 0.5 * ((at - np.log(TYPICAL**2)) ** 2).sum() - density

    best = minimize(loss, np.full(4, np.log(TYPICAL**2)), method="L-BFGS-B")
    found = fit(X, y)
    assert list(found.deviations) == ["own", "table", "embedding", "noise"]
    np.testing.assert_allclose(
        np.log(np.square(list(found.deviations.values()))), best.x, atol=2e-3
    )


def test_without_embedding():
    X, y, _ = materials()
    found = fit_covariance(X, y, prior=PRIOR, functional="r2SCAN")
    assert list(found.deviations) == ["own", "table", "noise"]


def test_an_unseen_element_follows_its_neighbors():
    symbols = ["La", "Pr", "Nd", "Sm", "Gd", "Tb", "O"]
    X = np.zeros((60, 94))
    rng = np.random.default_rng(1)
    for row in X:
        row[INDEX["O"]] = rng.uniform(0.1, 0.9)
        row[INDEX[symbols[rng.integers(6)]]] = 1 - row[INDEX["O"]]
    w = PRIOR + np.where(np.isin(SYMBOLS, symbols[:-1]), 0.5, 0.0)
    found = fit(X, X @ w + 0.01 * rng.normal(size=60))
    moved = found.energies - PRIOR
    assert moved[INDEX["Eu"]] == pytest.approx(0.5, abs=0.15)
    assert abs(moved[INDEX["F"]]) < 0.2
    assert found.errors[INDEX["La"]] < found.errors[INDEX["Eu"]] < found.errors[INDEX["Pu"]]


def test_frames_of_one_material_count_once():
    X, y, _ = materials()
    once, often = fit(X, y), fit(np.repeat(X, 5, axis=0), np.repeat(y, 5), n_materials=len(X))
    np.testing.assert_allclose(often.energies, once.energies, atol=1e-5)
    np.testing.assert_allclose(often.errors, once.errors, rtol=1e-3)


def test_leaving_out_follows_the_covariance():
    X, y, groups = materials(n=30)
    whole = fit(X, y)
    found = leave_one_out(X, y, groups, whole)
    left = y - X @ PRIOR
    for row in range(len(X)):
        kept = np.arange(len(X)) != row
        normal = X[kept].T @ X[kept] + whole.penalty
        occurs = np.diag(whole.penalty) > 0
        w = np.zeros(94)
        w[occurs] = np.linalg.solve(
            normal[np.ix_(occurs, occurs)], (X[kept].T @ left[kept])[occurs]
        )
        assert found.prediction[row] == pytest.approx(X[row] @ (PRIOR + w), abs=1e-8)


@pytest.mark.parametrize("all_of_them", [True, False])
def test_energies_from_another_zero(all_of_them):
    X, y, _ = materials(n=80)
    occurring = np.flatnonzero(X.any(axis=0))
    moved = occurring if all_of_them else occurring[:3]
    zero = np.zeros(94)
    zero[moved] = -500.0 - 10.0 * np.arange(len(moved))
    found = fit(X, y + X @ zero)
    assert set(found.off_scale) == {SYMBOLS[i] for i in moved}
    if all_of_them:
        plain = fit_lstsq(X, y + X @ zero, functional="r2SCAN")
        np.testing.assert_allclose(found.energies[moved], plain.energies[moved], atol=1e-5)
    else:
        # An element without a prior is one whose prior is very wide.
        wide = fit(X, y + 1.5 * X @ zero)
        others = np.setdiff1d(occurring, moved)
        np.testing.assert_allclose(wide.energies[others], found.energies[others], atol=1e-4)
    assert np.isfinite(found.energies).all()


def test_file_keeps_errors(tmp_path):
    X, y, _ = materials()
    found = fit(X, y)
    found.write(tmp_path / "one.json")
    again = AtomRef.read(tmp_path / "one.json")
    assert again.deviations == pytest.approx(found.deviations)
    np.testing.assert_allclose(again.errors, found.errors)
    assert again.strength is None


def test_exact_energies_and_a_single_frame():
    X, _, _ = materials()
    exact = fit(X, X @ PRIOR)
    np.testing.assert_allclose(exact.energies, PRIOR, atol=1e-6)
    one = fit(X[:1], X[:1] @ PRIOR + 0.2)
    assert np.isfinite(one.energies).all()
