import numpy as np
import pytest
from ase import units as ase

from core.frames.units import BASE, UnknownUnitError, describe, unit_in_name, unit_named, units_of


@pytest.mark.parametrize(
    ("name", "unit", "factor"),
    [
        ("energy_pbe [Ha/atom]", "Ha/atom", ase.Hartree),
        ("energy_r2scan_Ry", "Ry/atom", ase.Rydberg),
        ("energy_pbe (kJ/mol)", "kJ/mol/atom", ase.kJ / ase.mol),
        ("E (kcal/mol)", "kcal/mol/atom", ase.kcal / ase.mol),
        ("energy_r2scan (meV/atom)", "meV/atom", 1e-3),
        ("energy_Ha", "Ha/atom", ase.Hartree),
        ("energy_hartree_per_atom", "Ha/atom", ase.Hartree),
        ("energy_au", "Ha/atom", ase.Hartree),
        ("E [a.u.]", "Ha/atom", ase.Hartree),
        ("energy_kjmol", "kJ/mol/atom", ase.kJ / ase.mol),
        ("energy_mHa", "mHa/atom", ase.Hartree / 1000),
        ("energy_per_atom", "eV/atom", 1),
        ("energy_ev_r2scan", "eV/atom", 1),
        ("r2SCAN energy, eV per atom", "eV/atom", 1),
        ("energy_per_atom_pbe_hartree", "Ha/atom", ase.Hartree),
        ("pbe_energy_per_atom_mev", "meV/atom", 1e-3),
        ("energy_per_atom (meV)", "meV/atom", 1e-3),
        ("energy_per_atom_kjmol", "kJ/mol/atom", ase.kJ / ase.mol),
        ("total_energy_per_atom", "eV/atom", 1),
        ("energy [E_h]", "Ha/atom", ase.Hartree),
        ("energy (mEh)", "mHa/atom", ase.Hartree / 1000),
        ("energy (atomic units)", "Ha/atom", ase.Hartree),
        ("energy (electron volts per atom)", "eV/atom", 1),
        ("energy_eVperatom", "eV/atom", 1),
        ("energy_kjpermol", "kJ/mol/atom", ase.kJ / ase.mol),
        ("energy (kJ/(mol atom))", "kJ/mol/atom", ase.kJ / ase.mol),
        ("energy (eV atom^{-1})", "eV/atom", 1),
        ("energy/atom", "eV/atom", 1),
        ("Energy/atom [meV]", "meV/atom", 1e-3),
        ("energy (eV/atom, MP2020 corrected)", "eV/atom", 1),
        ("energy_Ryd", "Ry/atom", ase.Rydberg),
        ("energy (a. u.)", "Ha/atom", ase.Hartree),
        ("negative_energy_pbe", "-eV/atom", -1),
        ("-E_PBE (Ha)", "-Ha/atom", -ase.Hartree),
        ("energy_minus_atomref (eV)", "eV/atom", 1),
    ],
)
def test_energies_per_atom_in_names(name, unit, factor):
    found = unit_in_name("energy", name)
    assert (found.name, found.per) == (unit, "atom")
    assert found.energies(np.array([2.0]), atoms=None) == pytest.approx(2 * factor, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "unit", "per"),
    [
        ("energy_pbe_ev_per_cell", "eV/cell", "cell"),
        ("energy_pbe (eV/f.u.)", "eV/f.u.", "formula unit"),
        ("energy [eV per formula unit]", "eV/f.u.", "formula unit"),
        ("energy (Ha / unit cell)", "Ha/cell", "cell"),
        ("total_energy", "eV/cell", "cell"),
        ("E_total_Ha", "Ha/cell", "cell"),
        ("energy_kJ_per_mol_per_fu", "kJ/mol/f.u.", "formula unit"),
        ("energy_per_cell", "eV/cell", "cell"),
        ("energy_per_cell (Ha)", "Ha/cell", "cell"),
        ("Energy per formula unit (kJ/mol)", "kJ/mol/f.u.", "formula unit"),
        ("energy (eV/u.c.)", "eV/cell", "cell"),
        ("E_PBE_tot [eV]", "eV/cell", "cell"),
        ("pbe_toten", "eV/cell", "cell"),
    ],
)
def test_energies_of_more_atoms_in_names(name, unit, per):
    found = unit_in_name("energy", name)
    assert (found.name, found.per) == (unit, per)
    expected = [found.factor, found.factor / 2]
    assert found.energies(np.array([4.0, 4.0]), atoms=np.array([4, 8])) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "unit", "factor"),
    [
        ("forces_ha_bohr", "Ha/bohr", ase.Hartree / ase.Bohr),
        ("forces (Ry/bohr)", "Ry/bohr", ase.Rydberg / ase.Bohr),
        ("forces [a.u.]", "Ha/bohr", ase.Hartree / ase.Bohr),
        ("forces_mev_ang", "meV/Å", 1e-3),
        ("forces (eV/Å)", "eV/Å", 1),
        ("forces (eV Å⁻¹)", "eV/Å", 1),
        ("gradients", "-eV/Å", -1),
        ("gradient (Hartree/Bohr)", "-Ha/bohr", -ase.Hartree / ase.Bohr),
        ("forces (Ry/a.u.)", "Ry/bohr", ase.Rydberg / ase.Bohr),
        ("forces (E_h/a_0)", "Ha/bohr", ase.Hartree / ase.Bohr),
        ("forces (kcal/(mol Å))", "kcal/mol/Å", ase.kcal / ase.mol),
        ("forces (kJ/(mol*nm))", "kJ/mol/nm", ase.kJ / ase.mol / ase.nm),
        ("forces (-eV/Å)", "-eV/Å", -1),
        ("negative_gradient", "eV/Å", 1),
        ("-gradient", "eV/Å", 1),
        ("dE/dR", "-eV/Å", -1),
        ("negative_forces_Ha_bohr", "-Ha/bohr", -ase.Hartree / ase.Bohr),
    ],
)
def test_forces_in_names(name, unit, factor):
    found = unit_in_name("forces", name)
    assert found.name == unit
    assert found.array(np.ones(3)) == pytest.approx(np.full(3, factor), rel=1e-6)


@pytest.mark.parametrize(
    ("name", "unit", "factor"),
    [
        ("stress_kbar", "kBar", -0.1),
        ("stress (kB)", "kBar", -0.1),
        ("stress_gpa", "GPa", 1),
        ("stress (eV/Å^3)", "eV/Å³", 1 / ase.GPa),
        ("stress_ev_a3", "eV/Å³", 1 / ase.GPa),
        ("stress (eV/Ang/Ang/Ang)", "eV/Å³", 1 / ase.GPa),
        ("stress_ev_per_ang3", "eV/Å³", 1 / ase.GPa),
        ("stress [eV Å⁻³]", "eV/Å³", 1 / ase.GPa),
        ("stress [Ha/bohr^3]", "Ha/bohr³", ase.Hartree / ase.Bohr**3 / ase.GPa),
        ("virial", "eV virial", -1 / 40 / ase.GPa),
        ("virials_Ha", "Ha virial", -ase.Hartree / 40 / ase.GPa),
        ("virial (eV)", "eV virial", -1 / 40 / ase.GPa),
        ("virial (kcal/mol)", "kcal/mol virial", -ase.kcal / ase.mol / 40 / ase.GPa),
        ("stress (Ry/a.u.^3)", "Ry/bohr³", ase.Rydberg / ase.Bohr**3 / ase.GPa),
        ("stress (kilobar)", "kBar", -0.1),
        ("stress (-GPa)", "-GPa", -1),
    ],
)
def test_stress_in_names(name, unit, factor):
    found = unit_in_name("stress", name)
    assert found.name == unit
    values = found.array(np.eye(3), volume=40)
    assert values == pytest.approx(factor * np.eye(3), rel=1e-6)


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("energy", "energy"),
        ("energy", "E(r²SCAN)"),
        ("energy", "energy (GGA/GGA+U)"),
        ("energy", "energy_Au"),
        ("energy", "energy (corrected)"),
        ("energy", "energy (without MP2020 corrections)"),
        ("energy", "energy (not corrected)"),
        ("energy", "energy (sigma->0)"),
        ("energy", "PBE-D3(BJ) energy"),
        ("forces", "REF_forces"),
        ("stress", "stress"),
        ("magmoms", "magmom_per_site"),
    ],
)
def test_names_without_units(label, name):
    assert unit_in_name(label, name) is None


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("energy", "energy [J]"),
        ("energy", "energy (cm-1)"),
        ("energy", "energy_kcal"),
        ("energy", "energy_per_atom_kcal"),
        ("energy", "energy (MeV/atom)"),
        ("energy", "energy_per_molecule"),
        ("energy", "energy_per_molecule_eV"),
        ("energy", "total energy per primitive cell (eV)"),
        ("energy", "energy (eV/molecule)"),
        ("energy", "energy (furlongs)"),
        ("forces", "forces [dyn]"),
        ("stress", "stress_psi"),
        ("stress", "virial_gpa"),
        ("stress", "virial_per_atom"),
        ("stress", "virial (eV/Å^3)"),
        ("stress", "stress (bar)"),
    ],
)
def test_other_units_are_refused(label, name):
    with pytest.raises(UnknownUnitError, match=rf"is not a known unit of {label}; choose "):
        unit_in_name(label, name)


def test_a_row_of_units_counts_before_the_name():
    assert unit_in_name("energy", "energy_pbe", below="Ha").name == "Ha/atom"
    with pytest.raises(UnknownUnitError):
        unit_in_name("energy", "energy_pbe", below="furlong")


@pytest.mark.parametrize("label", list(BASE))
def test_every_listed_unit_reads_back(label):
    names = [unit.name for unit in units_of(label)]
    assert names[0] == BASE[label]
    assert len(set(names)) == len(names)
    for unit in units_of(label):
        assert unit_named(label, unit.name) == unit
        assert describe(unit, label).startswith(unit.name)


def test_a_minus_reverses_the_sign():
    assert unit_named("forces", "−Ha/bohr").factor == -unit_named("forces", "Ha/bohr").factor
    assert unit_named("stress", "-kBar").factor == 0.1
    with pytest.raises(UnknownUnitError):
        unit_named("energy", "-")
