"""Model offset: a model whose error is references only, one whose error is not, and the folds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.elements import INDEX, N_ELEMENTS
from core.reference.shifts.model_offset import STEPS, offset

CATIONS, ANIONS = ("Li", "Na", "Mg", "Fe", "Co"), ("O", "F", "S")


def materials(n, seed=0):
    rng = np.random.default_rng(seed)
    fractions = np.zeros((n, N_ELEMENTS))
    for row in range(n):
        chosen = [*rng.choice(CATIONS, 2, replace=False), rng.choice(ANIONS)]
        fractions[row, [INDEX[symbol] for symbol in chosen]] = rng.dirichlet([2, 2, 2])
    return rng, fractions


def confronted(fractions, energies, interaction, own, **changes):
    given = {
        "atomref": own,
        "prior": own,
        "strength": 1e-6,
        "groups": np.array([f"mp-{i}" for i in range(len(fractions))]),
        "rows": np.arange(len(fractions)),
    }
    return offset(fractions, energies, interaction, **(given | changes))


def test_an_error_that_is_all_references_goes_away():
    rng, X = materials(200)
    own, true = rng.normal(size=(2, N_ELEMENTS))
    bonding = rng.normal(size=200)
    found = confronted(X, X @ true + bonding, bonding, own)
    np.testing.assert_allclose(found.mae["as_is"], np.abs(X @ (true - own)).mean())
    assert found.mae["residual"] < 1e-4
    assert found.share > 0.9999
    # AtomRef of total energies takes the mean bonding in, which the network then adds again.
    assert found.mae["atomref"] > 0.1


def test_a_constant_error_goes_with_the_constant():
    rng, X = materials(100)
    own = rng.normal(size=N_ELEMENTS)
    bonding = 0.01 * rng.normal(size=100)
    found = confronted(X, X @ own + bonding + 3.0, bonding, own)
    assert found.mae["as_is"] == pytest.approx(3.0)
    assert found.mae["constant"] == pytest.approx(0.0, abs=1e-12)


def test_noise_is_no_offset():
    rng, X = materials(400)
    own = rng.normal(size=N_ELEMENTS)
    noise = rng.normal(size=400)
    found = confronted(X, X @ own + noise, np.zeros(400), own)
    for key in STEPS:
        assert found.mae[key] == pytest.approx(np.abs(noise).mean(), rel=0.05)


def test_each_step_by_numpy_on_other_materials():
    rng, X = materials(60)
    own, prior = rng.normal(size=(2, N_ELEMENTS))
    energies, bonding = rng.normal(size=(2, 60))
    found = confronted(X, energies, bonding, own, prior=prior, strength=0.3)
    seen = np.flatnonzero(X.any(axis=0))
    A = X[:, seen]
    # Rows that were held out together have their residuals from one and the same fit: find the
    # folds by trying which fits give them.
    from core.reference.fits.folds import folds  # noqa: PLC0415

    fold = folds(np.array([f"mp-{i}" for i in range(60)]), k=5)
    for number in range(5):
        held, rest = fold == number, fold != number
        w = np.linalg.lstsq(A[rest], energies[rest], rcond=None)[0]
        refit = energies[held] - bonding[held] - A[held] @ w
        np.testing.assert_allclose(found.residuals[held, 2], refit, atol=1e-9)
        normal = A[rest].T @ A[rest] + 0.3 * np.eye(len(seen))
        moment = A[rest].T @ (energies - bonding)[rest] + 0.3 * prior[seen]
        pulled = energies[held] - bonding[held] - A[held] @ np.linalg.solve(normal, moment)
        np.testing.assert_allclose(found.residuals[held, 3], pulled, atol=1e-9)


def test_tables_average_the_residuals():
    rng, X = materials(80)
    own = rng.normal(size=N_ELEMENTS)
    found = confronted(X, rng.normal(size=80), rng.normal(size=80), own)
    elements = found.element_table().set_index("symbol")
    has = X[:, INDEX["Fe"]] > 0
    assert elements.loc["Fe", "count"] == has.sum()
    np.testing.assert_allclose(
        elements.loc["Fe", list(STEPS)].astype(float), np.abs(found.residuals[has]).mean(axis=0)
    )
    kinds = found.chemistry_table().set_index("chemistry")
    assert kinds["count"].sum() == 80
    np.testing.assert_allclose(
        (kinds["residual"] * kinds["count"]).sum() / 80, found.mae["residual"]
    )


def test_an_element_of_one_material_is_named():
    rng, X = materials(50)
    X[7] = 0
    X[7, INDEX["Xe"]] = 1
    own = np.zeros(N_ELEMENTS)
    found = confronted(X, rng.normal(size=50), np.zeros(50), own)
    assert found.unseen == ["Xe"]


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_the_order_of_rows_does_not_matter(seed):
    rng, X = materials(40, seed)
    own = rng.normal(size=N_ELEMENTS)
    energies, bonding = rng.normal(size=(2, 40))
    groups = np.array([f"mp-{i // 2}" for i in range(40)])
    order = rng.permutation(40)
    one = confronted(X, energies, bonding, own, groups=groups)
    other = confronted(X[order], energies[order], bonding[order], own, groups=groups[order])
    np.testing.assert_allclose(one.residuals[order], other.residuals, atol=1e-8)
