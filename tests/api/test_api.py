"""The public Python interface: its examples, and its answers beside those of commands and ASE."""

import doctest
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from ase.build import bulk
from ase.io import write
from pymatgen.core import Lattice, Structure
from pymatgen.io.ase import AseAtomsAdaptor

import core
from core.api import data, models, references, training
from core.frames.findings import Finding
from core.runs.process import worker
from core.studies.check import CheckStudy
from tests.cli.helpers import answer, make_frames, pair_table
from tests.cli.test_train import fake_fit

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("module", [data, models, references], ids=lambda module: module.__name__)
def test_examples_print_what_they_say(module):
    ran = doctest.testmod(module)
    assert ran.attempted > 5
    assert not ran.failed


def test_every_public_name_is_there_with_its_help():
    assert set(core.__all__) <= set(dir(core))
    for name in core.__all__:
        text = getattr(core, name).__doc__
        assert text, name
        if name != "LabError":
            assert "Returns:" in text
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        core.nothing  # noqa: B018


def test_the_import_waits_for_no_library():
    code = "import sys, core; print({'numpy', 'torch'} & {*sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT
    )
    assert done.stdout.strip() == "set()"


def test_a_table_is_imported_and_compared_as_on_the_command_line(tmp_path):
    table = pair_table(tmp_path / "pairs.csv")
    pairs = core.import_data("pairs.csv", name="mine")
    told = answer("shift", "mine")
    assert len(pairs) == len(table)
    found = core.shift(core.open_pairs("mine"))
    assert found.mae == pytest.approx(told["mae"])
    assert found.mae == pytest.approx(
        np.abs(table["energy_r2scan"] - table["energy_gga_corrected"]).mean()
    )
    assert core.shift(core.open_pairs("pairs.csv")).mean_shift == pytest.approx(told["mean_shift"])
    named = core.import_data("pairs.csv", name="named", functional={"energy_r2scan": "HSE06"})
    assert named.card.energy_column("energy_r2scan").functional == "HSE06"
    one = core.import_data(
        "pairs.csv", name="one", functional="r2SCAN", mapping={"energy": "energy_r2scan"}
    )
    assert one.card.functional is None or len(one.card.energies) == 1
    with pytest.raises(core.LabError, match="exists already"):
        core.import_data("pairs.csv", name="mine")


def test_atomref_is_what_least_squares_gives(tmp_path):
    table = pair_table(tmp_path / "pairs.csv")
    pairs = core.import_data("pairs.csv", name="mine")
    fit = core.fit_atomref("mine", column="energy_r2scan")
    right = np.linalg.lstsq(pairs.fractions(), table["energy_r2scan"].to_numpy(), rcond=None)[0]
    assert fit.energies == pytest.approx(right, abs=1e-8)


def test_structures_of_ase_pymatgen_and_files_are_predicted_alike():
    atoms = bulk("NaCl", "rocksalt", a=5.6)
    atoms.rattle(0.05, seed=1)
    write("salt.extxyz", [atoms, atoms])
    given = [atoms, AseAtomsAdaptor.get_structure(atoms), "salt.extxyz"]
    found = core.predict("chgnet-0.3.0", given, device="cpu")
    assert len(found) == 4
    told = answer("predict", "salt.extxyz", "--model", "chgnet-0.3.0")["frames"][0]
    for one in found:
        assert one.energy == pytest.approx(told["energy_per_atom"], abs=1e-6)
        assert one.forces == pytest.approx(np.array(told["forces"]), abs=1e-5)
    atoms.calc = core.calculator("chgnet-0.3.0", device="cpu")
    assert atoms.get_potential_energy() / 2 == pytest.approx(found[0].energy, abs=1e-6)
    (relaxed,) = core.relax("chgnet-0.3.0", atoms, steps=1, device="cpu")
    assert relaxed.steps == 1


def test_what_cannot_be_predicted_is_named():
    alone = Structure(Lattice.cubic(30), ["Na"], [[0, 0, 0]])
    mixed = Structure(Lattice.cubic(3), [{"Na": 0.5, "K": 0.5}], [[0, 0, 0]])
    with pytest.raises(core.LabError, match=r"Structure 1 \(from 0\), number 2: "):
        core.predict("chgnet-0.3.0", [bulk("Fe"), alone])
    for bad, why in (
        (mixed, "partly occupied"),
        (bulk("Fe").positions, "give a structure"),
        ([], "at least one"),
    ):
        with pytest.raises(core.LabError, match=why):
            core.predict("chgnet-0.3.0", bad)


def test_a_run_is_trained_found_exported_and_evaluated(monkeypatch):
    make_frames()
    execute = worker.execute
    monkeypatch.setattr(
        training, "execute", lambda path, echo: execute(path, fit=fake_fit, echo=echo)
    )
    run = core.train("salt", epochs=2, device="cpu", loss={"force": 0.5}, echo=None)
    assert (run.status().state, run.config.loss.force) == ("finished", 0.5)
    assert core.open_run(run.id).path == run.path
    assert core.export(run, "model.pth.tar").read_bytes() == b"weights"
    with pytest.raises(core.LabError, match="ValueError"):
        core.train("salt", epochs=1, name="bad", echo=None)
    with pytest.raises(core.LabError, match="holds pairs"):
        core.train("mp-structures", epochs=1)
    with pytest.raises(core.LabError, match="epoch"):
        core.train("salt", epochs=-1)
    started = []
    monkeypatch.setattr(training, "launch", started.append)
    assert started == [core.train("salt", epochs=1, wait=False)]


def test_errors_are_those_of_the_command():
    make_frames()
    told = answer("evaluate", "chgnet-0.3.0", "--dataset", "salt", "--split", "validation")
    found = core.evaluate("chgnet-0.3.0", "salt", split="validation", device="cpu")
    assert found == pytest.approx({key: told[key] for key in found}, nan_ok=True)


def test_a_check_asks_the_study_of_the_command(monkeypatch):
    make_frames()
    finding = Finding(kind="force_unit", severity="error", message="Forces are in Ry/bohr.")
    asked = []

    def compute(job, progress):
        asked.append(job.study)
        return SimpleNamespace(findings=lambda: [finding])

    monkeypatch.setattr(data, "compute_here", compute)
    assert core.check("salt", model="chgnet-r2scan") == [finding]
    assert asked == [CheckStudy(dataset="salt", model="chgnet-r2scan")]
