"""The ASE calculator against chgnet's own, against differences of energies, and in a relaxation."""

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk
from ase.filters import FrechetCellFilter
from ase.optimize import FIRE
from ase.stress import full_3x3_to_voigt_6_stress
from chgnet.model.dynamics import CHGNetCalculator as StockCalculator
from pymatgen.io.ase import AseAtomsAdaptor

from core.errors import LabError
from core.potential.calculator import CHGNetCalculator
from core.potential.models import load_model

pytestmark = pytest.mark.filterwarnings("ignore:Converting a tensor")

VARIED = [
    "one atom, no angles",
    "two atoms, skewed cell",
    "perturbed oxide",
    "atoms outside the first cell",
    "slab with an adsorbate",
]


@pytest.fixture(scope="module")
def ours(released):
    return CHGNetCalculator(released, device="cpu")


@pytest.fixture(scope="module")
def theirs():
    return StockCalculator(load_model("chgnet-0.3.0"), use_device="cpu", on_isolated_atoms="error")


def rattled(seed=0):
    atoms = bulk("MgO", "rocksalt", a=4.3, cubic=True)
    atoms.rattle(0.08, seed=seed)
    return atoms


@pytest.mark.parametrize("name", VARIED)
def test_equals_the_stock_calculator(structures, ours, theirs, name):
    one = AseAtomsAdaptor.get_atoms(structures[name])
    other = one.copy()
    one.calc, other.calc = ours, theirs
    assert one.get_potential_energy() == pytest.approx(other.get_potential_energy(), abs=1e-4)
    assert one.get_potential_energy(force_consistent=True) == one.get_potential_energy()
    np.testing.assert_allclose(one.get_forces(), other.get_forces(), rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(one.get_stress(), other.get_stress(), rtol=1e-4, atol=1e-4)
    assert one.get_stress().shape == (6,)
    # chgnet returns its moments with a trailing axis where ASE's are (n,)
    moments = np.ravel(theirs.results["magmoms"])
    np.testing.assert_allclose(one.get_magnetic_moments(), moments, atol=1e-4)


@pytest.mark.parametrize("pbc", [False, (True, True, False)])
def test_open_directions_equal_stock(ours, theirs, pbc):
    one = Atoms("OH2", [[0, 0, 0.6], [0, 0.76, 0], [0, -0.76, 0]], cell=[3.5] * 3, pbc=pbc)
    other = one.copy()
    one.calc, other.calc = ours, theirs
    assert one.get_potential_energy() == pytest.approx(other.get_potential_energy(), abs=1e-4)
    np.testing.assert_allclose(one.get_forces(), other.get_forces(), rtol=1e-4, atol=1e-3)
    assert ("stress" in ours.results) == bool(np.any(pbc))


def test_forces_and_stress_are_slopes_of_the_energy(double):
    atoms = rattled()
    atoms.calc = CHGNetCalculator(double, device="cpu")
    forces, stress, volume = atoms.get_forces(), atoms.get_stress(), atoms.get_volume()
    step = 1e-4

    def energy(displaced):
        displaced.calc = atoms.calc
        return displaced.get_potential_energy()

    def slope(change):
        return (energy(change(step)) - energy(change(-step))) / (2 * step)

    def moved(amount):
        other = atoms.copy()
        other.positions[3, 1] += amount
        return other

    def strained(amount):
        other = atoms.copy()
        other.set_cell(other.cell @ (np.eye(3) + amount * direction), scale_atoms=True)
        return other

    assert forces[3, 1] == pytest.approx(-slope(moved), abs=1e-5)
    for place, (i, j) in enumerate([(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)]):
        direction = np.zeros((3, 3))
        direction[i, j] += 0.5
        direction[j, i] += 0.5
        assert stress[place] == pytest.approx(slope(strained) / volume, abs=1e-6)


def test_relaxes_as_stock_does(ours, theirs):
    ends = []
    for calculator in (ours, theirs):
        atoms = rattled()
        atoms.calc = calculator
        FIRE(FrechetCellFilter(atoms), logfile=None).run(fmax=0.01, steps=6)
        ends.append(atoms)
    assert ends[0].get_potential_energy() < rattled_energy(ours) - 0.1
    np.testing.assert_allclose(ends[0].positions, ends[1].positions, atol=1e-3)
    np.testing.assert_allclose(ends[0].cell.array, ends[1].cell.array, atol=1e-3)


def rattled_energy(calculator):
    atoms = rattled()
    atoms.calc = calculator
    return atoms.get_potential_energy()


def test_stress_is_in_the_sign_of_ase(ours, released, structures, pack):
    squeezed = structures["rock salt"].copy()
    squeezed.scale_lattice(0.9 * squeezed.volume)
    atoms = AseAtomsAdaptor.get_atoms(squeezed)
    atoms.calc = ours
    stress = atoms.get_stress()
    assert (stress[:3] < 0).all(), "a squeezed crystal wants to expand"
    in_gpa = released.predict_structure(squeezed)["s"]
    expected = full_3x3_to_voigt_6_stress(in_gpa) * units.GPa
    np.testing.assert_allclose(stress, expected, rtol=1e-3, atol=1e-4)


def test_a_changed_structure_is_calculated_anew(ours):
    atoms = rattled()
    atoms.calc = ours
    before = atoms.get_potential_energy()
    atoms.positions[0, 0] += 0.2
    assert atoms.get_potential_energy() != before


def test_takes_a_name_and_refuses_what_is_no_crystal(ours):
    assert CHGNetCalculator("chgnet-r2scan", device="cpu").model.n_params > 0
    for atoms, told in (
        (Atoms("OH2", positions=[[0, 0, 0], [0, 0, 1], [0, 1, 0]]), "no three lattice vectors"),
        (Atoms("He", cell=[20, 20, 20], pbc=True), "no neighbour within 6 Å"),
    ):
        atoms.calc = ours
        with pytest.raises(LabError, match=told):
            atoms.get_potential_energy()
