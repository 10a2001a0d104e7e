"""`atomref predict`: files that ASE and pymatgen write, against stock chgnet."""

import json
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk
from ase.eos import EquationOfState
from ase.io import read, write
from chgnet.model import CHGNet
from pymatgen.core import Structure
from pymatgen.io.ase import AseAtomsAdaptor
from typer.testing import CliRunner

from core.cli import app
from core.potential.models import load_model, model_fingerprint, save_model
from core.potential.tangent.rows import GROUPS
from core.runs.process.local import create
from core.training.settings.config import RunConfig
from core.transfer.uncertainty import Uncertainty, uncertainty_path
from tests.salts import rock_salt

pytestmark = pytest.mark.filterwarnings("ignore")

SALT = rock_salt(5.69)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def stock():
    return CHGNet.load(model_name="0.3.0", use_device="cpu", verbose=False)


def invoke(*words):
    settings = ("--device", "cpu", "--threads", "1")
    return CliRunner().invoke(app, ["predict", *map(str, words), *settings])


def frames_of(*words):
    result = invoke(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)["frames"]


def mistake(*words, model="chgnet-0.3.0"):
    result = invoke("--model", model, *words)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


def magnets(n=3):
    images = []
    for seed in range(n):
        atoms = bulk("FeO", "rocksalt", a=4.3 + 0.05 * seed, cubic=True)
        atoms.rattle(0.05, seed=seed)
        images.append(atoms)
    return images


def assert_stock(model, frame, structure):
    expected = model.predict_structure(structure)
    assert frame["energy_per_atom"] == pytest.approx(float(expected["e"]), abs=1e-5)
    np.testing.assert_allclose(frame["forces"], expected["f"], rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(frame["stress"], expected["s"], rtol=1e-4, atol=1e-2)
    np.testing.assert_allclose(frame["magmoms"], expected["m"], atol=1e-4)


def test_every_frame_of_several_files_equals_stock(stock):
    SALT.to(filename="salt.cif")
    squeezed = SALT.copy().scale_lattice(0.9 * SALT.volume)
    squeezed.perturb(0.05)
    squeezed.to(filename="POSCAR")
    images = magnets()
    write("steps.extxyz", images)
    write("steps@2.traj", images[:2])
    files = ["salt.cif", "POSCAR", "steps.extxyz", "steps@2.traj"]
    frames = frames_of("--model", "chgnet-0.3.0", *files)
    assert [(one["file"], one["index"]) for one in frames] == [
        ("salt.cif", 0),
        ("POSCAR", 0),
        *(("steps.extxyz", index) for index in range(3)),
        *(("steps@2.traj", index) for index in range(2)),
    ]
    assert frames[0]["formula"] == "Cl4Na4"
    assert_stock(stock, frames[0], SALT)
    assert_stock(stock, frames[1], Structure.from_file("POSCAR"))
    for frame, atoms in zip(frames[2:5], images, strict=True):
        assert_stock(stock, frame, AseAtomsAdaptor.get_structure(atoms))
    assert np.abs(frames[2]["magmoms"]).max() > 1
    for frame, same in zip(frames[2:4], frames[5:], strict=True):
        assert frame["energy_per_atom"] == pytest.approx(same["energy_per_atom"], abs=1e-5)
    assert np.trace(frames[1]["stress"]) < 0, "a squeezed crystal has negative stress"


def test_several_models_answer_about_the_structure_that_is_named():
    write("steps.extxyz", magnets(2))
    names = ["chgnet-0.3.0", "chgnet-r2scan"]
    words = [word for name in names for word in ("--model", name)]
    result = invoke(*words, "steps.extxyz", "--structure", "steps.extxyz, 1", "--json")
    told = json.loads(result.stdout)["models"]
    assert [one["model"] for one in told] == names
    for one in told:
        (frame,) = one["frames"]
        assert frame["index"] == 1
        expected = frames_of("--model", one["model"], "steps.extxyz")[1]["energy_per_atom"]
        assert frame["energy_per_atom"] == pytest.approx(expected, abs=1e-6)
    assert "one model" in mistake("--model", names[1], "steps.extxyz", "--out", "all.extxyz")
    assert "no b.cif among" in mistake("steps.extxyz", "--structure", "b.cif")


def test_the_table_says_of_which_model_and_level(folder):
    write("steps.extxyz", magnets(2))
    result = invoke("--model", "chgnet-0.3.0", "steps.extxyz")
    lines = result.stdout.splitlines()
    assert "energy, eV/atom" in lines[0]
    assert lines[2].split()[:4] == ["steps.extxyz", "1", "Fe4O4", "8"]
    assert "chgnet-0.3.0, GGA/GGA+U, corrections: MP2020" in lines[-1]
    assert list(folder.glob("*.json")) == []


def test_out_is_extended_xyz_in_the_units_of_ase():
    write("steps.extxyz", magnets(2))
    frames = frames_of("--model", "chgnet-0.3.0", "steps.extxyz", "--out", "labelled.extxyz")
    images = read("labelled.extxyz", index=":")
    assert len(images) == len(frames) == 2
    for atoms, frame, source in zip(images, frames, magnets(2), strict=True):
        energy = atoms.get_potential_energy()
        assert energy == pytest.approx(8 * frame["energy_per_atom"], abs=1e-4)
        np.testing.assert_allclose(atoms.get_forces(), frame["forces"], atol=1e-5)
        stress = atoms.get_stress(voigt=False) / units.GPa
        np.testing.assert_allclose(stress, frame["stress"], rtol=1e-3, atol=1e-3)
        np.testing.assert_allclose(atoms.get_magnetic_moments(), frame["magmoms"], atol=1e-5)
        np.testing.assert_allclose(atoms.positions, source.positions, atol=1e-6)
    assert "exists already" in mistake("steps.extxyz", "--out", "labelled.extxyz")


def test_a_run_stands_for_its_best_checkpoint(stock):
    SALT.to(filename="salt.cif")
    run = create(RunConfig(name="", dataset="mp-frames-r2scan"))
    assert "no validated epoch" in mistake("salt.cif", model=run.id)
    model = load_model("chgnet-0.3.0")
    run.best_checkpoint.parent.mkdir(exist_ok=True)
    extra = {"functional": "r2SCAN", "corrections": "none"}
    save_model(run.best_checkpoint, model, extra=extra)
    result = invoke("--model", run.id, "salt.cif", "--json")
    told = json.loads(result.stdout)
    assert (told["functional"], told["corrections"]) == ("r2SCAN", "none")
    assert_stock(stock, told["frames"][0], SALT)
    for name in (run.path, run.best_checkpoint):
        assert frames_of("--model", name, "salt.cif") == told["frames"]


CIF = """data_salt
_cell_length_a 4.2
_cell_length_b 4.2
_cell_length_c 4.2
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'P 1'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
{sites}
Cl1 Cl 0.5 0.5 0.5 1.0
"""


def test_full_occupancies_in_a_cif_are_no_disorder():
    Path("salt.cif").write_text(CIF.format(sites="Na1 Na 0 0 0 1.0"))
    assert frames_of("--model", "chgnet-0.3.0", "salt.cif")[0]["formula"] == "ClNa"


@pytest.mark.parametrize(
    ("sites", "name"),
    [("Na1 Na 0 0 0 0.5\nK1 K 0 0 0 0.5", "mixed.cif"), ("Na1 Na 0 0 0 0.8", "vacant.cif")],
)
def test_disordered_sites_are_refused(sites, name):
    Path(name).write_text(CIF.format(sites=sites))
    told = mistake(name)
    assert f"{name}: frame 0 (from 0) has partly occupied sites" in told


def test_disorder_is_told_where_the_formula_says_it_too():
    text = CIF.format(sites="Na1 Na 0 0 0 0.5\nK1 K 0 0 0 0.5")
    Path("mixed.cif").write_text(f"{text}_chemical_formula_sum 'Na0.5 K0.5 Cl'\n")
    assert "partly occupied sites" in mistake("mixed.cif")


WATER = [[1.75, 1.75, 2.0481545], [1.75, 2.513239, 1.4518455], [1.75, 0.986761, 1.4518455]]


def test_a_molecule_has_no_images_and_no_stress():
    write("tight.extxyz", Atoms("OH2", positions=WATER, cell=[3.5] * 3, pbc=False))
    (frame,) = frames_of("--model", "chgnet-0.3.0", "tight.extxyz", "--out", "out.extxyz")
    # stock chgnet 0.3.0 for the same file, and for the molecule in a box of 12 Å
    assert frame["energy_per_atom"] == pytest.approx(-4.935726, abs=1e-5)
    assert frame["stress"] is None
    written = read("out.extxyz")
    assert not written.pbc.any()
    assert "stress" not in written.calc.results
    text = Path("tight.extxyz").read_text().replace("\nH ", "\nD ")
    Path("heavy.extxyz").write_text(text)
    (heavy,) = frames_of("--model", "chgnet-0.3.0", "heavy.extxyz")
    assert heavy["energy_per_atom"] == frame["energy_per_atom"]


def test_what_a_file_says_of_its_elements_is_not_guessed():
    Path("v4.vasp").write_text(
        "GaAs run 3\n5.65\n0 .5 .5\n.5 0 .5\n.5 .5 0\n1 1\nDirect\n0 0 0\n.25 .25 .25\n"
    )
    assert "v4.vasp: the POSCAR does not name its elements" in mistake("v4.vasp")
    text = CIF.format(sites="Na1 Na 0 0 0 1.0")
    Path("salt.cif").write_text(
        text.replace("data_salt", "data_salt\n_chemical_formula_sum 'K1 Cl1'")
    )
    assert "the formula is K1 Cl1, but the structure is NaCl" in mistake("salt.cif")


def test_files_that_cannot_be_read():
    Path("empty.cif").touch()
    Path("prose.txt").write_text("no structure here")
    Path("comment.cif").write_text("# only a comment\n")
    Path("broken.cif").write_text(CIF.format(sites="Na1 Na zero 0 0 1.0"))
    write("cut.extxyz", magnets(2))
    text = Path("cut.extxyz").read_text()
    Path("cut.extxyz").write_text(text[: int(len(text) * 0.3)])
    for name, told in (
        ("empty.cif", "is empty"),
        ("prose.txt", "frame 0 (from 0) cannot be read"),
        ("comment.cif", "holds no structure"),
        ("broken.cif", "frame 0 (from 0) cannot be read"),
        ("cut.extxyz", "cannot be read"),
        ("missing.cif", "no such file"),
        (".", "is a directory"),
    ):
        said = mistake(name)
        assert said.startswith(f"error: {name}: ")
        assert told in said
    assert "neither a run nor a checkpoint" in mistake("cut.extxyz", model="nobody")


@pytest.mark.parametrize(
    ("atoms", "told"),
    [
        (Atoms("OH2", positions=np.eye(3)), "no three lattice vectors"),
        (Atoms("He", cell=[15, 15, 15], pbc=True), "no neighbour within 6 Å"),
        (Atoms("CmO", positions=[[0, 0, 0], [2.5, 2.5, 2.5]], cell=[5, 5, 5], pbc=True), "96"),
    ],
)
def test_frames_that_chgnet_does_not_know_are_listed(atoms, told):
    write("steps.extxyz", [*magnets(1), atoms, *magnets(2)[1:]])
    result = invoke("--model", "chgnet-0.3.0", "steps.extxyz", "--json")
    assert result.exit_code == 0, result.output
    answered = json.loads(result.stdout)
    assert [frame["index"] for frame in answered["frames"]] == [0, 2]
    (left_out,) = answered["left_out"]
    assert (left_out["file"], left_out["frame"]) == ("steps.extxyz", 1)
    assert told in left_out["why"]
    shown = invoke("--model", "chgnet-0.3.0", "steps.extxyz").stdout
    assert "left out: 1 (from 0) of steps.extxyz: " in shown
    # nothing else to predict: an error
    write("alone.extxyz", atoms)
    assert told in mistake("alone.extxyz")


def test_a_file_that_is_cut_gives_what_can_be_read():
    write("steps.extxyz", magnets(2))
    text = Path("steps.extxyz").read_text().splitlines()
    Path("steps.extxyz").write_text("\n".join(text[:-3]))
    write("whole.extxyz", magnets(1))
    result = invoke("--model", "chgnet-0.3.0", "steps.extxyz", "whole.extxyz", "--json")
    answered = json.loads(result.stdout)
    assert ("whole.extxyz", 0) in [(one["file"], one["index"]) for one in answered["frames"]]
    assert [one["file"] for one in answered["left_out"]] == ["steps.extxyz"]


def test_elements_that_training_never_saw_are_named():
    SALT.to(filename="salt.cif")
    run = create(RunConfig(name="", dataset="mp-frames-r2scan"))
    run.best_checkpoint.parent.mkdir(exist_ok=True)
    save_model(run.best_checkpoint, load_model("chgnet-0.3.0"), extra={"elements": ["Na", "O"]})
    result = invoke("--model", run.id, "salt.cif", "--json")
    assert json.loads(result.stdout)["unseen_elements"] == ["Cl"]
    assert "training frames hold no Cl" in invoke("--model", run.id, "salt.cif").stdout
    result = invoke("--model", "chgnet-r2scan", "salt.cif", "--json")
    assert json.loads(result.stdout)["unseen_elements"] == []


def test_energies_of_a_model_with_an_uncertainty_have_deviations(folder):
    """References alone uncertain: the deviation follows from the composition."""
    model = load_model("chgnet-0.3.0")
    file = folder / "mine.pth.tar"
    save_model(file, model, {})
    names = [name for group in GROUPS.values() for name in group]
    draws = {name: np.zeros((2, model.get_parameter(name).numel())) for name in names}
    references = np.zeros((2, 94))
    references[:, 10] = (0.06, -0.06)
    Uncertainty(
        parameters=draws,
        references=references,
        noise=0.04,
        left_out=np.zeros(1),
        materials=np.zeros(1, int),
        factor=2.0,
        n_held_out=30,
        model=model_fingerprint(model),
    ).save(uncertainty_path(file))
    SALT.to(filename="salt.cif")
    (frame,) = frames_of("--model", file, "salt.cif")
    assert frame["energy_deviation"] == pytest.approx(2 * np.hypot(0.03, 0.04), rel=1e-3)
    text = invoke("--model", file, "salt.cif").stdout
    assert "calibrated on 30 held-out materials" in text
    (plain,) = frames_of("--model", "chgnet-0.3.0", "salt.cif")
    assert plain["energy_deviation"] is None
    save_model(file, load_model("chgnet-r2scan"), {})
    assert "belongs to another model" in mistake("salt.cif", model=str(file))


def test_the_bulk_modulus_of_files_and_what_has_none(folder):
    write("cu.cif", bulk("Cu", a=3.6))
    write("slab.extxyz", Atoms("Cu2", [[0, 0, 4], [0, 0, 6.2]], cell=[3, 3, 12], pbc=[1, 1, 0]))
    words = ["eos", "cu.cif", "slab.extxyz", "--model", "chgnet-r2scan", "--points", "5", "--json"]
    found = CliRunner().invoke(app, words)
    assert found.exit_code == 0, found.output
    told = json.loads(found.stdout)
    (copper,) = told["structures"]
    fitted = EquationOfState(copper["volumes"], copper["energies"], eos="birchmurnaghan").fit()
    assert copper["volume_per_atom"] == pytest.approx(fitted[0], rel=1e-3)
    assert copper["bulk_modulus_gpa"] == pytest.approx(fitted[2] / units.GPa, rel=0.03)
    (slab,) = told["left_out"]
    assert "periodic in every direction" in slab["why"]
