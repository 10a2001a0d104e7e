"""Gradient rows of stresses against the stresses of moved networks, in double precision."""

import numpy as np

from core.potential.forward import Wanted
from core.potential.prediction import predict
from core.potential.tangent import strains
from core.potential.tangent.rows import energy_rows, moved_model
from core.potential.tangent.strains import strain_rows


def test_rows_change_stresses_as_they_say(double, structures, pack, monkeypatch, random_move):
    """A move of the network changes V σ:ε as rows and labels say, to the order of the strain."""
    monkeypatch.setattr(strains, "STRAIN", 1e-4)
    names = ("rock salt", "perovskite", "one atom, no angles")
    graphs = [pack(structures[name]) for name in names]
    at = energy_rows(double, graphs)
    change = random_move(1e-5, 1)
    before = predict(double, graphs, Wanted.of(["stress"]))
    after_model = double
    zero = [np.zeros((3, 3)), None, np.zeros((3, 3))]
    rows, nothing = strain_rows(double, graphs, at, zero, seed=3)
    moved_model(after_model, change)
    after = predict(after_model, graphs, Wanted.of(["stress"]))
    changes = [
        None if labelled is None else one.stress - other.stress
        for one, other, labelled in zip(after, before, zero, strict=True)
    ]
    _, said = strain_rows(double, graphs, at, changes, seed=3)
    expected = sum(rows[name] @ values for name, values in change.items())
    assert len(said) == len(expected) == 4
    np.testing.assert_array_equal(nothing, np.zeros(4))
    np.testing.assert_allclose(said[:2], expected[:2], rtol=2e-3)
    assert np.abs(said[:2]).min() > 1e-9
    # The sums tell elastic constants alone, which so small a strain does not.
    assert np.abs(expected[2:]).max() < 0.01 * np.abs(expected[:2]).max()


def test_no_labels_no_rows(double, structures, pack):
    graphs = [pack(structures["rock salt"])]
    rows, said = strain_rows(double, graphs, energy_rows(double, graphs), [None])
    assert len(said) == 0
    assert {len(values) for values in rows.values()} == {0}
