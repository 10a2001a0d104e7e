"""Fits of energies that count from another zero: a constant per element changes AtomRef alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.elements import INDEX, N_ELEMENTS
from core.reference.fits.atomref import AtomRef, fit_lstsq, fit_pulled, fit_residual
from core.reference.fits.facts import functional_shift
from core.reference.fits.leave_one_out import leave_one_out
from core.reference.fits.prior_comparison import compare_priors
from core.reference.fits.scale import limits, scale_gap, scale_note
from core.reference.fits.strength import strength_curve

HARTREE = 27.211386


def materials(seed, *, n=150, elements=12, rare=True):
    """Compositions of three elements each, their energies, and a prior that is nearly right."""
    rng = np.random.default_rng(seed)
    chosen = rng.choice(N_ELEMENTS, elements, replace=False)
    X = np.zeros((n, N_ELEMENTS))
    for row in X:
        row[rng.choice(chosen[1:] if rare else chosen, 3, replace=False)] = rng.integers(1, 5, 3)
    if rare:
        X[:3, chosen[0]] = 2
    X /= X.sum(axis=1, keepdims=True)
    prior = rng.uniform(-12, -1, N_ELEMENTS)
    y = X @ (prior + rng.normal(0, 0.4, N_ELEMENTS)) + rng.normal(0, 0.06, n)
    return X, y, prior


def fit(X, y, prior, strength=1e-2):
    return fit_pulled(X, y, prior=prior, strength=strength, functional="r2SCAN")


def all_electron(seed):
    """Constants between those of CP2K's pseudopotentials and of all electrons, eV."""
    return -(10 ** np.random.default_rng([seed, 1]).uniform(2.4, 4.6, N_ELEMENTS))


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_a_constant_per_element_moves_the_references_by_itself(seed):
    X, y, prior = materials(seed)
    seen = X.any(axis=0)
    one, other = all_electron(seed), all_electron(seed + 1)
    first, second = fit(X, y + X @ one, prior), fit(X, y + X @ other, prior)
    np.testing.assert_allclose(
        (first.energies - one)[seen], (second.energies - other)[seen], atol=1e-6
    )
    assert len(first.off_scale) == seen.sum()
    # what least squares finds, the closest to the prior of its solutions
    plain = fit_lstsq(X, y + X @ one, functional="r2SCAN")
    np.testing.assert_allclose(first.energies[seen], plain.energies[seen], atol=1e-6)
    np.testing.assert_array_equal(first.energies[~seen], prior[~seen])
    # and as good a fit as with the pull, on the usual scale
    usual = fit(X, y, prior)
    assert usual.off_scale == {}
    misfits = [
        np.abs(energies - X @ found.energies).mean()
        for found, energies in ((usual, y), (first, y + X @ one))
    ]
    assert misfits[1] == pytest.approx(misfits[0], rel=0.05)


@pytest.mark.parametrize("elements", [("O",), ("O", "Co")])
def test_elements_on_the_priors_scale_keep_their_pull(elements):
    X, y, prior = materials(3, rare=False)
    occurring = np.flatnonzero(X.any(axis=0))
    off = occurring[: len(elements)]
    constants = np.zeros(N_ELEMENTS)
    constants[off] = -2041.8
    found = fit(X, y + X @ constants, prior, strength=0.5)
    assert len(found.off_scale) == len(off)
    np.testing.assert_array_equal(np.flatnonzero(found.free), np.sort(off))
    kept = np.setdiff1d(occurring, off)
    # by the normal equations
    penalty = np.full(N_ELEMENTS, 0.5)
    penalty[off] = 0
    A = X.T @ X + np.diag(penalty)
    expected = np.linalg.solve(
        A[np.ix_(occurring, occurring)], (X.T @ (y + X @ constants) + penalty * prior)[occurring]
    )
    np.testing.assert_allclose(found.energies[occurring], expected, atol=1e-6)
    assert (
        np.abs((found.energies - constants)[kept] - fit(X, y, prior, 0.5).energies[kept]).max()
        < 0.1
    )


def test_one_composition_only():
    """Frames of LiCoO2 determine one sum of references; the rest stays where the prior is."""
    symbols = [INDEX[symbol] for symbol in ("Li", "Co", "O")]
    X = np.zeros((40, N_ELEMENTS))
    X[:, symbols] = [0.25, 0.25, 0.5]
    prior = np.full(N_ELEMENTS, -5.0)
    noise = np.random.default_rng(0).normal(0, 0.02, 40)
    total = -10_300.0
    found = fit(X, total + noise, prior)
    assert np.abs(found.contribution(X) - (total + noise)).mean() < 0.03
    departure = found.energies[symbols] - prior[symbols]
    np.testing.assert_allclose(departure / departure[0], [1, 1, 2], rtol=1e-9)


@pytest.mark.parametrize("symbol", ["H", "O", "Fe", "Pu"])
def test_no_functional_of_one_set_of_pseudopotentials_is_another_scale(symbol):
    shift = functional_shift("matpes", "atom")[INDEX[symbol]]
    assert limits()[INDEX[symbol]] > abs(shift) + 9
    assert np.isfinite(limits()).all()


def test_many_functional_shifts_keep_the_pull():
    X, y, prior = materials(5)
    shift = np.nan_to_num(functional_shift("matpes", "atom"))
    assert np.isnan(scale_gap(X, y + X @ shift - X @ prior)).all()


def test_nearly_dependent_compositions_are_no_other_scale():
    rng = np.random.default_rng(2)
    X = np.zeros((30, N_ELEMENTS))
    X[:, [2, 26, 7]] = np.array([1, 1, 2]) + rng.normal(0, 2e-3, (30, 3))
    X /= X.sum(axis=1, keepdims=True)
    assert np.isnan(scale_gap(X, 2 + rng.normal(0, 0.2, 30))).all()


def test_residual_takes_the_same_way():
    X, y, prior = materials(8)
    interaction = np.random.default_rng(0).normal(-1, 0.3, len(y))
    constants = all_electron(8)
    found = fit_residual(
        X, y + X @ constants + interaction, interaction, prior=prior, functional="PBE"
    )
    np.testing.assert_allclose(found.energies, fit(X, y + X @ constants, prior).energies, atol=1e-6)


def test_the_file_keeps_it():
    X, y, prior = materials(1)
    found = fit(X, y + X @ all_electron(1), prior)
    read = AtomRef.from_json(found.to_json())
    assert read.off_scale == pytest.approx(found.off_scale)
    assert "count from another zero" in read.scale_note
    assert scale_note({}) == ""
    assert "O by −2,042 eV, Li by −198 eV" in scale_note({"Li": -198.4, "O": -2041.8})


def test_leaving_out_agrees_with_fitting_again():
    X, y, prior = materials(4)
    energies = y + X @ all_electron(4)
    groups = np.arange(len(y)) // 2
    found = leave_one_out(X, energies, groups, fit(X, energies, prior))
    for material in (10, 40):
        out = groups == material
        again = fit(X[~out], energies[~out], prior)
        np.testing.assert_allclose(
            found.residual[out], energies[out] - again.contribution(X[out]), atol=1e-6
        )


def test_strengths_and_priors_are_compared_on_the_scale_of_the_data():
    X, y, prior = materials(6)
    groups, constants = np.arange(len(y)), all_electron(6)
    usual = strength_curve(X, y, groups, prior=prior)
    other = strength_curve(X, y + X @ constants, groups, prior=prior)
    assert other.best_mae < 1.5 * usual.best_mae
    plain = compare_priors(X, y, groups, {"prior": prior}, strength=1e-2, repeats=5)
    moved = compare_priors(X, y + X @ constants, groups, {"prior": prior}, strength=1e-2, repeats=5)
    assert moved.mae[0, -1] < 1.5 * plain.mae[0, -1]
