"""Relaxations against ASE's FIRE and FrechetCellFilter, and what cannot be relaxed."""

import numpy as np
import pytest
from ase.build import bulk
from ase.filters import FrechetCellFilter
from ase.optimize import FIRE
from pymatgen.io.ase import AseAtomsAdaptor

from core.frames.schema import Frame
from core.potential.calculator import CHGNetCalculator
from core.potential.relaxation.relax import relax
from core.potential.relaxation.relaxed import RelaxSettings


def frame_of(atoms, name="one"):
    return Frame(
        frame_id=name,
        material_id=name,
        atomic_numbers=atoms.numbers,
        frac_coords=atoms.cell.scaled_positions(atoms.positions),
        lattice=atoms.cell.array,
        pbc=tuple(bool(one) for one in atoms.pbc),
    )


def rattled(seed, amount=0.06, scale=1.0):
    atoms = bulk("MgO", "rocksalt", a=4.3 * scale)
    atoms.rattle(amount, seed=seed)
    return atoms


@pytest.fixture(scope="module")
def cases(structures):
    return [
        rattled(0),
        AseAtomsAdaptor.get_atoms(structures["perovskite"]),
        rattled(1, scale=0.97),
        AseAtomsAdaptor.get_atoms(structures["one atom, primitive face-centred cell"]),
    ]


def by_ase(atoms, settings, model):
    atoms = atoms.copy()
    atoms.calc = CHGNetCalculator(model, device="cpu")
    optimizer = FIRE(FrechetCellFilter(atoms) if settings.relax_cell else atoms, logfile=None)
    optimizer.run(fmax=settings.fmax, steps=settings.steps)
    return atoms, optimizer.nsteps


@pytest.mark.parametrize("relax_cell", [True, False])
def test_equals_ase(cases, released, relax_cell):
    settings = RelaxSettings(fmax=0.1, steps=8, relax_cell=relax_cell)
    found = relax(released, [frame_of(atoms) for atoms in cases], settings)
    for atoms, relaxed in zip(cases, found, strict=True):
        expected, n_steps = by_ase(atoms, settings, released)
        assert relaxed.steps == n_steps
        assert relaxed.energy == pytest.approx(expected.get_potential_energy() / len(atoms), 1e-5)
        np.testing.assert_allclose(relaxed.structure.lattice, expected.cell.array, atol=1e-4)
        positions = relaxed.structure.frac_coords @ relaxed.structure.lattice
        np.testing.assert_allclose(positions, expected.positions, atol=1e-4)
        np.testing.assert_allclose(relaxed.forces, expected.get_forces(), atol=1e-3)
        assert relaxed.volume_change == pytest.approx(
            expected.get_volume() / atoms.get_volume() - 1, abs=1e-5
        )
        assert relaxed.converged == (relaxed.max_force < settings.fmax)
        assert relaxed.state == ("converged" if relaxed.converged else "not converged")
        assert bool(relaxed.reason) == (not relaxed.converged)
