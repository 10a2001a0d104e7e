"""The Huber fit against scipy's minimizer, and against what it is for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special

from core.reference.fits.atomref import AtomRef, fit_huber, fit_lstsq
from core.reference.fits.robust import curvature, robust_scale, score
from tests.reference.generated_materials import made


@pytest.mark.parametrize("seed", range(4))
def test_minimizes_hubers_loss_at_its_scale(seed):
    X, y, _, _ = made(seed, n=300, elements=10)
    y[::15] += np.random.default_rng(seed).normal(0, 20, len(y[::15]))
    fit = fit_huber(X, y, functional="PBE")
    seen = X.any(axis=0)
    turn = 1.345 * fit.scale

    def loss(w):
        error = y - X[:, seen] @ w
        return special.huber(turn, error).sum(), -X[:, seen].T @ np.clip(error, -turn, turn)

    found = optimize.minimize(
        loss, fit.energies[seen] + 0.5, jac=True, method="BFGS", options={"gtol": 1e-9}
    )
    np.testing.assert_allclose(fit.energies[seen], found.x, atol=1e-5)
    assert (fit.energies[~seen] == 0).all()
    error = y - X @ fit.energies
    assert fit.scale == pytest.approx(np.median(np.abs(error)) / 0.67449, rel=1e-4)
    np.testing.assert_allclose(loss(fit.energies[seen])[1], 0, atol=1e-5)


def test_outliers_do_not_decide():
    X, y, _, truth = made(1, n=500, elements=10, noise=0.1)
    y[::10] += 40
    seen = X.any(axis=0)
    robust = fit_huber(X, y, functional="PBE").energies - truth
    plain = fit_lstsq(X, y, functional="PBE").energies - truth
    assert np.abs(robust[seen]).max() < 0.2 * np.abs(plain[seen]).max()


@pytest.mark.parametrize("seed", range(20))
def test_settles_where_elements_are_rare_and_tails_heavy(seed):
    X, _, _, truth = made(seed, n=150, elements=60)
    y = X @ truth + np.random.default_rng(seed).standard_t(1.5, len(X))
    fit = fit_huber(X, y, functional="PBE")
    slope = X.T @ np.clip(y - X @ fit.energies, -1.345 * fit.scale, 1.345 * fit.scale)
    np.testing.assert_allclose(slope, 0, atol=1e-7)


def test_exact_data_and_lone_elements():
    X, _, _, truth = made(2, n=60, elements=6)
    absent = int(np.flatnonzero(~X.any(axis=0))[0])
    X[3] *= 0.5
    X[3, absent] = 0.5
    seen = X.any(axis=0)
    fit = fit_huber(X, X @ truth, functional="PBE")
    np.testing.assert_allclose(fit.energies[seen], truth[seen], atol=1e-8)
    noisy = X @ truth + np.random.default_rng(0).normal(0, 0.3, 60)
    fit = fit_huber(X, noisy, functional="PBE")
    assert noisy[3] == pytest.approx(fit.contribution(X[3]), abs=1e-7)
    others = np.delete(np.abs(noisy - fit.contribution(X)), 3)
    assert fit.scale == pytest.approx(np.median(others) / 0.67449, rel=1e-4)


def test_dependent_columns_give_the_shortest_solution():
    X = np.zeros((7, 94))
    X[:, [10, 16]] = 0.5
    fit = fit_huber(X, np.array([-4.0, -4.1, -3.9, -4.05, -3.95, -4.0, 30]), functional="PBE")
    assert fit.energies[10] == pytest.approx(fit.energies[16])
    assert fit.energies[10] == pytest.approx(-4.0, abs=0.1)
    assert fit.rank == 1


@settings(max_examples=15)
@given(st.integers(0, 1000))
def test_order_and_unit_do_not_matter(seed):
    X, y, _, _ = made(seed, n=120, elements=6)
    order = np.random.default_rng(seed).permutation(len(y))
    fit = fit_huber(X, y, functional="PBE")
    other = fit_huber(X[order], 2 * y[order], functional="PBE")
    np.testing.assert_allclose(other.energies, 2 * fit.energies, atol=1e-5)
    assert other.scale == pytest.approx(2 * fit.scale, rel=1e-5)


def test_derivatives_of_the_loss():
    error = np.array([-5.0, -1.0, 0.5, 9.0])
    np.testing.assert_array_equal(score(error, None), error)
    np.testing.assert_array_equal(curvature(error, None), np.ones(4))
    np.testing.assert_allclose(score(error, 2.0), [-2.69, -1.0, 0.5, 2.69])
    np.testing.assert_array_equal(curvature(error, 2.0), [0, 1, 1, 0])
    assert robust_scale(np.array([0.0, 0.0, 0.0, 1.0, -1.0])) == pytest.approx(1.4826, rel=1e-4)


def test_the_file_keeps_the_scale():
    X, y, _, _ = made(3)
    fit = fit_huber(X, y, functional="PBE")
    back = AtomRef.from_json(fit.to_json())
    assert (back.method, back.scale) == ("huber", fit.scale)
