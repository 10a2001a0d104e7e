"""The model for TorchSim against the ASE calculator; in TorchSim itself where it is installed."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from ase.build import bulk

from core.errors import LabError
from core.potential.calculator import CHGNetCalculator
from core.potential.relaxation import torchsim
from core.potential.relaxation.torchsim import CHGNetTorchSimModel


def systems():
    salt = bulk("MgO", "rocksalt", a=4.3)
    salt.rattle(0.05, seed=0)
    skewed = bulk("Al")
    skewed.set_cell(skewed.cell.array @ [[1, 0.1, 0], [0, 1, 0.2], [0, 0, 1.02]], scale_atoms=True)
    return [salt, skewed]


def state_of(images, dtype=torch.float64):
    """The attributes of a SimState, whose cells have lattice vectors as columns."""
    return SimpleNamespace(
        positions=torch.tensor(np.concatenate([one.positions for one in images]), dtype=dtype),
        cell=torch.tensor(np.stack([one.cell.array.T for one in images]), dtype=dtype),
        system_idx=torch.tensor(np.repeat(range(len(images)), [len(one) for one in images])),
        atomic_numbers=torch.tensor(np.concatenate([one.numbers for one in images])),
        pbc=torch.tensor([True, True, True]),
    )


def assert_as_ase(found, images, model):
    calculator = CHGNetCalculator(model, device="cpu")
    forces = []
    for place, atoms in enumerate(images):
        atoms.calc = calculator
        assert float(found["energy"][place]) == pytest.approx(
            atoms.get_potential_energy(), abs=1e-4
        )
        stress = atoms.get_stress(voigt=False)
        np.testing.assert_allclose(found["stress"][place], stress, atol=1e-5)
        forces.append(atoms.get_forces())
    np.testing.assert_allclose(found["forces"], np.concatenate(forces), atol=1e-4)


def test_predicts_what_the_calculator_predicts(released, monkeypatch):
    monkeypatch.setattr(torchsim, "_missing", None)
    model = CHGNetTorchSimModel(released, device="cpu")
    found = model(state_of(systems()))
    assert [tuple(found[key].shape) for key in ("energy", "forces", "stress")] == [
        (2,),
        (3, 3),
        (2, 3, 3),
    ]
    assert_as_ase(found, systems(), released)


def test_names_a_system_that_cannot_be_represented(released, monkeypatch):
    monkeypatch.setattr(torchsim, "_missing", None)
    far = bulk("Xe", a=40.0)
    with pytest.raises(LabError, match=r"System 2 \(from 0\).* no neighbour"):
        CHGNetTorchSimModel(released, device="cpu")(state_of([*systems(), far]))


def test_without_torchsim_says_how_to_install_it(released, monkeypatch):
    monkeypatch.setattr(torchsim, "_missing", ImportError("no torch_sim"))
    with pytest.raises(LabError, match=r"Python 3\.12"):
        CHGNetTorchSimModel(released)


def test_relaxes_in_torchsim(released):
    torch_sim = pytest.importorskip("torch_sim", reason="TorchSim needs Python 3.12")
    from torch_sim.models.interface import validate_model_outputs  # noqa: PLC0415

    model = CHGNetTorchSimModel(released, device="cpu")
    validate_model_outputs(model, model.device, model.dtype)
    images = systems()
    state = torch_sim.initialize_state(images, model.device, model.dtype)
    assert_as_ase(model(state), images, released)
    relaxed = torch_sim.optimize(
        images, model, optimizer=torch_sim.Optimizer.fire, max_steps=5, pbar=False
    )
    assert (relaxed.energy <= model(state)["energy"] + 1e-3).all()
