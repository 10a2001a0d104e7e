"""Leaving out in closed form against fits made without the material."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.elements import INDEX, SYMBOLS
from core.reference.fits.atomref import fit_huber, fit_lstsq, fit_ridge
from core.reference.fits.leave_one_out import leave_one_out
from tests.reference.generated_materials import made

PRIOR = np.linspace(-60, -2, 94)


def lstsq(X, y):
    return fit_lstsq(X, y, functional="r2SCAN")


def ridge(X, y):
    return fit_ridge(X, y, prior=PRIOR, strength=0.3, functional="r2SCAN")


def weak_ridge(X, y):
    return fit_ridge(X, y, prior=PRIOR, strength=1e-2, functional="r2SCAN")


def determined(X, x):
    """Whether the rows of X tell the energy of composition x."""
    return np.abs(x - x @ np.linalg.pinv(X) @ X).max() < 1e-7


@pytest.mark.parametrize("fit", [lstsq, ridge, weak_ridge])
@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize("seed", range(3))
def test_equals_fitting_without_the_material(fit, frames, seed):
    X, y, groups, _ = made(seed, n=60, elements=16, frames=frames, spread=True)
    whole = fit(X, y)
    found = leave_one_out(X, y, groups, whole)
    lost = 0
    for number, material in enumerate(found.materials):
        held = groups == material
        assert groups[found.first[number]] == material
        again = fit(X[~held], y[~held])
        known = np.array([fit is not lstsq or determined(X[~held], x) for x in X[held]])
        assert found.undetermined[number] == (not known.all())
        if not known.all():
            lost += 1
            assert np.isnan(found.prediction[held]).all()
            assert np.isnan(found.cook[number])
            continue
        np.testing.assert_allclose(found.prediction[held], X[held] @ again.energies, atol=1e-8)
        assert found.mean_residual[number] == pytest.approx(
            (y[held] - X[held] @ again.energies).mean(), abs=1e-8
        )
        moved = found.moves[[number]].toarray()[0]
        own = X[held].any(axis=0)
        np.testing.assert_allclose(moved[own], (again.energies - whole.energies)[own], atol=1e-8)
        assert (moved[~own] == 0).all()
    assert lost <= 3


@pytest.mark.parametrize("frames", [1, 2])
def test_leverage_and_cook_are_those_of_the_text_book(frames):
    X, y, groups, _ = made(5, n=90, elements=8, frames=frames)
    fit = lstsq(X, y)
    found = leave_one_out(X, y, groups, fit)
    own = X[:, X.any(axis=0)]
    hat = own @ np.linalg.pinv(own)
    variance = ((y - own @ np.linalg.pinv(own) @ y) ** 2).sum() / (len(y) - 8)
    for number, material in enumerate(found.materials):
        held = groups == material
        assert found.leverage[number] == pytest.approx(np.trace(hat[np.ix_(held, held)]), abs=1e-9)
        again = lstsq(X[~held], y[~held])
        change = X @ (again.energies - fit.energies)
        assert found.cook[number] == pytest.approx(change @ change / (8 * variance), rel=1e-6)
    assert found.leverage.sum() == pytest.approx(8)
    assert found.mae == pytest.approx(np.abs(found.residual).mean())


def test_a_material_with_an_element_of_its_own_is_named():
    X, y, groups, _ = made(7, n=60, elements=8)
    absent = int(np.flatnonzero(~X.any(axis=0))[0])
    X[4] = 0.5 * X[4]
    X[4, absent] = 0.5
    found = leave_one_out(X, y, groups, lstsq(X, y))
    assert list(found.materials[found.undetermined]) == ["mp-4"]
    assert found.alone[4] == SYMBOLS[absent]
    assert set(found.alone) == {"", SYMBOLS[absent]}
    assert np.isnan(found.prediction[4])
    moved = found.moves[[4]].toarray()[0]
    assert np.isnan(moved[absent])
    assert np.isfinite(np.delete(moved, absent)).all()
    assert np.isfinite(found.mae)
    assert found.influential(100)["material_id"].tolist().count("mp-4") == 0
    pulled = leave_one_out(X, y, groups, ridge(X, y))
    assert pulled.alone[4] == SYMBOLS[absent]
    assert not pulled.undetermined.any()
    again = ridge(np.delete(X, 4, axis=0), np.delete(y, 4))
    assert again.energies[absent] == PRIOR[absent]
    assert pulled.prediction[4] == pytest.approx(X[4] @ again.energies)


def test_elements_that_only_one_material_tells_apart():
    X = np.zeros((6, 94))
    X[:5, [10, 16]] = 0.5
    X[5, 10] = 1.0
    y = np.array([-4.0, -4.1, -3.9, -4.0, -4.2, -2.0])
    found = leave_one_out(X, y, np.arange(6), lstsq(X, y))
    assert found.undetermined.tolist() == [False] * 5 + [True]
    assert (found.alone == "").all()
    np.testing.assert_allclose(found.residual[0], y[0] - y[1:5].mean())
    assert np.isnan(found.moves[[5]].data).all()


def test_the_table_begins_with_the_most_influential():
    X, y, groups, _ = made(9, n=60, elements=6)
    y[20] += 30
    found = leave_one_out(X, y, groups, lstsq(X, y))
    table = found.influential(5)
    assert len(table) == 5
    assert table["material_id"][0] == "mp-20"
    assert table["row"][0] == 20
    assert (np.diff(table["cook"]) <= 0).all()
    fit = lstsq(X, y)
    again = lstsq(np.delete(X, 20, axis=0), np.delete(y, 20))
    move = (again.energies - fit.energies)[INDEX[table["element"][0]]]
    assert table["move"][0] == pytest.approx(move)
    assert table["moves"][0].startswith(f"{table['element'][0]} {move:+.3f}")


def test_huber_moves_are_those_of_new_fits_to_first_order():
    X, y, groups, _ = made(11, n=400, elements=6)
    fit = fit_huber(X, y, functional="PBE")
    found = leave_one_out(X, y, groups, fit)
    moves, again = [], []
    for i in range(0, 400, 20):
        other = fit_huber(np.delete(X, i, axis=0), np.delete(y, i), functional="PBE")
        own = np.flatnonzero(X[i])
        moves.append(found.moves[[i]].toarray()[0][own])
        again.append((other.energies - fit.energies)[own])
    moves, again = np.concatenate(moves), np.concatenate(again)
    assert np.abs(moves - again).max() < 0.2 * np.abs(again).max()
    assert np.corrcoef(moves, again)[0, 1] > 0.98


@settings(max_examples=15)
@given(st.integers(0, 1000), st.integers(1, 3), st.floats(-3, 3).filter(lambda one: abs(one) > 0.1))
def test_order_and_unit_do_not_matter(seed, frames, factor):
    X, y, groups, _ = made(seed, n=40, elements=8, frames=frames)
    found = leave_one_out(X, y, groups, lstsq(X, y))
    order = np.random.default_rng(seed).permutation(len(y))
    other = leave_one_out(
        X[order], factor * y[order], groups[order], lstsq(X[order], factor * y[order])
    )
    np.testing.assert_allclose(other.residual, factor * found.residual[order], atol=1e-7)
    place = {material: i for i, material in enumerate(other.materials)}
    same = [place[material] for material in found.materials]
    np.testing.assert_allclose(other.leverage[same], found.leverage, atol=1e-8)
    np.testing.assert_allclose(other.cook[same], found.cook, rtol=1e-4, atol=1e-9)
    assert (other.undetermined[same] == found.undetermined).all()
