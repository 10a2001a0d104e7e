"""Fits of scaling laws against numpy and scipy, their intervals, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from core.errors import LabError
from core.scaling.law import Law, fit_law
from core.scaling.points import ScalingPoints
from tests.scaling.generated_points import SIZES, generated, with_frames


def points_of(n_frames, error, seed=None):
    n_frames = np.array(n_frames, float)
    return ScalingPoints(
        n_frames=n_frames,
        error=np.array(error, float),
        seed=np.arange(len(n_frames)) if seed is None else np.array(seed),
    )


def shuffled(points, order):
    return replace(
        points,
        n_frames=points.n_frames[order],
        error=points.error[order],
        seed=points.seed[order],
    )


def test_power_law_is_numpys_straight_line_through_all_points():
    """Also where sizes have unequal numbers of seeds."""
    rng = np.random.default_rng(0)
    whole = generated(rng, noise=0.1)
    points = whole.select(rng.random(len(whole.error)) < 0.8)
    law = fit_law(points, min_frames=100)
    used = points.n_frames >= 100
    x, y = np.log(points.n_frames[used]), np.log(points.error[used])
    slope, intercept = np.polyfit(x, y, 1)
    assert law.exponent == pytest.approx(-slope, abs=1e-10)
    assert law.amplitude == pytest.approx(np.exp(intercept), rel=1e-9)
    assert law.r2 == pytest.approx(np.corrcoef(x, y)[0, 1] ** 2, abs=1e-10)
    assert (law.n, law.n_sizes, law.min_frames) == (used.sum(), 5, 100)
    assert (law.smallest, law.largest, law.unit) == (100, 1600, "meV/atom")
    at = np.array([10.0, 5000.0])
    np.testing.assert_allclose(law.predict(at), np.exp(np.polyval([slope, intercept], np.log(at))))


def test_intervals_of_one_model_a_size_are_students():
    points = generated(np.random.default_rng(1), seeds=1, noise=0.08)
    x, y = np.log(points.n_frames), np.log(points.error)
    line = stats.linregress(x, y)
    law = fit_law(points, replicates=40_000)
    t = stats.t.ppf(0.975, len(x) - 2)
    low, high = law.exponent_interval()
    assert (low, high) == pytest.approx(
        (-line.slope - t * line.stderr, -line.slope + t * line.stderr), abs=0.03 * line.stderr * t
    )
    end = np.log(6400)
    rest = y - line.intercept - line.slope * x
    error = np.sqrt(rest @ rest / 4 * (1 / 6 + (end - x.mean()) ** 2 / ((x - x.mean()) ** 2).sum()))
    lower, upper = law.band(np.array([6400.0]))
    assert np.log(upper / lower)[0] == pytest.approx(2 * t * error, rel=0.03)


def test_seeds_that_differ_everywhere_widen_the_curve_by_students_interval_of_their_mean():
    """Without other noise the exponent is sure and the curve known as the mean of three seeds."""
    offsets = np.array([-0.05, 0.02, 0.06])
    sizes = np.array(SIZES)
    rng = np.random.default_rng(2)
    log_errors = 6 - 0.3 * np.log(sizes)[:, None] + offsets + 1e-5 * rng.standard_normal((6, 3))
    points = points_of(np.repeat(sizes, 3), np.exp(log_errors).ravel(), np.tile([0, 1, 2], 6))
    law = fit_law(points, replicates=40_000)
    low, high = law.exponent_interval()
    assert high - low < 1e-3
    lower, upper = law.band(sizes[-1:])
    expected = 2 * stats.t.ppf(0.975, 2) * offsets.std(ddof=1) / np.sqrt(3)
    assert np.log(upper / lower)[0] == pytest.approx(expected, rel=0.05)
    unknown = replace(points, seed=np.arange(18))
    lower, upper = fit_law(unknown).band(sizes[-1:])
    assert np.log(upper / lower)[0] < expected


def test_floor_is_found_again_and_is_scipys_best():
    rng = np.random.default_rng(3)
    exact = generated(rng, a=1000, b=0.5, c=20, noise=0, seeds=1)
    law = fit_law(exact, form="offset", replicates=10)
    assert (law.amplitude, law.exponent, law.floor) == pytest.approx((1000, 0.5, 20), rel=1e-4)
    assert law.r2 == pytest.approx(1)
    for _ in range(5):
        points = generated(rng, a=1000, b=0.5, c=20, noise=0.05)
        law = fit_law(points, form="offset", replicates=10)
        x, y = np.log(points.n_frames), np.log(points.error)

        def rest(curve, x=x, y=y):
            return y - np.log(np.exp(curve[0] - curve[1] * x) + curve[2])

        best = min(
            optimize.least_squares(
                rest, [6, b, c], bounds=([-20, -5, 0], [40, 8, points.error.min()])
            ).cost
            for b in (0.3, 0.6)
            for c in (0.1, 15)
        )
        mine = rest((np.log(law.amplitude), law.exponent, law.floor))
        assert mine @ mine / 2 <= best * (1 + 1e-6)
        assert 0 <= law.floor < points.error.min()
        assert law.r2 == pytest.approx(1 - mine @ mine / ((y - y.mean()) ** 2).sum())
        low, high = law.floor_interval()
        assert 0 <= low <= law.floor <= high


def test_frames_drawn_by_material_move_all_points_alike():
    """Where all models err on the same frames, only the level is unsure, by the materials' mean."""
    rng = np.random.default_rng(4)
    points = generated(rng, noise=0)
    points = with_frames(rng, points, own=0.0, materials=200, difficulty=0.5)
    law = fit_law(points, replicates=4000)
    low, high = law.exponent_interval()
    assert high - low < 1e-6
    sums = np.bincount(points.materials, points.totals[0])
    error = sums.std(ddof=1) / sums.mean() / np.sqrt(len(sums))
    lower, upper = law.band(np.array([1600.0]))
    assert np.log(upper / lower)[0] == pytest.approx(2 * 1.96 * error, rel=0.05)
    each = fit_law(replace(points, materials=None), replicates=1000)
    lower, upper = each.band(np.array([1600.0]))
    assert np.log(upper / lower)[0] < 2 * 1.96 * error
    one = replace(points, materials=np.zeros(len(points.materials), int))
    assert np.ptp(fit_law(one).replicates[:, 0]) < 1e-6


def test_what_a_law_answers():
    draws = np.array([[np.log(400), 0.5, 0], [np.log(400), 0.5, 10], [np.log(400), -0.1, 0]])
    law = Law(
        form="offset",
        amplitude=400.0,
        exponent=0.5,
        floor=4.0,
        r2=1.0,
        n=6,
        n_sizes=6,
        min_frames=0,
        smallest=50.0,
        largest=1600.0,
        unit="meV/atom",
        replicates=draws,
    )
    assert law.falls
    assert law.frames_for(24) == pytest.approx(400)
    assert law.frames_for(4) == np.inf
    np.testing.assert_allclose(law.frames_for_replicates(20), [400, 1600, np.inf])
    assert law.frames_interval(20) == (pytest.approx(400), np.inf)
    assert law.probability(400, 20) == pytest.approx(1 / 3)
    assert law.probability(1600, 20) == pytest.approx(2 / 3)
    np.testing.assert_allclose(law.predict([400]), [24])


@pytest.mark.parametrize(
    ("sizes", "options", "words"),
    [
        ([100, 100, 400], {}, "needs 3 sizes and there are 2; train at more sizes"),
        ([100], {}, "there is 1;"),
        ([100, 200, 300], {}, "over a factor of 4 and these span 3 (100 to 300)"),
        (SIZES, {"min_frames": 800}, "2 from 800 frames on; train at more sizes or lower"),
        (SIZES[:4], {"form": "offset"}, "with a floor needs 5 sizes"),
        ([100, 150, 200, 300, 500], {"form": "offset"}, "over a factor of 10"),
    ],
)
def test_refusals(sizes, options, words):
    with pytest.raises(LabError) as refused:
        fit_law(points_of(sizes, np.linspace(9, 5, len(sizes))), **options)
    message = str(refused.value)
    assert words in message
    assert message.endswith(".")
    assert "\n" not in message


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_errors_that_have_no_logarithm_are_refused(bad):
    with pytest.raises(LabError, match="above 0"):
        fit_law(points_of([50, 100, 200, 400], [9, bad, 6, 5]))


def test_an_error_that_does_not_fall_is_told():
    law = fit_law(points_of([50, 100, 200, 400], [5, 6, 6, 7]))
    assert not law.falls
    assert law.frames_for(5) == np.inf
    assert fit_law(points_of([50, 100, 200, 400], [5, 5, 5, 5])).exponent == pytest.approx(0)


made = st.builds(
    lambda seed, seeds, noise, by_seed: generated(
        np.random.default_rng(seed), seeds=seeds, noise=noise, by_seed=by_seed
    ),
    st.integers(0, 10_000),
    st.integers(1, 4),
    st.floats(0.01, 0.2),
    st.floats(0, 0.1),
)


@settings(max_examples=25)
@given(made, st.floats(1e-4, 1e4), st.sampled_from(["power", "offset"]))
def test_a_factor_scales_the_amplitude_and_leaves_the_exponent(points, factor, form):
    law = fit_law(points, form=form, replicates=100)
    other = fit_law(replace(points, error=points.error * factor), form=form, replicates=100)
    assert other.exponent == pytest.approx(law.exponent, abs=1e-3)
    assert other.amplitude / factor == pytest.approx(law.amplitude, rel=1e-2)
    assert other.floor / factor == pytest.approx(law.floor, abs=1e-2 * points.error.min())
    assert other.r2 == pytest.approx(law.r2, abs=1e-6)
    if form == "power":
        np.testing.assert_allclose(other.exponent_interval(), law.exponent_interval(), rtol=1e-6)


@settings(max_examples=25)
@given(made, st.randoms(use_true_random=False), st.integers(1, 1000))
def test_the_order_of_points_and_the_numbers_of_seeds_do_not_matter(points, random, apart):
    law = fit_law(points, replicates=100)
    order = list(range(len(points.error)))
    random.shuffle(order)
    other = fit_law(shuffled(replace(points, seed=points.seed * apart + 7), order), replicates=100)
    assert other.exponent == pytest.approx(law.exponent, abs=1e-10)
    np.testing.assert_allclose(other.replicates, law.replicates, atol=1e-7)


def test_the_same_seed_draws_the_same_and_another_others():
    points = generated(np.random.default_rng(5))
    first, again, other = (fit_law(points, seed=seed).replicates for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)
