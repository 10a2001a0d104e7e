"""The one import: several files, functionals that differ, frames that are left out."""

import json
import shutil
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from core.errors import LabError
from core.frames.registry import list_datasets, open_dataset, open_frame_set
from core.frames.sources.importing import import_dataset, open_input, plan_import
from core.frames.sources.opening import files_named
from core.frames.units import HARTREE

EV_PER_A3 = 160.2176634
CODES = Path(__file__).parents[2] / "data" / "formats" / "codes"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path / "home"))


def salt(energy=-7.0, **info):
    atoms = Atoms("NaCl", cell=np.eye(3) * 4, scaled_positions=[[0, 0, 0], [0.5, 0.5, 0.5]])
    atoms.pbc = True
    atoms.info.update(info)
    stress = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) / EV_PER_A3
    atoms.calc = SinglePointCalculator(
        atoms, energy=energy, forces=[[0.1, 0, 0], [-0.1, 0, 0]], stress=stress
    )
    return atoms


def written(path: Path, *frames: Atoms) -> Path:
    ase.io.write(path, list(frames), format="extxyz")
    return path


def test_several_files_become_one_data_set(tmp_path):
    files = [written(tmp_path / f"{n}.xyz", salt(-7.0 - n, mp_id=f"mp-{n}")) for n in range(3)]
    card = import_dataset(files, "frames", name="salts", functional="PBE")
    data = open_frame_set("salts")
    assert card.n_materials == 3
    np.testing.assert_allclose(data.energies(), [-3.5, -4.0, -4.5])
    assert list(data.material_ids()) == ["mp-0", "mp-1", "mp-2"]
    stress = data.frame(0).stress
    assert stress is not None
    np.testing.assert_allclose(stress, [[1, 6, 5], [6, 2, 4], [5, 4, 3]], rtol=1e-6)
    assert files_named(str(tmp_path / "*.xyz")) == files


def test_steps_of_a_calculation_are_one_material(tmp_path):
    """As in a split by material, where others of them would be in the test."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        shutil.copy(CODES / "qe_TiO2_opt_pw.out.gz", tmp_path / name / "pw.out.gz")
    card = import_dataset(
        files_named(str(tmp_path / "*" / "pw.out.gz")), "frames", name="rutile", functional="PBE-D3"
    )
    assert card.n_materials == 2
    ids = list(open_frame_set("rutile").material_ids())
    assert ids == ["a"] * 6 + ["b"] * 6


def test_files_of_different_forms_are_not_one_data_set(tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("formula,energy\nNaCl,-3\n")
    with pytest.raises(LabError, match="not of one form"):
        open_input([written(tmp_path / "a.xyz", salt()), table])


def test_frames_of_other_functionals_are_left_out_and_counted(tmp_path):
    names = ["PBE", "r2SCAN", "PBE"]
    path = written(tmp_path / "mixed.xyz", *(salt(functional=name) for name in names))
    found = open_input(path)
    assert found.functionals(found.mapping("frames")) == {"PBE": 2, "r2SCAN": 1}
    with pytest.raises(LabError, match=r"PBE \(2\), r2SCAN \(1\)"):
        found.functional({}, "frames")
    card = import_dataset(path, "frames", name="pbe", functional="pbe")
    assert card.n == 2
    assert "1 in r2SCAN" in card.description
    with pytest.raises(LabError, match="has no row in SCAN"):
        import_dataset(path, "frames", name="scan", functional="SCAN")


def test_run_types_of_gga_and_gga_u_are_one_functional(tmp_path):
    frames = [salt(run_type=name) for name in ("GGA", "GGA+U")]
    found = open_input(written(tmp_path / "mp.xyz", *frames))
    assert found.functional(found.mapping("frames"), "frames") == "GGA/GGA+U"


def test_what_cannot_be_taken_is_reported_with_its_place(tmp_path):
    heavy = salt()
    heavy.numbers[0] = 96
    path = written(tmp_path / "some.xyz", salt(), heavy, salt(float("nan")), salt(-7.5))
    card = import_dataset(path, "frames", name="some", functional="PBE")
    assert card.report is not None
    assert (card.n, card.report.n_read, card.report.n_refused) == (2, 4, 2)
    first, second = card.report.refused
    assert first.where.startswith("frame 1 ")
    assert second.where.startswith("frame 2 ")
    assert "H to Pu" in first.why


def test_a_file_of_which_nothing_can_be_taken_leaves_no_data_set(tmp_path):
    heavy = salt()
    heavy.numbers[0] = 96
    path = written(tmp_path / "cm.xyz", heavy, heavy)
    with pytest.raises(LabError, match=r"Frame 0 .*of cm.xyz.*no structure could be read"):
        import_dataset(path, "frames", name="nothing", functional="PBE")
    assert all(info.embedded for info in list_datasets())


def test_repeated_frames_and_ids_are_counted(tmp_path):
    path = written(tmp_path / "twice.xyz", *(salt(frame_id="a", mp_id="mp-1") for _ in range(2)))
    card = import_dataset(path, "frames", name="twice", functional="PBE")
    assert card.report is not None
    assert (card.report.n_duplicates, card.report.n_renamed, card.n_materials) == (1, 1, 1)
    assert list(open_frame_set("twice").table()["frame_id"]) == ["a", "a#2"]


def test_one_structure_with_two_energies_is_said(tmp_path):
    path = written(tmp_path / "mixed.xyz", salt(-7.0), salt(-7.0), salt(-8.374))
    card = import_dataset(path, "frames", name="mixed", functional="PBE")
    assert "1 frames repeat an earlier one." in card.description
    assert "another energy, by up to 687 meV/atom" in card.description


def test_what_was_chosen_for_keys_is_remembered(tmp_path):
    frames = [Atoms("NaCl", cell=np.eye(3) * 4, pbc=True, positions=[[0, 0, 0], [2, 2, 2]])]
    frames[0].info["U0"] = -0.25
    path = written(tmp_path / "qm.xyz", *frames)
    with pytest.raises(LabError, match="energy"):
        plan_import(path, "frames")
    chosen = {"mapping": {"energy": "U0"}, "units": {"energy": "Ha/cell"}}
    import_dataset(path, "frames", name="first", functional="B3LYP", **chosen)
    plan = plan_import(path, "frames")
    assert (plan.mapping["energy"], plan.units["energy"].unit.name) == ("U0", "Ha/cell")
    import_dataset(path, "frames", name="second", functional="B3LYP")
    assert open_frame_set("second").energies()[0] == pytest.approx(-0.125 * 27.211386)
    frames[0].info["other"] = 1.0
    with pytest.raises(LabError, match="energy"):
        plan_import(written(tmp_path / "other.xyz", *frames), "frames")


def test_energies_per_atom_are_recognised_by_composition(tmp_path):
    rng = np.random.default_rng(0)
    frames = []
    for _ in range(60):
        symbols = rng.choice(["Li", "O", "Fe"], size=rng.integers(1, 12))
        n = len(symbols)
        atoms = Atoms(symbols, cell=np.eye(3) * 6, scaled_positions=rng.random((n, 3)), pbc=True)
        energies = {"Li": -2.0, "O": -5.0, "Fe": -8.0}
        per_atom = sum(energies[symbol] for symbol in symbols) / n + rng.normal(0, 0.02)
        atoms.calc = SinglePointCalculator(atoms, energy=per_atom)
        frames.append(atoms)
    path = written(tmp_path / "per_atom.xyz", *frames)
    unit = plan_import(path, "frames", functional="PBE").units["energy"]
    assert (unit.unit.name, unit.is_assumed) == ("eV/atom", True)
    card = import_dataset(path, "frames", name="per-atom", functional="PBE")
    right = [atoms.get_potential_energy() for atoms in frames]
    np.testing.assert_allclose(open_frame_set(card.name).energies(), right)


def test_several_tables_are_refused_in_a_sentence(tmp_path):
    paths = [tmp_path / name for name in ("a.csv", "b.csv")]
    for path in paths:
        path.write_text("formula,energy_pbe\nNaCl,-3\n")
    with pytest.raises(LabError, match="put their rows into one file"):
        open_input(paths)


def test_records_of_one_unit_are_converted(tmp_path):
    path = tmp_path / "u.json"
    row = {"formula": "NaCl", "energy_pbe": -0.125, "energy_r2scan": -0.25, "units": "hartree"}
    path.write_text(json.dumps([row, row | {"formula": "KCl"}]))
    import_dataset(path, "pairs", name="u")
    assert open_dataset("u").energy("energy_r2scan")[1] == pytest.approx(-0.25 * HARTREE)
    path.write_text(json.dumps([row, row | {"units": "eV"}]))
    with pytest.raises(LabError, match=r"^Entry 1 of u.json: .*states 'eV', and 'hartree' in a"):
        import_dataset(path, "pairs", name="v")
