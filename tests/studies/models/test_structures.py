"""Given structures and what studies make of them, against pymatgen, ASE and stock chgnet."""

import json

import numpy as np
import pytest
from ase.build import bulk
from ase.eos import EquationOfState
from ase.io import write
from ase.units import GPa
from chgnet.model import CHGNet, CHGNetCalculator
from pymatgen.core import Structure
from pymatgen.io.ase import AseAtomsAdaptor

from core.errors import LabError
from core.frames.registry import open_dataset
from core.frames.tables.pasted import keep_pasted
from core.potential.relaxation.settings import RelaxSettings
from core.progress import silent
from core.studies.models.equation_of_state import EquationOfStateStudy
from core.studies.models.given import found_given, given, keep, kept, read_given
from core.studies.models.prediction import PredictionStudy
from core.studies.models.relaxed_structure import RelaxedStructureStudy
from core.studies.results import load_result, save_result
from tests.salts import rock_salt

SALT = rock_salt(5.5)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def stock():
    return CHGNet.load(model_name="0.3.0", use_device="cpu", verbose=False)


def test_files_of_several_forms_are_read_and_bad_ones_told(home):
    SALT.to(filename="a.cif")
    SALT.to(filename="POSCAR")
    (home / "two.json").write_text(json.dumps([SALT.as_dict(), SALT.as_dict()]))
    atoms = bulk("Cu") * (2, 1, 1)
    unknown = atoms.copy()
    unknown.set_atomic_numbers([95, 95])
    write("b.extxyz", [atoms, unknown])
    found = read_given(["a.cif", "POSCAR", "two.json", "b.extxyz"])
    assert found.names.tolist() == ["a.cif", "POSCAR", "two.json, 0", "two.json, 1", "b.extxyz, 0"]
    assert found.formulas == ["NaCl"] * 4 + ["Cu"]
    (left_out,) = found.left_out
    assert (left_out["file"], left_out["frame"]) == ("b.extxyz", 1)
    assert "atomic number 95" in left_out["why"]
    for place in range(4):
        frame = found.frame(place)
        again = Structure(frame.lattice, frame.atomic_numbers, frame.frac_coords)
        assert again.matches(SALT)
    assert found.elements(0) == ["Na", "Cl"]
    np.testing.assert_allclose(found.fractions[0, [10, 16]], 0.5)


def test_kept_structures_are_found_again_and_named_by_content():
    frames = found_given("mp-structures", "LiFePO4")
    data = open_dataset("mp-structures")
    expected = data.table().query("formula == 'LiFePO4'")["material_id"].tolist()
    assert frames.names.tolist() == expected
    name = keep(frames)
    assert keep(found_given("mp-structures", "Li2Fe2P2O8")) == name
    again = kept(name)
    np.testing.assert_array_equal(again.frac_coords, frames.frac_coords)
    for wrong in ("0" * 24, "../../secret"):
        with pytest.raises(LabError, match="give them again"):
            kept(wrong)
    with pytest.raises(LabError, match="from 1 to"):
        given([], [])


@pytest.mark.parametrize("text", ["Li-Fe-O", "Fe,O Li"])
def test_a_system_holds_its_elements_and_no_others(text):
    found = found_given("mp-structures", text)
    assert all(set(found.elements(place)) == {"Li", "Fe", "O"} for place in range(len(found)))


def test_what_is_not_there_says_what_is():
    with pytest.raises(LabError, match=r"but [0-9]+ in"):
        found_given("mp-structures", "Fe17O")
    with pytest.raises(LabError, match="no structure in the chemical system"):
        found_given("mp-structures", "He-Ne-Ar-Kr")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (SALT.to(fmt="cif"), "pasted.cif"),
        ("\n\n" + SALT.to(fmt="cif"), "pasted.cif"),
        (SALT.to(fmt="poscar"), "pasted.vasp"),
        (SALT.to(fmt="json"), "pasted.json"),
        ('1\nLattice="3 0 0 0 3 0 0 0 3"\nCu 0 0 0\n', "pasted.extxyz"),
    ],
    ids=["cif", "cif below empty lines", "poscar", "json", "extxyz"],
)
def test_pasted_text_is_recognised(text, name):
    path = keep_pasted(text)
    assert path.name == name
    assert len(read_given([str(path)])) == 1


@pytest.mark.parametrize("text", ["hello", "<html>", "x" * 2_000_001], ids=["word", "HTML", "long"])
def test_other_text_is_refused(text):
    with pytest.raises(LabError, match=r"not recognised|more than"):
        keep_pasted(text)


def test_predictions_are_stocks(stock, home):
    squeezed = SALT.copy().scale_lattice(0.9 * SALT.volume)
    squeezed.perturb(0.05)
    SALT.to(filename="a.cif")
    squeezed.to(filename="POSCAR")
    study = PredictionStudy(structures=keep(read_given(["a.cif", "POSCAR"])))
    found = study.compute(silent)
    save_result(home / "r.npz", found)
    found = load_result(home / "r.npz", study.result)
    for place, structure in enumerate([SALT, Structure.from_file("POSCAR")]):
        expected = stock.predict_structure(structure)
        atoms = found.atoms(place)
        assert found.energies[place] == pytest.approx(float(expected["e"]), abs=1e-5)
        np.testing.assert_allclose(found.forces[atoms], expected["f"], atol=1e-3)
        np.testing.assert_allclose(found.stresses[place], expected["s"], rtol=1e-3, atol=1e-2)
        np.testing.assert_allclose(found.magmoms[atoms], expected["m"], atol=1e-4)
        summary = found.summary(place)
        assert summary["pressure"] == pytest.approx(-np.trace(expected["s"]) / 3, rel=1e-3)
    assert found.summary(1)["pressure"] > 1, "a squeezed crystal wants to expand"
    assert not found.knows_deviations


def test_a_relaxation_is_followed_and_ends_as_it_was_followed(home):
    SALT.to(filename="a.cif")
    study = RelaxedStructureStudy(
        structures=keep(read_given(["a.cif"])), settings=RelaxSettings(steps=3, fmax=1e-4)
    )
    seen = []
    found = study.compute(lambda *_: seen.append(study.so_far()))
    assert found.state == "not converged"
    assert found.steps == 3
    lengths = [0 if way is None else len(way) for way in seen]
    assert lengths == sorted(lengths)
    assert max(lengths) == 3
    np.testing.assert_array_equal(seen[-1].energies, found.trajectory.energies[:3])
    assert study.so_far() is None, "the file goes with the work"
    assert found.energy < found.trajectory.energies[0]


def test_the_equation_of_state_is_that_of_stock_chgnet_fitted_by_ase(stock, home):
    primitive = SALT.get_primitive_structure()
    primitive.to(filename="a.cif")
    found = EquationOfStateStudy(structures=keep(read_given(["a.cif"]))).compute(silent)
    atoms = AseAtomsAdaptor.get_atoms(primitive)
    atoms.calc = CHGNetCalculator(stock, use_device="cpu")
    cell, volume = atoms.cell.array.copy(), atoms.get_volume() / len(atoms)
    energies = []
    for each in found.volumes:
        atoms.set_cell(cell * (each / volume) ** (1 / 3), scale_atoms=True)
        energies.append(atoms.get_potential_energy() / len(atoms))
    np.testing.assert_allclose(found.energies, energies, atol=1e-5)
    lowest, _, modulus = EquationOfState(found.volumes, energies, eos="birchmurnaghan").fit()
    assert found.volume == pytest.approx(lowest, rel=1e-3)
    assert found.bulk_modulus == pytest.approx(modulus / GPa, rel=0.02)
