"""The equation of state against ASE's fit, and against curves that are known."""

import numpy as np
import pytest
from ase.build import bulk
from ase.eos import EquationOfState as AseFit
from ase.units import GPa

from core.errors import LabError
from core.frames.schema import Frame
from core.potential.relaxation.equation_of_state import all_tables, equation_of_state, fit

VOLUME, ENERGY, MODULUS, DERIVATIVE = 11.0, -3.7, 137.0, 4.6


def birch_murnaghan(volumes):
    eta = (VOLUME / np.asarray(volumes)) ** (2 / 3)
    strain = (eta - 1) ** 3 * DERIVATIVE + (eta - 1) ** 2 * (6 - 4 * eta)
    return ENERGY + 9 * VOLUME * MODULUS * GPa / 16 * strain


def copper(a=3.61):
    atoms = bulk("Cu", a=a)
    return Frame(
        frame_id="cu",
        material_id="cu",
        atomic_numbers=atoms.numbers,
        frac_coords=atoms.get_scaled_positions(),
        lattice=atoms.cell.array,
    )


def analytic(frames, _):
    return birch_murnaghan([abs(np.linalg.det(frame.lattice)) / len(frame) for frame in frames])


# a³/4 is 8.8, 11.8 and 19.7 Å³: too small, about right, and far too large.
@pytest.mark.parametrize("a", [3.28, 3.61, 4.2])
def test_the_equilibrium_is_found_from_any_volume_nearby(a):
    found = equation_of_state(copper(a), analytic)
    assert found.volume == pytest.approx(VOLUME, rel=1e-4)
    assert found.energy == pytest.approx(ENERGY, abs=1e-6)
    assert found.bulk_modulus == pytest.approx(MODULUS, rel=1e-3)
    assert found.derivative == pytest.approx(DERIVATIVE, rel=1e-2)
    assert found.rms < 1e-6
    assert abs(np.median(found.volumes) / VOLUME - 1) < 0.06
    np.testing.assert_allclose(found.curve(found.volumes), found.energies, atol=1e-6)


def test_noisy_energies_are_fitted_as_ase_fits_them():
    volumes = np.linspace(10.3, 11.7, 11)
    energies = birch_murnaghan(volumes) + np.random.default_rng(0).normal(0, 1e-4, 11)
    found = fit(volumes, energies, given_volume=11.0)
    volume, energy, modulus = AseFit(volumes, energies, eos="birchmurnaghan").fit()
    assert found.volume == pytest.approx(volume, rel=1e-5)
    assert found.energy == pytest.approx(energy, abs=1e-6)
    assert found.bulk_modulus == pytest.approx(modulus / GPa, rel=1e-4)


def test_what_has_no_minimum_says_so():
    with pytest.raises(LabError, match="No volume of lowest energy"):
        equation_of_state(copper(), lambda frames, _: -np.array([f.lattice[0, 1] for f in frames]))


def test_molecules_and_missing_energies_are_refused():
    slab = Frame(
        frame_id="s",
        material_id="s",
        atomic_numbers=np.array([29]),
        frac_coords=np.zeros((1, 3)),
        lattice=np.eye(3),
        pbc=(True, True, False),
    )
    with pytest.raises(LabError, match="periodic in every direction"):
        equation_of_state(slab, analytic)
    with pytest.raises(LabError, match="no energy at some of the volumes"):
        equation_of_state(copper(), lambda frames, _: np.full(len(frames), np.nan))


def test_tables_name_the_model():
    found = equation_of_state(copper(), analytic, points=5)
    table = all_tables({"one": found, "two": found})
    assert table["model"].tolist() == ["one"] * 5 + ["two"] * 5
    np.testing.assert_allclose(table["fitted"], table["energy_per_atom"], atol=1e-6)
