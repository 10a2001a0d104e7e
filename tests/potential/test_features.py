"""Crystal features against stock's `crystal_fea`."""

import numpy as np
import pytest

from core.potential import features
from core.potential.features import crystal_features


@pytest.mark.filterwarnings("ignore:Converting a tensor")
def test_features_are_stocks_sums_over_the_atoms(released, structures, pack, monkeypatch):
    some = list(structures.values())
    graphs = [pack(structure) for structure in some]
    stock = released.predict_structure(some, task="e", return_crystal_feas=True)
    expected = np.array(
        [one["crystal_fea"] / len(own) for one, own in zip(stock, some, strict=True)]
    )
    calls = []
    found = crystal_features(released, graphs, progress=lambda *call: calls.append(call))
    assert found.shape == (len(some), 64)
    np.testing.assert_allclose(found, expected, atol=2e-5)
    assert calls[-1] == (1.0, f"Crystal features: {len(some)} of {len(some)}")
    monkeypatch.setattr(features, "BUDGET", 3000)
    np.testing.assert_allclose(crystal_features(released, graphs), found, atol=2e-5)


def test_a_supercell_is_the_same_crystal(released, structures, pack):
    cell = structures["perovskite"]
    one, other = crystal_features(released, [pack(cell), pack(cell * (2, 1, 1))])
    np.testing.assert_allclose(one, other, atol=1e-5)


def test_no_structure(released):
    assert crystal_features(released, []).shape == (0, 64)
