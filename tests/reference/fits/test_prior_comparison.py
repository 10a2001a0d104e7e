"""Priors compared: against ridge fits made one by one, and in data made for a known answer."""

import numpy as np
import pytest

from core.errors import LabError
from core.frames.splits import seeded_rank
from core.reference.fits.atomref import fit_ridge
from core.reference.fits.prior_comparison import compare_priors
from core.reference.fits.strength import strength_curve
from tests.reference.generated_materials import made


def test_the_better_prior_wins_where_data_are_few_and_less_later():
    X, y, groups, truth = made(0, n=600, elements=25)
    rng = np.random.default_rng(1)
    priors = {"near": truth + rng.normal(0, 0.2, 94), "far": truth + rng.normal(0, 20, 94)}
    told = []
    found = compare_priors(
        X, y, groups, priors, repeats=8, progress=lambda share, _: told.append(share)
    )
    assert found.sizes.tolist() == [10, 25, 50, 100, 250]
    assert found.n_held_out == 120
    near, far = found.mae
    assert (near < far).all()
    assert far[0] - near[0] > 20 * (far[-1] - near[-1])
    assert (found.low <= found.mae).all()
    assert (found.mae <= found.high).all()
    assert told[-1] == 1.0
    table = found.table()
    assert table["prior"].tolist() == ["near"] * 5 + ["far"] * 5
    assert table["mae"].tolist() == [*near, *far]


def test_one_fit_is_fit_ridge():
    X, y, groups, truth = made(2, n=40, elements=6, frames=2)
    prior = truth + 3
    found = compare_priors(X, y, groups, {"one": prior}, strength=0.5, sizes=(1, 32), repeats=3)
    errors = []
    order = list(dict.fromkeys(groups))
    rank = dict(zip(order, seeded_rank(np.array(order, dtype=object), "priors"), strict=True))
    for repeat in range(3):
        drawn = np.random.default_rng([0, repeat]).permutation(40)
        place = np.array([drawn[rank[one]] for one in groups])
        kept = place < 32
        fit = fit_ridge(X[kept], y[kept], prior=prior, strength=0.5, functional="PBE")
        errors.append(np.abs(y[~kept] - fit.contribution(X[~kept])).mean())
    assert found.mae[0, 1] == pytest.approx(np.median(errors))
    assert found.high[0, 1] == pytest.approx(np.quantile(errors, 0.9))


def test_own_strength_is_no_worse_than_a_poor_one():
    X, y, groups, truth = made(3, n=200, elements=20, noise=1.0)
    priors = {"truth": truth}
    own = compare_priors(X, y, groups, priors, repeats=10)
    poor = compare_priors(X, y, groups, priors, strength=1e-4, repeats=10)
    assert (own.mae < poor.mae).all()
    assert own.strength is None
    assert strength_curve(X, y, groups, prior=truth).best > 1e-4


def test_order_of_rows_does_not_matter():
    X, y, groups, truth = made(4, n=60, elements=6)
    order = np.random.default_rng(0).permutation(len(y))
    one = compare_priors(X, y, groups, {"a": truth}, repeats=3)
    other = compare_priors(X[order], y[order], groups[order], {"a": truth}, repeats=3)
    np.testing.assert_allclose(other.mae, one.mae)


def test_too_few_materials():
    X, y, groups, truth = made(5, n=11)
    with pytest.raises(LabError, match="11 materials are too few"):
        compare_priors(X, y, groups, {"a": truth})
