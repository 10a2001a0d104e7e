"""FIRE for many structures against ASE's FIRE for one."""

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.optimize import FIRE

from core.potential.relaxation.fire import Walkers

SIZES = np.array([1, 4, 2])


class Springs(Calculator):
    """Every atom on springs of its own stiffness, so that FIRE turns around at times."""

    implemented_properties = ["energy", "forces"]  # noqa: RUF012

    def __init__(self, stiffness):
        super().__init__()
        self.stiffness = stiffness

    def calculate(self, atoms=None, properties=(), changes=()):
        super().calculate(atoms, properties, changes)
        positions = self.atoms.positions
        self.results = {
            "energy": 0.5 * np.sum(self.stiffness * positions**2),
            "forces": -self.stiffness * positions,
        }


@pytest.fixture
def springs():
    rng = np.random.default_rng(0)
    return rng.normal(0, 1, (7, 3)), rng.uniform(0.5, 30, (7, 3))


def path(positions, stiffness, sizes, n_steps):
    cells = np.tile(np.eye(3), (len(sizes), 1, 1))
    walkers = Walkers.at_rest(sizes, positions.copy(), cells)
    still = np.zeros((len(sizes), 3, 3))
    points = [walkers.positions.copy()]
    for _ in range(n_steps):
        walkers.step(-stiffness * walkers.positions, still)
        points.append(walkers.positions.copy())
    return np.array(points)


def test_every_structure_takes_the_steps_that_ase_takes(springs):
    positions, stiffness = springs
    found = path(positions, stiffness, SIZES, 60)
    for end, size in zip(np.cumsum(SIZES), SIZES, strict=True):
        rows = slice(end - size, end)
        atoms = Atoms("H" * size, positions[rows])
        atoms.calc = Springs(stiffness[rows])
        optimizer = FIRE(atoms, logfile=None)
        points = [atoms.positions.copy() for _ in optimizer.irun(fmax=0, steps=60)]
        np.testing.assert_allclose(found[:, rows], points, atol=1e-10)


def test_leaving_and_joining_changes_nothing_for_the_others(springs):
    positions, stiffness = springs
    alone = path(positions[1:5], stiffness[1:5], SIZES[1:2], 20)[-1]
    cells = np.tile(np.eye(3), (3, 1, 1))
    walkers = Walkers.at_rest(SIZES, positions.copy(), cells)
    for _ in range(8):
        walkers.step(-stiffness * walkers.positions, np.zeros((3, 3, 3)))
    walkers = walkers.only(np.array([False, True, False]))
    walkers = walkers.joined(Walkers.at_rest(SIZES[:1], positions[:1].copy(), cells[:1]))
    stiffness = np.concatenate([stiffness[1:5], stiffness[:1]])
    for _ in range(12):
        walkers.step(-stiffness * walkers.positions, np.zeros((2, 3, 3)))
    np.testing.assert_allclose(walkers.positions[:4], alone, atol=1e-12)
    assert walkers.steps.tolist() == [20, 12]
