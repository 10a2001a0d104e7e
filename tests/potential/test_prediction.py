from types import SimpleNamespace

import numpy as np
import pytest

from core.errors import LabError
from core.potential import prediction
from core.potential.forward import Wanted
from core.potential.prediction import predict


@pytest.mark.filterwarnings("ignore:Converting a tensor")
def test_predictions_of_any_packing_equal_stock(released, structures, pack):
    some = list(structures.values())
    stock = released.predict_structure(some)
    frames = [
        SimpleNamespace(
            atomic_numbers=np.array(structure.atomic_numbers),
            frac_coords=structure.frac_coords,
            lattice=structure.lattice.matrix,
        )
        for structure in some
    ]
    calls = []
    whole = predict(released, frames, progress=lambda *call: calls.append(call))
    cut = predict(released, [pack(structure) for structure in some], budget=3000)
    assert calls[-1] == (1.0, f"Predicting frames: {len(some)} of {len(some)}")
    for ours, expected in zip(whole, stock, strict=True):
        assert ours.energy == pytest.approx(expected["e"], abs=1e-5)
        np.testing.assert_allclose(ours.forces, expected["f"], rtol=1e-4, atol=1e-3)
        np.testing.assert_allclose(ours.stress, expected["s"], rtol=1e-4, atol=1e-2)
        np.testing.assert_allclose(ours.magmoms, expected["m"], atol=1e-4)
    for one, other in zip(whole, cut, strict=True):
        assert one.energy == pytest.approx(other.energy, abs=1e-5)
        np.testing.assert_allclose(one.forces, other.forces, rtol=1e-4, atol=1e-3)


def test_batches_keep_to_the_budget(structures, pack):
    graphs = [pack(structure) for structure in structures.values()] * 3
    seen = []
    for rows, batch in prediction._batches(graphs, 4000):
        seen += rows
        assert len(batch) == 1 or sum(graph.cost for graph in batch) <= 4000
        assert all(graphs[row] is graph for row, graph in zip(rows, batch, strict=True))
    assert sorted(seen) == list(range(len(graphs)))


def test_energies_only(released, structures, pack):
    graphs = [pack(structures["rock salt"]), pack(structures["one atom, no angles"])]
    results = predict(released, graphs, Wanted.of([]))
    for ours, full in zip(results, predict(released, graphs), strict=True):
        assert (ours.forces, ours.stress, ours.magmoms) == (None, None, None)
        assert ours.energy == pytest.approx(full.energy, abs=1e-6)
        assert ours.interaction == pytest.approx(full.interaction, abs=1e-6)


def test_nothing_to_predict(released):
    assert predict(released, []) == []


def test_an_error_names_the_frame(released, structures):
    good = structures["rock salt"]
    frames = [
        SimpleNamespace(
            frame_id=name,
            atomic_numbers=np.array(good.atomic_numbers),
            frac_coords=good.frac_coords,
            lattice=good.lattice.matrix * size,
        )
        for name, size in (("a-0", 1), ("b-1", 9))
    ]
    with pytest.raises(LabError, match="Frame b-1: Atom 1 of the structure has no neighbour"):
        predict(released, frames)
