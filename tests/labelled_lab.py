"""A lab of small data sets labelled by stock CHGNet: fixtures of several folders."""

import contextlib
import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from chgnet.model import CHGNet
from pymatgen.core import Lattice, Structure

from core.frames.registry import open_dataset
from core.frames.schema import Card, Frame
from core.frames.store import write_frames

ELEMENTS = ["Na", "K", "Mg", "Fe"], ["Cl", "O", "S"]
OFFSETS = {"Na": -3.0, "K": -7.0, "Mg": 2.0, "Fe": -12.0, "Cl": -5.0, "O": 1.5, "S": -8.0}
"""What the target functional of the test data adds to each element, eV/atom."""


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def stock():
    with contextlib.redirect_stdout(io.StringIO()):
        return CHGNet.load(use_device="cpu", verbose=False)


def structures():
    rng = np.random.default_rng(7)
    for cation in ELEMENTS[0]:
        for anion in ELEMENTS[1]:
            for _ in range(2):
                lattice = Lattice(np.diag(rng.uniform(3.2, 3.8, 3)) + rng.normal(0, 0.1, (3, 3)))
                coords = np.array([[0, 0, 0], [0.5, 0.5, 0.5]]) + rng.normal(0, 0.02, (2, 3))
                yield f"{cation}{anion}", Structure(lattice, [cation, anion], coords)


def label(model, material, index, structure):
    found = model.predict_structure(structure)
    offset = np.mean([OFFSETS[site.specie.symbol] for site in structure])
    return Frame(
        frame_id=f"{material}-{index}",
        material_id=material,
        atomic_numbers=np.array(structure.atomic_numbers, dtype=np.uint8),
        frac_coords=structure.frac_coords,
        lattice=structure.lattice.matrix,
        energy_per_atom=float(found["e"] + offset),
        forces=np.asarray(found["f"], dtype=float) * 1.1,
        stress=np.asarray(found["s"], dtype=float) * 1.1,
        magmoms=np.abs(np.asarray(found["m"], dtype=float)) + 0.01,
    )


@pytest.fixture(scope="session")
def complete_frames(stock):
    """24 frames of 12 materials, labelled by stock CHGNet plus an offset an element."""
    return [label(stock, name, i, one) for i, (name, one) in enumerate(structures())]


@pytest.fixture(scope="session")
def mixed_frames(complete_frames):
    """The same, with some labels missing."""

    def thinned(i, frame):
        if i % 4 == 3:
            frame = replace(frame, forces=None, stress=None)
        return replace(frame, magmoms=None) if i % 3 == 2 else frame

    return [thinned(i, frame) for i, frame in enumerate(complete_frames)]


@pytest.fixture(scope="session")
def home(tmp_path_factory, complete_frames, mixed_frames):
    path = tmp_path_factory.mktemp("home")
    energies = [replace(one, forces=None, stress=None, magmoms=None) for one in complete_frames]
    sets = {"complete": complete_frames, "mixed": mixed_frames, "energies": energies}
    for name, frames in sets.items():
        card = Card(name=name, kind="frames", functional="test", labels="chgnet-0.3.0")
        write_frames(path / "datasets" / name, card, frames)
    return path


@pytest.fixture(autouse=True)
def use_home(home, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(home))


@pytest.fixture
def mixed():
    return open_dataset("mixed")


@pytest.fixture
def complete():
    return open_dataset("complete")


@pytest.fixture
def energies_only():
    return open_dataset("energies")
