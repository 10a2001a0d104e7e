"""The 95 % intervals contain the law that sweeps were generated from, as often as they claim.

`benchmarks/interval_coverage.py` measures the same with many more sweeps.
"""

from dataclasses import replace

import numpy as np
import pytest

from core.scaling.law import fit_law
from tests.scaling.generated_points import (
    FLOOR_KINDS,
    POWER_KINDS,
    SIZES,
    A,
    B,
    coverage,
    floor_coverage,
    generated,
    power_coverage,
    with_frames,
)


@pytest.mark.parametrize("name", POWER_KINDS)
def test_power_law(name):
    # Over thousands of sweeps the share is 0.92 or more; 100 of them may show less.
    assert np.all(power_coverage(name, sweeps=100, replicates=400) >= 0.87)


@pytest.mark.parametrize("name", FLOOR_KINDS)
def test_power_law_with_a_floor(name):
    assert np.all(floor_coverage(name, sweeps=20, replicates=150) >= 0.85)


def test_intervals_are_not_too_wide():
    shares = [power_coverage(name, sweeps=40, replicates=400) for name in list(POWER_KINDS)[:4]]
    assert np.mean(shares) <= 0.99


def test_noisier_small_sizes_are_erred_on_the_wide_side():
    shares = coverage(
        lambda rng: generated(rng, a=A, b=B, noise=0.025, smallest_noisier=4),
        lambda points, i: fit_law(points, replicates=400, seed=i),
        truth=(A, B, 0.0),
        sizes=SIZES,
        sweeps=50,
    )
    assert np.all(shares >= 0.9), shares


def test_evaluation_frames_count():
    """Bands hold with few evaluation materials; from the scatter of the points alone they do not.

    What 60 materials do alike to all sizes shows nowhere in that scatter.
    """

    def points(rng):
        return with_frames(rng, generated(rng, a=A, b=B))

    def blind(made, i):
        return fit_law(replace(made, totals=None), replicates=400, seed=i)

    settings = {"truth": (A, B, 0.0), "sizes": SIZES, "sweeps": 50}
    shares = coverage(points, lambda made, i: fit_law(made, replicates=400, seed=i), **settings)
    assert np.all(shares >= 0.87), shares
    assert coverage(points, blind, **settings)[1] < 0.6


def test_limits_that_the_module_tells():
    """One seed cannot show what it does alike to all sizes; no band knows of another form."""
    settings = {"sizes": SIZES, "sweeps": 50}
    shares = coverage(
        lambda rng: generated(rng, a=A, b=B, seeds=1, noise=0.03, by_seed=0.06),
        lambda points, i: fit_law(points, replicates=400, seed=i),
        truth=(A, B, 0.0),
        **settings,
    )
    assert shares[0] >= 0.9
    assert shares[1] < 0.7
    floor = (2000.0, 0.6, 40.0)
    hopeful = coverage(
        lambda rng: generated(rng, a=floor[0], b=floor[1], c=floor[2], noise=0.02),
        lambda points, i: fit_law(points, replicates=400, seed=i),
        truth=floor,
        **settings,
    )
    assert hopeful[2] < 0.5
