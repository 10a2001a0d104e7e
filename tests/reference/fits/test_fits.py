"""AtomRef fits against numpy, scipy and chgnet on the same frames."""

import mpmath
import numpy as np
import pytest
import scipy.linalg
from chgnet.model.composition_model import AtomRef as Stock
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

from core.elements import SYMBOLS
from core.errors import LabError
from core.reference.fits.atomref import fit_lstsq, fit_residual, fit_ridge


def compositions(seed, n=400, elements=30, largest=12):
    """Formulas of one to five elements, as fractions (n, 94)."""
    rng = np.random.default_rng(seed)
    chosen = rng.choice(94, elements, replace=False)
    X = np.zeros((n, 94))
    for row in X:
        k = rng.integers(1, min(5, elements) + 1)
        row[rng.choice(chosen, k, replace=False)] = rng.integers(1, largest + 1, k)
    return X / X.sum(axis=1, keepdims=True)


def labelled(seed, **kwargs):
    rng = np.random.default_rng(seed + 1)
    X = compositions(seed, **kwargs)
    return X, X @ rng.uniform(-90, 0, 94) + rng.normal(0, 0.5, len(X))


@pytest.mark.parametrize("seed", range(5))
def test_lstsq_is_numpys(seed):
    X, y = labelled(seed)
    fit = fit_lstsq(X, y, functional="r2SCAN")
    assert np.abs(fit.energies - np.linalg.lstsq(X, y)[0]).max() < 1e-9
    present = X[:, X.any(axis=0)]
    assert fit.rank == np.linalg.matrix_rank(present) == present.shape[1]
    assert fit.condition == pytest.approx(np.linalg.cond(present), rel=1e-9)
    assert fit.n == len(y)
    assert (fit.counts == (X > 0).sum(axis=0)).all()
    assert fit.functional == "r2SCAN"
    assert fit.method == "lstsq"


def test_a_rare_and_dilute_element_keeps_its_digits():
    X = compositions(0, n=3000)
    absent = int(np.flatnonzero(~X.any(axis=0))[0])
    X[7] *= 1 - 1e-4
    X[7, absent] = 1e-4
    truth = np.random.default_rng(1).uniform(-90, 0, 94)
    fit = fit_lstsq(X, X @ truth, functional="PBE")
    seen = fit.counts > 0
    np.testing.assert_allclose(fit.energies[seen], truth[seen], atol=1e-8)
    assert (fit.energies[~seen] == 0).all()
    assert fit.rare(2) == [SYMBOLS[absent]]


def test_dependent_columns_give_the_shortest_solution():
    X, _ = labelled(3, elements=8)
    cerium, oxygen = np.flatnonzero(X.any(axis=0))[[0, 5]]
    X = X[X[:, oxygen] > 0]
    X[:, cerium] = X[:, oxygen]
    X /= X.sum(axis=1, keepdims=True)
    y = X @ np.random.default_rng(4).uniform(-30, 0, 94)
    fit = fit_lstsq(X, y, functional="PBE")
    np.testing.assert_allclose(fit.energies, np.linalg.pinv(X) @ y, atol=1e-9)
    assert fit.energies[cerium] == pytest.approx(fit.energies[oxygen], abs=1e-9)
    assert fit.rank == np.linalg.matrix_rank(X) == 7
    assert fit.condition == np.inf


def test_fewer_frames_than_elements():
    X, y = labelled(5, n=6, elements=30)
    fit = fit_lstsq(X, y, functional="PBE")
    np.testing.assert_allclose(fit.energies, np.linalg.lstsq(X, y)[0], atol=1e-9)
    assert fit.rank == np.linalg.matrix_rank(X)


def test_lstsq_is_chgnets_to_float32():
    rng = np.random.default_rng(0)
    structures = []
    for _ in range(150):
        numbers = rng.choice([3, 8, 9, 16, 22, 25, 26, 27], rng.integers(1, 7))
        coords = rng.random((len(numbers), 3))
        structures.append(Structure(Lattice.cubic(8), numbers, coords))
    X = np.array([np.bincount([s.Z for s in one.species], minlength=95)[1:] for one in structures])
    X = X / X.sum(axis=1, keepdims=True)
    y = X @ rng.uniform(-12, -2, 94) + rng.normal(0, 0.3, len(X))
    stock = Stock(is_intensive=True)
    stock.fit(structures, y)
    theirs = stock.fc.weight.detach().numpy().ravel()
    fit = fit_lstsq(X, y, functional="GGA/GGA+U")
    seen = fit.counts > 0
    assert np.abs(theirs - fit.energies)[seen].max() < 2e-4
    assert np.abs(theirs - fit.energies)[~seen].max() < 1e-6


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 12))
def test_noiseless_references_come_back(seed, elements):
    X = compositions(seed, n=60, elements=elements)
    seen = np.flatnonzero(X.any(axis=0))
    X = np.concatenate([X, np.eye(94)[seen]])
    truth = np.zeros(94)
    truth[seen] = np.random.default_rng(seed).uniform(-90, 0, len(seen))
    fit = fit_lstsq(X, X @ truth, functional="PBE")
    np.testing.assert_allclose(fit.energies, truth, atol=1e-9)
    np.testing.assert_allclose(fit.contribution(X), X @ truth, atol=1e-9)


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_order_of_frames_does_not_matter(seed):
    X, y = labelled(seed, n=80, elements=10)
    order = np.random.default_rng(seed).permutation(len(y))
    prior = np.full(94, -5.0)
    one = fit_lstsq(X, y, functional="PBE")
    other = fit_lstsq(X[order], y[order], functional="PBE")
    np.testing.assert_allclose(one.energies, other.energies, atol=1e-8)
    one = fit_ridge(X, y, prior=prior, strength=0.1, functional="PBE")
    other = fit_ridge(X[order], y[order], prior=prior, strength=0.1, functional="PBE")
    np.testing.assert_allclose(one.energies, other.energies, atol=1e-8)


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.floats(1e-4, 1e3))
def test_ridge_is_its_closed_form(seed, strength):
    X, y = labelled(seed, n=50, elements=15)
    prior = np.random.default_rng(seed).uniform(-90, 0, 94)
    fit = fit_ridge(X, y, prior=prior, strength=strength, functional="r2SCAN")
    expected = scipy.linalg.solve(
        X.T @ X + strength * np.eye(94), X.T @ y + strength * prior, assume_a="pos"
    )
    np.testing.assert_allclose(fit.energies, expected, atol=1e-8)
    unseen = fit.counts == 0
    assert (fit.energies[unseen] == prior[unseen]).all()
    assert fit.strength == strength


@pytest.mark.parametrize("strength", [1e-4, 0.3, 1e3])
def test_ridge_and_residual_solve_the_block_system_in_forty_digits(strength):
    """[1 X; Xᵀ −strength] [residual; departure] = [y − X prior; 0], exactly."""
    X, y = labelled(13, n=40, elements=10)
    seen = np.flatnonzero(X.any(axis=0))
    rng = np.random.default_rng(2)
    prior = np.random.default_rng(14).uniform(-90, 0, 94) + rng.normal(0, 2, 94)
    interaction = rng.normal(-1, 0.5, len(y))
    n, p = len(y), len(seen)
    for left, fit in (
        (y, fit_ridge(X, y, prior=prior, strength=strength, functional="PBE")),
        (
            y - interaction,
            fit_residual(X, y, interaction, prior=prior, strength=strength, functional="PBE"),
        ),
    ):
        with mpmath.workdps(40):
            system = mpmath.eye(n + p)
            for i, j in np.argwhere(X[:, seen]):
                system[int(i), n + int(j)] = system[n + int(j), int(i)] = X[i, seen[j]]
            for j in range(p):
                system[n + j, n + j] = -strength
            right = mpmath.matrix([*(left - X @ prior).tolist(), *([0] * p)])
            departure = [float(one) for one in mpmath.lu_solve(system, right)[n:]]
        np.testing.assert_allclose(fit.energies[seen], prior[seen] + departure, atol=1e-9)


def test_ridge_goes_to_the_prior_and_to_lstsq():
    X, y = labelled(9, elements=12)
    prior = np.full(94, -7.0)
    strong = fit_ridge(X, y, prior=prior, strength=1e12, functional="PBE")
    np.testing.assert_allclose(strong.energies, prior, atol=1e-6)
    weak = fit_ridge(X, y, prior=prior, strength=1e-12, functional="PBE")
    plain = fit_lstsq(X, y, functional="PBE")
    seen = plain.counts > 0
    np.testing.assert_allclose(weak.energies[seen], plain.energies[seen], atol=1e-9)


def test_weak_ridge_of_dependent_columns_is_the_solution_nearest_the_prior():
    X = np.zeros((3, 94))
    X[:, [10, 16]] = 0.5
    prior = np.full(94, -1.0)
    prior[10] = -3.0
    fit = fit_ridge(X, np.full(3, -4.0), prior=prior, strength=1e-12, functional="PBE")
    np.testing.assert_allclose(fit.energies[[10, 16]], [-5.0, -3.0], atol=1e-6)
    assert fit.rank == 1


def test_residual_is_ridge_on_what_the_network_leaves():
    X, y = labelled(11)
    interaction = np.random.default_rng(0).normal(-1, 0.5, len(y))
    prior = np.random.default_rng(12).uniform(-90, 0, 94) + 3
    fit = fit_residual(X, y, interaction, prior=prior, functional="r2SCAN", prior_used="facts")
    normal = X.T @ X + 1e-2 * np.eye(94)
    expected = prior + np.linalg.solve(normal, X.T @ (y - interaction - X @ prior))
    np.testing.assert_allclose(fit.energies, expected, atol=1e-8)
    assert (fit.method, fit.prior_used, fit.strength) == ("residual", "facts", 1e-2)


def test_bad_input_is_one_sentence():
    X, y = labelled(1, n=5)
    y[3] = np.nan
    with pytest.raises(LabError, match=r"1 of 5 frames have no finite energy .* row 4"):
        fit_lstsq(X, y, functional="PBE")
    with pytest.raises(LabError, match="no frames"):
        fit_lstsq(X[:0], y[:0], functional="PBE")
    with pytest.raises(LabError, match="strength is 0"):
        fit_ridge(X[:3], y[:3], prior=np.zeros(94), strength=0, functional="PBE")
    with pytest.raises(LabError, match="94 finite"):
        fit_ridge(X[:3], y[:3], prior=np.full(94, np.nan), strength=1, functional="PBE")
