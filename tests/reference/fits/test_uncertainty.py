"""Standard errors and intervals: against the jackknife done by hand, and by their coverage."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from core.frames.registry import open_dataset
from core.reference.fits.atomref import fit_huber, fit_lstsq, fit_ridge
from core.reference.fits.uncertainty import bootstrap, margins, material_counts, standard_errors
from tests.reference.generated_materials import made


def lstsq(X, y):
    return fit_lstsq(X, y, functional="r2SCAN")


@pytest.mark.parametrize("frames", [1, 3])
def test_standard_errors_are_the_jackknife(frames):
    X, y, groups, _ = made(2, n=70, elements=9, frames=frames, spread=True)
    fit = lstsq(X, y)
    found = standard_errors(fit, X, y, groups)
    without = np.array([lstsq(X[groups != g], y[groups != g]).energies for g in np.unique(groups)])
    seen = fit.counts > 0
    expected = np.sqrt(69 / 70 * ((without - fit.energies) ** 2).sum(axis=0))
    np.testing.assert_allclose(found[seen], expected[seen], rtol=1e-8)
    assert np.isnan(found[~seen]).all()


def test_a_mean_has_the_error_that_everybody_knows():
    X = np.zeros((25, 94))
    X[:, 3] = 1.0
    y = np.random.default_rng(0).normal(-4, 1, 25)
    errors = standard_errors(lstsq(X, y), X, y)
    assert errors[3] == pytest.approx(stats.sem(y))
    low, high = stats.t.interval(0.95, 24, loc=y.mean(), scale=stats.sem(y))
    counts = material_counts(X, None)
    assert margins(errors, counts)[3] == pytest.approx((high - low) / 2)
    found = bootstrap(X, y, None, fit=lstsq(X, y), n=20_000)
    assert found.high[3] - found.low[3] == pytest.approx(high - low, rel=0.05)


def test_what_the_data_leave_open_is_not_a_number():
    X, y, groups, _ = made(4, n=60, elements=8)
    single, first, second = np.flatnonzero(~X.any(axis=0))[:3]
    X[5] *= 0.5
    X[5, single] = 0.5
    X[6:10] *= 0.5
    X[6:10, [first, second]] = 0.25
    fit = lstsq(X, y)
    errors = standard_errors(fit, X, y, groups)
    found = bootstrap(X, y, groups, fit=fit, n=50)
    pulled = fit_ridge(X, y, prior=np.zeros(94), strength=1e-2, functional="PBE")
    for values in (errors, found.low, found.high):
        assert np.isnan(values[[single, first, second]]).all()
        known = np.setdiff1d(np.flatnonzero(fit.counts), [single, first, second])
        assert np.isfinite(values[known]).all()
    errors = standard_errors(pulled, X, y, groups)
    assert np.isnan(errors[single])
    assert np.isfinite(errors[[first, second]]).all()
    assert material_counts(X, groups)[[single, first]].tolist() == [1, 4]


def test_bootstrap_repeats_and_tells_how_far_it_is():
    X, y, groups, _ = made(6, n=50, elements=6)
    told = []

    def tell(share, _):
        told.append(share)

    one = bootstrap(X, y, groups, fit=lstsq(X, y), n=130, seed=3, progress=tell)
    two = bootstrap(X, y, groups, fit=lstsq(X, y), n=130, seed=3)
    np.testing.assert_array_equal(one.low, two.low)
    other = bootstrap(X, y, groups, fit=lstsq(X, y), n=130, seed=4)
    assert not np.array_equal(one.low, other.low, equal_nan=True)
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert (one.level, one.n, one.seed) == (0.95, 130, 3)


@settings(max_examples=15)
@given(st.integers(0, 1000), st.integers(1, 3))
def test_order_and_unit_do_not_matter(seed, frames):
    X, y, groups, _ = made(seed, n=40, elements=7, frames=frames)
    order = np.random.default_rng(seed).permutation(len(y))
    one = standard_errors(lstsq(X, y), X, y, groups)
    other = standard_errors(lstsq(X[order], y[order]), X[order], y[order], groups[order])
    twice = standard_errors(lstsq(X, 2 * y), X, 2 * y, groups)
    np.testing.assert_allclose(other, one, rtol=1e-6)
    np.testing.assert_allclose(twice, 2 * one, rtol=1e-6)
    narrow = bootstrap(X, y, groups, fit=lstsq(X, y), n=40)
    wide = bootstrap(X, 2 * y, groups, fit=lstsq(X, 2 * y), n=40)
    np.testing.assert_allclose(wide.high, 2 * narrow.high, rtol=1e-6)


def test_repeated_frames_make_nothing_surer():
    X, y, groups, _ = made(8, n=60, elements=7)
    once = standard_errors(lstsq(X, y), X, y, groups)
    X3, y3, groups3 = (np.repeat(one, 3, axis=0) for one in (X, y, groups))
    thrice = standard_errors(lstsq(X3, y3), X3, y3, groups3)
    np.testing.assert_allclose(thrice, once, rtol=1e-8)


def test_huber_is_surer_of_data_with_outliers():
    X, y, groups, _ = made(10, n=400, elements=8)
    y[::25] += 15
    plain = standard_errors(lstsq(X, y), X, y, groups)
    robust = standard_errors(fit_huber(X, y, functional="PBE"), X, y, groups)
    seen = np.isfinite(plain)
    assert (robust[seen] < 0.5 * plain[seen]).all()


@pytest.mark.parametrize(
    ("method", "frames", "sets"), [("lstsq", 1, 30), ("lstsq", 3, 20), ("ridge", 1, 20)]
)
def test_intervals_hold_the_truth(method, frames, sets):
    """Residuals are skewed, shared by a material's frames, and differ from element to element."""
    compositions = open_dataset("mp-structures").fractions()
    inside_margin, inside_interval = [], []
    for seed in range(sets):
        rng = np.random.default_rng([seed, frames])
        X = compositions[rng.choice(len(compositions), 400, replace=False)]
        size = X @ (0.2 + 0.6 * rng.random(94))
        shared = size * (rng.gamma(4, 1, len(X)) - 4) / 2
        X, shared = np.repeat(X, frames, axis=0), np.repeat(shared, frames)
        groups = np.repeat(np.arange(400), frames)
        truth = rng.uniform(-90, -1, 94)
        y = X @ truth + shared + 0.1 * rng.normal(size=len(X))
        if method == "lstsq":
            fit = lstsq(X, y)
        else:
            prior = truth + rng.normal(size=94)
            fit = fit_ridge(X, y, prior=prior, strength=1e-2, functional="r2SCAN")
        counts = material_counts(X, groups)
        known = counts >= 10
        margin = margins(standard_errors(fit, X, y, groups), counts)
        found = bootstrap(X, y, groups, fit=fit, n=200, seed=seed)
        inside_margin.append((np.abs(fit.energies - truth) <= margin)[known])
        inside_interval.append(((found.low <= truth) & (truth <= found.high))[known])
    for inside in (inside_margin, inside_interval):
        assert 0.93 < np.concatenate(inside).mean() < 0.98


def test_intervals_of_huber_fits_hold_the_truth():
    """Residuals are symmetric with heavy tails; skewed ones have another centre for Huber."""
    compositions = open_dataset("mp-structures").fractions()
    inside_margin, inside_interval = [], []
    for seed in range(10):
        rng = np.random.default_rng([seed, 9])
        X = compositions[rng.choice(len(compositions), 400, replace=False)]
        truth = rng.uniform(-90, -1, 94)
        y = X @ truth + (X @ (0.2 + 0.6 * rng.random(94))) * rng.standard_t(3, len(X))
        fit = fit_huber(X, y, functional="r2SCAN")
        counts = material_counts(X, None)
        known = counts >= 10
        margin = margins(standard_errors(fit, X, y), counts)
        found = bootstrap(X, y, None, fit=fit, n=200, seed=seed)
        inside_margin.append((np.abs(fit.energies - truth) <= margin)[known])
        inside_interval.append(((found.low <= truth) & (truth <= found.high))[known])
    for inside in (inside_margin, inside_interval):
        assert 0.93 < np.concatenate(inside).mean() < 0.99
