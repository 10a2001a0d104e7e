"""How few materials are enough: against fits by numpy on the same materials."""

import numpy as np
import pytest

from core.elements import N_ELEMENTS
from core.errors import LabError
from core.reference.fits.atomref import fit_ridge
from core.reference.fits.design import build_design
from core.reference.shifts.data_efficiency import _Sums, data_efficiency

PRIOR = np.linspace(-2, -8, N_ELEMENTS)


def example(n_materials, *, frames=1, seed=0, noise=0.02):
    """Energies linear in composition but for noise, of materials with two or three elements."""
    rng = np.random.default_rng(seed)
    X = np.zeros((n_materials, N_ELEMENTS))
    for row in X:
        chosen = rng.choice(25, 3, replace=False)
        row[chosen] = rng.integers(0, 4, 3)
        row[chosen[0]] += 1
    X /= X.sum(axis=1, keepdims=True)
    X = np.repeat(X, frames, axis=0)
    ids = np.repeat([f"mp-{i}" for i in range(n_materials)], frames)
    bond = rng.normal(0, 0.3, len(X))
    source = X @ PRIOR + bond
    target = X @ (1.7 * PRIOR - 1) + bond + rng.normal(0, noise, len(X))
    return X, source, target, ids


def fitted(data, **options):
    priors = (PRIOR, 1.7 * PRIOR - 1)
    return data_efficiency(*data, **({"priors": priors} | options))


def test_fits_are_those_of_the_same_rows():
    X, source, target, ids = example(60, frames=2)
    compositions = build_design(X, ids)
    sums = _Sums.of(compositions, np.stack([source, target]))
    step = np.full(60, 2)
    step[:12], step[12:40] = 0, 1
    seen = compositions.elements
    start = np.stack([PRIOR, PRIOR - 1])[:, seen]
    weights = sums.fits(step, 2, start, 0.05)
    for number, n in enumerate((12, 40)):
        rows = np.isin(ids, compositions.materials[:n])
        for functional, energies in enumerate((source, target)):
            free, *_ = np.linalg.lstsq(X[rows][:, seen], energies[rows])
            np.testing.assert_allclose(weights[0, number, functional], free, atol=1e-8)
            pulled = fit_ridge(
                X[rows], energies[rows], prior=PRIOR - functional, strength=0.05, functional="x"
            )
            np.testing.assert_allclose(
                weights[1, number, functional], pulled.energies[seen], atol=1e-8
            )
    held_out = np.arange(40, 60)
    pearson, mae = sums.errors(held_out, weights)
    rows = np.isin(ids, compositions.materials[held_out])
    scaled = [
        energies[rows] - X[rows][:, seen] @ weights[1, 0, functional]
        for functional, energies in enumerate((source, target))
    ]
    assert pearson[1, 0] == pytest.approx(np.corrcoef(*scaled)[0, 1])
    assert mae[1, 0] == pytest.approx(np.abs(scaled[1] - scaled[0]).mean())


def test_sizes_and_held_out_materials():
    curve = fitted(example(200))
    assert curve.sizes.tolist() == [10, 30, 100, 160]
    assert (curve.n_materials, curve.n_held_out) == (200, 40)
    assert curve.pearson.shape == curve.mae.shape == (2, 4, 20)
    assert fitted(example(25)).sizes.tolist() == [10, 20]
    assert fitted(example(150)).sizes.tolist() == [10, 30, 100], "120 would add little"


def test_more_materials_help_and_a_good_prior_helps_most_where_there_are_few():
    table = fitted(example(400)).table()
    free = table[table["method"] == "lstsq"]["mae"].to_numpy()
    pulled = table[table["method"] == "ridge"]["mae"].to_numpy()
    assert free[0] > 10 * free[-1]
    assert pulled[0] < free[0] / 20
    assert pulled[-1] == pytest.approx(free[-1], rel=0.1)
    assert (table["pearson_low"] <= table["pearson"]).all()
    assert (table["mae"] <= table["mae_high"]).all()


def test_order_of_rows_and_seed():
    X, source, target, ids = data = example(80, frames=2)
    curve = fitted(data)
    order = np.random.default_rng(5).permutation(len(X))
    again = fitted((X[order], source[order], target[order], ids[order]))
    np.testing.assert_allclose(again.mae, curve.mae, rtol=1e-6)
    assert not np.allclose(fitted(data, seed=1).mae, curve.mae)


def test_frames_of_a_material_are_drawn_together():
    # Each material's own offset would be learnt if its frames were in both parts.
    X, source, target, ids = example(60)
    once = fitted((X, source, target, ids))
    thrice = fitted([np.repeat(one, 3, axis=0) for one in (X, source, target, ids)])
    np.testing.assert_allclose(thrice.pearson, once.pearson, atol=1e-2)
    assert thrice.n_materials == 60


def test_too_few_materials():
    with pytest.raises(LabError, match="at least 20"):
        fitted(example(19))


def test_progress_is_reported_and_may_end_the_work():
    shares = []
    fitted(example(30), progress=lambda share, _: shares.append(share))
    assert shares == sorted(shares)
    assert len(shares) == 20

    def end(_share, _what):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fitted(example(30), progress=end)
