import numpy as np
import pytest
import torch
from pymatgen.core import Lattice, Structure

from core.frames.registry import open_dataset
from core.potential.batch import collate
from core.potential.forward import Wanted, predict_batch
from core.potential.graph import convert
from core.potential.models import load_model, new_model, set_atomref


def structure_of(frame) -> Structure:
    return Structure(Lattice(frame.lattice), frame.atomic_numbers, frame.frac_coords)


QUANTITIES = ("energy", "forces", "stress", "magmoms")
N_EMBEDDED = 8
"""Embedded frames compared in every test run; all small ones were compared by hand."""


VARIED = (
    "perturbed layered oxide",
    "slab with an adsorbate",
    "chain with exactly straight angles",
    "two atoms, skewed cell",
    "one atom, angles with its own images",
    "one atom, no angles",
)
"""Structures for which gradients are compared, which takes stock ten times as long."""


def _close(ours, stock, relative: float) -> None:
    for name in QUANTITIES:
        value, expected = getattr(ours, name).detach(), getattr(stock, name).detach()
        error = (value - expected).abs().max() / expected.abs().max()
        assert error < relative, f"{name}: {error:.1e}"


def _pseudo_loss(prediction) -> torch.Tensor:
    """Any function in which every output of the model counts, nonlinearly."""
    loss = torch.zeros((), dtype=torch.float64)
    for name in QUANTITIES:
        value = getattr(prediction, name).double()
        weight = torch.linspace(-1, 2, value.numel(), dtype=torch.float64).view_as(value)
        loss = loss + (weight * value + 0.1 * value**2).mean()
    return loss


def _gradients(model, prediction) -> dict[str, torch.Tensor]:
    model.zero_grad()
    _pseudo_loss(prediction).backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def test_predictions_in_double_equal_stock(structures, stock, pack):
    model = load_model("chgnet-r2scan").double()
    some = list(structures.values())
    batch = collate([pack(structure) for structure in some], dtype=torch.float64)
    _close(predict_batch(model, batch), stock(model, some), 1e-9)


@pytest.mark.parametrize("piece", [199, 100_000])
def test_pieces_change_nothing(double, structures, pack, piece):
    some = list(structures.values())
    batch = collate([pack(structure) for structure in some], dtype=torch.float64)
    _close(predict_batch(double, batch, piece=piece), predict_batch(double, batch), 1e-9)


def test_pieces_change_nothing_in_single_precision(structures, pack):
    model = new_model(3)
    batch = collate([pack(structure) for structure in structures.values()])
    for create_graph in (False, True):
        ours = predict_batch(model, batch, piece=300, create_graph=create_graph)
        whole = predict_batch(model, batch, create_graph=create_graph)
        _close(ours, whole, 1e-4)
    gradients, expected = _gradients(model, ours), _gradients(model, whole)
    for name, value in gradients.items():
        assert (value - expected[name]).norm() < 1e-3 * expected[name].norm() + 1e-6, name


def test_parameter_gradients_in_double_equal_stock(structures, stock, pack):
    some = [structures[name] for name in VARIED]
    model = new_model(3).double()
    set_atomref(model, np.linspace(-9, 1, 94), trainable=True)
    batch = collate([pack(structure) for structure in some], dtype=torch.float64)
    ours = predict_batch(model, batch, create_graph=True)
    theirs = stock(model, some)
    _close(ours, theirs, 1e-9)
    gradients, expected = _gradients(model, ours), _gradients(model, theirs)
    assert gradients.keys() == expected.keys()
    without = {name for name, _ in model.named_parameters()} - gradients.keys()
    assert {name.split(".twoBody")[0] for name in without} == {"angle_layers.2"}
    for name, value in gradients.items():
        assert (value - expected[name]).norm() < 1e-8 * expected[name].norm() + 1e-12, name


def test_embedded_frames_equal_stock(double, stock):
    frames = open_dataset("mp-frames-gga")
    small = np.flatnonzero(frames.n_atoms() <= 10)
    rows = np.random.default_rng(0).permutation(small)[:N_EMBEDDED]
    for part in np.array_split(rows, 2):
        some = frames.frames(part)
        graphs = [convert(one.atomic_numbers, one.frac_coords, one.lattice) for one in some]
        ours = predict_batch(double, collate(graphs, dtype=torch.float64), create_graph=True)
        theirs = stock(double, list(map(structure_of, some)))
        _close(ours, theirs, 1e-7)
        gradients, expected = _gradients(double, ours), _gradients(double, theirs)
        assert gradients.keys() == expected.keys()
        for name, value in gradients.items():
            assert (value - expected[name]).norm() < 1e-7 * expected[name].norm() + 1e-12, name


@pytest.mark.parametrize(
    "names",
    [
        ["one atom, no angles"],
        ["one atom, no angles", "one atom, bonds at the bond cut-off"],
        ["one atom, no angles", "rock salt", "hydrogen molecule in a box"],
    ],
)
def test_batches_without_angles(names, double, structures, stock, pack):
    some = [structures[name] for name in names]
    batch = collate([pack(structure) for structure in some], dtype=torch.float64)
    ours = predict_batch(double, batch, create_graph=True)
    theirs = stock(double, some)
    for name in QUANTITIES:
        torch.testing.assert_close(getattr(ours, name), getattr(theirs, name), rtol=1e-9, atol=1e-9)
    gradients, expected = _gradients(double, ours), _gradients(double, theirs)
    for name, value in gradients.items():
        torch.testing.assert_close(value, expected[name], rtol=1e-8, atol=1e-11)


def test_energy_is_interaction_plus_atomref(double, structures, pack):
    some = list(structures.values())
    energies = np.linspace(-12, 3, 94)
    set_atomref(double, energies)
    result = predict_batch(double, collate([pack(s) for s in some], dtype=torch.float64))
    reference = [np.mean(energies[np.array(s.atomic_numbers) - 1]) for s in some]
    np.testing.assert_allclose((result.energy - result.interaction).numpy(), reference, rtol=1e-12)


def test_only_what_is_asked_for(released, structures, pack):
    batch = collate([pack(structures["rock salt"])])
    everything = predict_batch(released, batch)
    energies = predict_batch(released, batch, Wanted.of([]))
    assert (energies.forces, energies.stress, energies.magmoms) == (None, None, None)
    torch.testing.assert_close(energies.energy, everything.energy)
    assert energies.energy.requires_grad
    assert not everything.energy.requires_grad
    stresses = predict_batch(released, batch, Wanted.of(["stress"]))
    assert stresses.forces is None
    torch.testing.assert_close(stresses.stress, everything.stress)


def test_no_grad(released, structures, pack):
    batch = collate([pack(structures["rock salt"])])
    with torch.no_grad():
        energies = predict_batch(released, batch, Wanted.of(["magmom"]))
        everything = predict_batch(released, batch)
    assert not energies.energy.requires_grad
    assert not energies.magmoms.requires_grad
    torch.testing.assert_close(everything.forces, predict_batch(released, batch).forces)


def test_left_handed_cell_has_the_stress_of_its_mirror_image(double, structures, pack):
    structure = structures["perturbed wurtzite"]
    mirror = structure.copy()
    mirror.lattice = structure.lattice.matrix * [1, 1, -1]
    one, other = predict_batch(
        double, collate([pack(structure), pack(mirror)], dtype=torch.float64)
    ).stress
    flip = torch.diag(torch.tensor([1.0, 1.0, -1.0], dtype=torch.float64))
    torch.testing.assert_close(other, flip @ one @ flip)
