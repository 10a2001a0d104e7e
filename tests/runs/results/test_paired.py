"""Differences between methods: scipy's paired t test says the same, and so does simulation."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from core.runs.results.paired import difference_text, differences, verdict_text, with_best

ENERGY = "energy_mae_mev_per_atom"


def compare(**errors):
    """Differences of made runs: method to its errors by seed, None for a run without one."""
    runs = [
        (SimpleNamespace(config=SimpleNamespace(method=method, seed=seed)), value)
        for method, values in errors.items()
        for seed, value in enumerate(values)
    ]
    told = {id(run): None if value is None else {ENERGY: value} for run, value in runs}
    return differences([run for run, _ in runs], ENERGY, lambda run: told[id(run)])


def test_intervals_are_those_of_a_paired_t_test():
    refit, residual = [42.0, 47.0, 45.5, 44.0], [40.0, 44.5, 44.0, 43.5]
    (found,) = compare(refit=refit, residual=residual)
    test = stats.ttest_rel(refit, residual)
    low, high = test.confidence_interval(0.95)
    assert (found.better, found.worse, found.n) == ("residual", "refit", 4)
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))
    assert found.mean == pytest.approx(np.mean(refit) - np.mean(residual))
    assert found.larger_than_chance == (test.pvalue < 0.05)
    # The means alone, unpaired, would say nothing.
    assert stats.ttest_ind(refit, residual).pvalue > 0.2


def test_how_many_seeds_would_tell():
    """With so many seeds, a t test on differences of this mean and scatter finds four in five."""
    by_seed = [1.0, -1.0, 3.0]
    (found,) = compare(refit=[40 + d for d in by_seed], residual=[40.0] * 3)
    assert not found.larger_than_chance
    assert found.verdict == f"not larger than chance; about {found.seeds:.0f} seeds would tell"
    rng, n = np.random.default_rng(0), int(found.seeds)
    for size, share in ((n, 0.8), (n // 3, 0.4)):
        drawn = rng.normal(np.mean(by_seed), np.std(by_seed, ddof=1), (4000, size))
        power = (stats.ttest_1samp(drawn, 0, axis=1).pvalue < 0.05).mean()
        assert power == pytest.approx(share, abs=0.08)


def test_one_seed_cannot_tell():
    (found,) = compare(refit=[42.0], residual=[40.0])
    assert math.isnan(found.low)
    assert not found.larger_than_chance
    assert "one seed cannot tell" in found.verdict
    assert "cannot tell" in verdict_text([found])
    assert difference_text(found) == "2"


def test_only_seeds_that_both_have_count():
    (found,) = compare(refit=[42.0, None, 44.0], residual=[40.0, 1.0, 43.0])
    assert (found.n, found.mean) == (2, pytest.approx(1.5))
    assert compare(refit=[42.0, None], residual=[None, 40.0]) == []
    assert "nothing can be compared" in verdict_text([])


def test_equal_errors_are_no_difference():
    (found,) = compare(trainable=[40.0, 41.0], frozen=[40.0, 41.0])
    assert (found.mean, found.seeds) == (0, math.inf)
    assert found.verdict == "not larger than chance, and not with 1,000 seeds"


def test_the_best_method_and_what_its_lead_is_worth():
    found = compare(
        scratch=[400.0, 410.0, 395.0], refit=[42.0, 47.0, 43.0], residual=[41.0, 45.0, 44.0]
    )
    best, involved = with_best(found)
    assert best == "residual"
    assert [each.worse for each in involved] == ["refit", "scratch"]
    told = verdict_text(found)
    assert told.startswith("residual has the smallest mean error over 3 seeds.")
    assert "larger than chance over scratch." in told
    assert "not larger than chance over refit (about" in told
    assert difference_text(involved[0]) == "0.667  [−3.13, 4.46]"
