"""Strength by cross-validation against refits fold by fold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import LabError
from core.reference.fits.atomref import fit_lstsq, fit_residual, fit_ridge
from core.reference.fits.folds import folds
from core.reference.fits.strength import STRENGTHS, strength_curve
from tests.reference.generated_materials import made


def held_out(X, y, groups, fit, *, k=5, seed=0):
    fold = folds(groups, k=k, seed=seed)
    error = np.empty(len(y))
    for one in range(k):
        out = fold == one
        error[out] = y[out] - fit(X[~out], y[~out]).contribution(X[out])
    return error, fold


@pytest.mark.parametrize("frames", [1, 3])
def test_is_what_refits_say(frames):
    X, y, groups, truth = made(1, n=90, elements=10, frames=frames, spread=True)
    prior = truth + np.random.default_rng(0).normal(0, 1, 94)
    tried = np.array([1e-3, 0.1, 10.0])
    curve = strength_curve(X, y, groups, prior=prior, strengths=tried, seed=4)
    for i, strength in enumerate(tried):
        error, fold = held_out(
            X,
            y,
            groups,
            lambda a, b, s=strength: fit_ridge(a, b, prior=prior, strength=s, functional="PBE"),
            seed=4,
        )
        assert curve.mae[i] == pytest.approx(np.abs(error).mean())
        assert curve.rmse[i] == pytest.approx(np.sqrt((error**2).mean()))
        each = [np.abs(error[fold == one]).mean() for one in range(5)]
        assert curve.mae_error[i] == pytest.approx(np.std(each, ddof=1) / np.sqrt(5))
        each = [np.sqrt((error[fold == one] ** 2).mean()) for one in range(5)]
        assert curve.rmse_error[i] == pytest.approx(np.std(each, ddof=1) / np.sqrt(5))
    error, _ = held_out(X, y, groups, lambda a, b: fit_lstsq(a, b, functional="PBE"), seed=4)
    assert curve.lstsq_mae == pytest.approx(np.abs(error).mean())
    assert curve.prior_mae == pytest.approx(np.abs(y - X @ prior).mean())
    assert (curve.k, curve.seed, curve.n) == (5, 4, len(y))


def test_works_for_residual():
    X, y, groups, truth = made(2, n=60, elements=6)
    interaction = np.random.default_rng(0).normal(-1, 0.5, len(y))
    curve = strength_curve(X, y - interaction, groups, prior=truth, strengths=np.array([0.2]))
    error = np.empty(len(y))
    fold = folds(groups)
    for one in range(5):
        out = fold == one
        fit = fit_residual(
            X[~out], y[~out], interaction[~out], prior=truth, strength=0.2, functional="PBE"
        )
        error[out] = y[out] - interaction[out] - fit.contribution(X[out])
    assert curve.mae[0] == pytest.approx(np.abs(error).mean())


def test_a_good_prior_wants_a_strong_pull_and_a_bad_one_a_weak_one():
    X, y, groups, truth = made(3, n=60, elements=20, noise=1.0)
    good = strength_curve(X, y, groups, prior=truth)
    bad = strength_curve(X, y, groups, prior=truth + 30)
    assert good.best > 1
    assert bad.best < 0.1
    assert good.best_mae == good.mae.min()
    assert good.best_mae < good.lstsq_mae
    for curve in (good, bad):
        assert curve.cautious >= curve.best
        best = int(np.argmin(curve.mae))
        at = int(np.flatnonzero(curve.strengths == curve.cautious)[0])
        assert curve.mae[at] <= curve.mae[best] + curve.mae_error[best]
        np.testing.assert_array_equal(curve.strengths, STRENGTHS)


@settings(max_examples=10)
@given(st.integers(0, 1000))
def test_order_and_unit_do_not_matter(seed):
    X, y, groups, truth = made(seed, n=40, elements=6)
    order = np.random.default_rng(seed).permutation(len(y))
    one = strength_curve(X, y, groups, prior=truth)
    other = strength_curve(X[order], 2 * y[order], groups[order], prior=2 * truth)
    np.testing.assert_allclose(other.mae, 2 * one.mae, rtol=1e-6)
    np.testing.assert_allclose(other.rmse, 2 * one.rmse, rtol=1e-6)


def test_bad_input_and_progress():
    X, y, groups, truth = made(0, n=30)
    told = []
    strength_curve(X, y, groups, prior=truth, progress=lambda share, _: told.append(share))
    assert told[-1] == 1.0
    assert told == sorted(told)
    for strengths in ([], [0.0, 1.0], [2.0, 1.0], [1.0, np.inf]):
        with pytest.raises(LabError, match="must rise from above 0"):
            strength_curve(X, y, groups, prior=truth, strengths=np.array(strengths))
    with pytest.raises(LabError, match="choose a larger data set"):
        strength_curve(X[:3], y[:3], groups[:3], prior=truth)
