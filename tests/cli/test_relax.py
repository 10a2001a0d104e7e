"""`atomref relax`: structures in files against ASE, listed with what came of each."""

import json

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.filters import FrechetCellFilter
from ase.io import read, write
from ase.optimize import FIRE

from core.potential.calculator import CHGNetCalculator
from tests.cli.helpers import answer, invoke, mistake

pytestmark = pytest.mark.filterwarnings("ignore")

CPU = ("--device", "cpu", "--threads", "1")


def rattled(seed=0):
    atoms = bulk("MgO", "rocksalt", a=4.3)
    atoms.rattle(0.05, seed=seed)
    return atoms


def relaxed(*words):
    return answer("relax", "--model", "chgnet-0.3.0", *words, *CPU)


def test_every_structure_ends_where_ase_ends():
    images = [rattled(0), rattled(1)]
    write("two.extxyz", images)
    write("xenon.cif", Atoms("Xe", cell=[20] * 3, pbc=True))
    words = ("two.extxyz", "xenon.cif", "--steps", "3", "--out", "out.extxyz")
    found = relaxed(*words, "--trajectories", "way.extxyz")
    *frames, xenon = found["frames"]
    written = read("out.extxyz", ":")
    assert len(written) == len(frames) == 2
    for atoms, frame, image in zip(images, frames, written, strict=True):
        atoms.calc = CHGNetCalculator(device="cpu")
        steps = FIRE(FrechetCellFilter(atoms), logfile=None)
        steps.run(fmax=0.1, steps=3)
        assert frame["steps"] == image.info["steps"] == steps.nsteps
        assert frame["converged"] == image.info["converged"] == (frame["state"] == "converged")
        energy = atoms.get_potential_energy()
        assert 2 * frame["energy_per_atom"] == pytest.approx(energy, abs=1e-4)
        assert image.get_potential_energy() == pytest.approx(energy, abs=1e-4)
        np.testing.assert_allclose(image.get_forces(), atoms.get_forces(), atol=1e-3)
        np.testing.assert_allclose(image.get_stress(), atoms.get_stress(), atol=1e-4)
        np.testing.assert_allclose(image.cell.array, atoms.cell.array, atol=1e-4)
    assert (xenon["file"], xenon["index"], xenon["state"]) == ("xenon.cif", 0, "refused")
    assert xenon["energy_per_atom"] is None
    assert "no neighbour" in xenon["reason"]
    assert [one["file"] for one in found["left_out"]] == ["xenon.cif"]
    way = read("way.extxyz", ":")
    assert [image.info["step"] for image in way] == [
        step for frame in frames for step in range(frame["steps"] + 1)
    ]
    assert way[0].positions == pytest.approx(rattled(0).positions, abs=1e-6)


def test_keeps_the_cell_and_writes_a_folder_of_trajectories(home):
    write("POSCAR", rattled(), format="vasp")
    found = relaxed("POSCAR", "--keep-cell", "--steps", "2", "--trajectories", "ways")
    assert found["settings"] == {"fmax": 0.1, "steps": 2, "relax_cell": False}
    assert found["frames"][0]["volume_change"] == pytest.approx(0, abs=1e-12)
    (way,) = (home / "ways").iterdir()
    images = read(way, ":")
    np.testing.assert_allclose(images[-1].cell.array, rattled().cell.array, atol=1e-6)


def test_says_what_is_wrong(home):
    write("one.extxyz", rattled())
    (home / "taken.extxyz").write_text("precious")
    model = ("--model", "chgnet-0.3.0")
    for option in ("--out", "--trajectories"):
        told = mistake("relax", *model, "one.extxyz", option, "taken.extxyz")
        assert "exists already" in told
    assert (home / "taken.extxyz").read_text() == "precious"
    both = ("--out", "new.extxyz", "--trajectories", "new.extxyz")
    assert "name two files" in mistake("relax", *model, "one.extxyz", *both)
    for fmax in ("0", "-1", "nan"):
        assert "--fmax" in mistake("relax", *model, "one.extxyz", "--fmax", fmax)
    assert "no such file" in mistake("relax", *model, "none.cif")
    write("xenon.cif", Atoms("Xe", cell=[20] * 3, pbc=True))
    assert "no neighbour" in mistake("relax", *model, "xenon.cif", "--out", "new.extxyz", *CPU)
    assert not (home / "new.extxyz").exists()


def test_the_text_has_units_and_reasons():
    write("one.extxyz", rattled())
    result = invoke("relax", "--model", "chgnet-0.3.0", "one.extxyz", "--steps", "1", *CPU)
    assert result.exit_code == 0
    for words in (
        "eV/atom",
        "eV/Å",
        "volume, %",
        "not converged",
        "at step 1, the last",
        "GGA/GGA+U",
    ):
        assert words in result.stdout


def test_json_is_one_object():
    write("one.extxyz", rattled())
    result = invoke("relax", "--model", "chgnet-0.3.0", "one.extxyz", "--steps=0", "--json", *CPU)
    frame = json.loads(result.stdout)["frames"][0]
    assert frame["steps"] == 0
    assert not frame["converged"]
