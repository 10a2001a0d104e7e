"""Generalised forces of the cell against ASE's filter and against scipy."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.filters import FrechetCellFilter
from ase.stress import voigt_6_to_full_3x3_stress
from scipy.linalg import expm

from core.potential.relaxation.cell import deformations, logarithm_forces


@pytest.mark.parametrize("amount", [0.0, 1e-3, 0.3])
def test_forces_equal_those_of_the_frechet_filter(amount):
    rng = np.random.default_rng(3)
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.1, seed=1)
    atoms.calc = EMT()
    filtered = FrechetCellFilter(atoms)
    logarithm = rng.normal(0, amount, (3, 3))
    coordinates = filtered.get_positions()
    coordinates[-3:] += len(atoms) * logarithm
    filtered.set_positions(coordinates)

    deformed = deformations(logarithm[None])
    stress = voigt_6_to_full_3x3_stress(atoms.get_stress())
    virial = -atoms.get_volume() * stress
    forces = logarithm_forces(logarithm[None], deformed, virial[None])[0] / len(atoms)
    np.testing.assert_allclose(forces, filtered.get_forces()[-3:], rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(deformed[0], filtered.deform_grad(), atol=1e-12)


def test_forces_are_slopes_of_a_function_of_the_deformation():
    """−∂E/∂A of E(F) = Σ F ⊙ C has W F⁻ᵀ = −C."""
    rng = np.random.default_rng(4)
    logarithms, slopes = rng.normal(0, 0.4, (2, 5, 3, 3))
    deformed = deformations(logarithms)
    found = logarithm_forces(logarithms, deformed, -slopes @ deformed.swapaxes(1, 2))
    step = 1e-6
    for place, logarithm in enumerate(logarithms):
        for i, j in np.ndindex(3, 3):
            change = np.zeros((3, 3))
            change[i, j] = step
            high, low = (expm(logarithm + sign * change) for sign in (1, -1))
            expected = -np.sum(slopes[place] * (high - low)) / (2 * step)
            assert found[place, i, j] == pytest.approx(expected, rel=1e-6, abs=1e-8)


def test_no_stress_gives_no_force():
    forces = logarithm_forces(np.zeros((2, 3, 3)), np.stack([np.eye(3)] * 2), np.zeros((2, 3, 3)))
    assert not forces.any()
