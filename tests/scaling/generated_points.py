"""Sweeps made from a known law, with noise of the kinds that training has."""

import numpy as np

from core.scaling.points import ScalingPoints

SIZES = (50.0, 100.0, 200.0, 400.0, 800.0, 1600.0)


def generated(
    rng,
    *,
    sizes=SIZES,
    seeds=3,
    noise=0.05,
    by_seed=0.0,
    slope_by_seed=0.0,
    by_size=0.0,
    smallest_noisier=1.0,
    a=500.0,
    b=0.3,
    c=0.0,
):
    """Errors a·N^−b + c with normal noise of their logarithms.

    `noise` is of each model, `by_seed` and `slope_by_seed` of all models of a seed, `by_size` of
    all models of a size.
    """
    n_frames = np.array(sizes)
    k = len(n_frames)
    logs = np.log(n_frames)
    scale = noise * np.exp(np.linspace(np.log(smallest_noisier), 0, k))
    log_errors = (
        np.log(a * n_frames**-b + c)[:, None]
        + scale[:, None] * rng.standard_normal((k, seeds))
        + by_seed * rng.standard_normal(seeds)
        + slope_by_seed * (logs - logs.mean())[:, None] * rng.standard_normal(seeds)
        + by_size * rng.standard_normal((k, 1))
    )
    return ScalingPoints(
        n_frames=np.repeat(n_frames, seeds),
        error=np.exp(log_errors).ravel(),
        seed=np.tile(np.arange(seeds), k),
        unit="meV/atom",
    )


def with_frames(rng, points, *, materials=60, frames_each=3, difficulty=1.0, own=0.3):
    """Make a sweep's errors those of evaluation frames drawn from materials of unequal difficulty.

    A material is hard for all models alike by the factor exp(difficulty · normal), and for each
    model by exp(own · normal).
    """
    material = np.repeat(np.arange(materials), frames_each)
    hard = np.exp(difficulty * rng.standard_normal(materials) - difficulty**2 / 2)
    each = rng.exponential(size=len(material))
    single = np.exp(own * rng.standard_normal((len(points.error), materials)) - own**2 / 2)
    totals = points.error[:, None] * (hard * single)[:, material] * each
    counts = np.ones(len(material))
    return ScalingPoints(
        n_frames=points.n_frames,
        error=totals.sum(axis=1) / counts.sum(),
        seed=points.seed,
        unit=points.unit,
        totals=totals,
        counts=counts,
        materials=material,
    )
