"""Sweeps made from a known law, with noise of the kinds that training has."""

import numpy as np

from core.scaling.law import fit_law
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


A, B = 500.0, 0.3
FLOOR = {"a": 1000.0, "b": 0.5, "c": 20.0}
POWER_KINDS = {
    "three seeds, 3 %": {"noise": 0.03},
    "three seeds, 10 %": {"noise": 0.1},
    "one seed, 5 %": {"seeds": 1},
    "two seeds, 5 %": {"seeds": 2},
    "three sizes": {"sizes": (100.0, 400.0, 1600.0)},
    "four sizes, one seed": {"sizes": (100.0, 250.0, 650.0, 1600.0), "seeds": 1},
    "seeds differ at all sizes": {"by_seed": 0.05, "noise": 0.02},
    "seeds differ a little at all sizes": {"by_seed": 0.03},
    "seeds fall differently": {"slope_by_seed": 0.02, "noise": 0.02},
    "sizes off the curve": {"by_size": 0.04, "noise": 0.03},
}
FLOOR_KINDS = {
    "three seeds, 5 %": {},
    "one seed, 5 %": {"seeds": 1},
    "seeds differ at all sizes": {"by_seed": 0.05, "noise": 0.02},
}


def coverage(points, law_of, *, truth, sizes, sweeps):
    """Return the shares of generated sweeps whose 95 % intervals contain the truth.

    Returns:
        Shares for the exponent, the curve at the largest size, and at four times that (3,).
    """
    at = np.array([sizes[-1], 4 * sizes[-1]])
    a, b, c = truth
    curve = a * at**-b + c
    rng = np.random.default_rng(1)
    hits = np.zeros((sweeps, 3))
    for i in range(sweeps):
        law = law_of(points(rng), i)
        low, high = law.exponent_interval()
        lower, upper = law.band(at)
        hits[i] = [low <= b <= high, *((lower <= curve) & (curve <= upper))]
    return hits.mean(axis=0)


def power_coverage(name, *, sweeps, replicates=1000):
    """Return `coverage` of a power law fitted to sweeps of a kind of POWER_KINDS."""
    kind = POWER_KINDS[name]
    return coverage(
        lambda rng: generated(rng, a=A, b=B, **kind),
        lambda points, i: fit_law(points, seed=i, replicates=replicates),
        truth=(A, B, 0.0),
        sizes=kind.get("sizes", SIZES),
        sweeps=sweeps,
    )


def floor_coverage(name, *, sweeps, replicates=200):
    """Return `coverage` of a law with a floor fitted to sweeps of a kind of FLOOR_KINDS."""
    return coverage(
        lambda rng: generated(rng, **FLOOR, **FLOOR_KINDS[name]),
        lambda points, i: fit_law(points, form="offset", seed=i, replicates=replicates),
        truth=tuple(FLOOR.values()),
        sizes=SIZES,
        sweeps=sweeps,
    )
