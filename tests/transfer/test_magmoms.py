"""The readout of moments, solved in closed form, against numpy's least squares and stock chgnet."""

import numpy as np
import pytest
from pymatgen.core import Structure

from core.frames.registry import open_frame_set
from core.potential.graph import convert
from core.potential.models import load_model
from core.potential.tangent.rows import moved_model
from core.transfer.magmoms import NOISE, PART, atom_features, magmom_change
from tests.labelled_lab import one_thread, stock  # noqa: F401


@pytest.fixture(scope="module")
def frames():
    data = open_frame_set("mp-frames-r2scan")
    return data.frames(np.flatnonzero(data.n_atoms() <= 6)[:12])


def structure(frame):
    return Structure(frame.lattice, frame.atomic_numbers.tolist(), frame.frac_coords)


def test_features_give_stocks_moments(frames, stock):
    weights = stock.site_wise
    for frame in frames[:4]:
        graph = convert(frame.atomic_numbers, frame.frac_coords, frame.lattice)
        features = atom_features(stock, graph)
        found = np.abs(features[:, :-1] @ weights.weight[0].detach().numpy() + weights.bias.item())
        expected = stock.predict_structure(structure(frame), task="em")["m"]
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_solution_is_that_of_ridge_regression(frames):
    model = load_model("chgnet-0.3.0")
    graphs = [convert(one.atomic_numbers, one.frac_coords, one.lattice) for one in frames]
    labels = [one.magmoms for one in frames]
    H = np.concatenate([atom_features(model, graph) for graph in graphs])
    start = np.append(model.site_wise.weight[0].detach().numpy(), model.site_wise.bias.item())
    pull = NOISE / (PART * np.sqrt(np.mean(start[:-1] ** 2)))
    A = np.concatenate([H, pull * np.eye(len(start))])
    left = np.sign(H @ start) * np.concatenate(labels) - H @ start
    expected = np.linalg.lstsq(A, np.append(left, np.zeros(len(start))), rcond=None)[0]
    change = magmom_change(model, graphs, labels)
    found = np.append(change["site_wise.weight"], change["site_wise.bias"])
    np.testing.assert_allclose(found, expected, atol=1e-8)
    before = np.abs(np.abs(H @ start) - np.concatenate(labels)).mean()
    moved_model(model, change)
    moved = np.append(model.site_wise.weight[0].detach().numpy(), model.site_wise.bias.item())
    assert np.abs(np.abs(H @ moved) - np.concatenate(labels)).mean() < before


def test_moments_that_are_right_stay(frames):
    model = load_model("chgnet-0.3.0")
    graph = convert(frames[0].atomic_numbers, frames[0].frac_coords, frames[0].lattice)
    start = np.append(model.site_wise.weight[0].detach().numpy(), model.site_wise.bias.item())
    same = np.abs(atom_features(model, graph) @ start)
    change = magmom_change(model, [graph], [same])
    assert np.abs(np.append(change["site_wise.weight"], change["site_wise.bias"])).max() < 1e-6
