"""Outputs of codes, whole, broken off and unconverged."""

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import ase.io
import ase.io.ulm
import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io.trajectory import write_atoms

from core.errors import LabError
from core.frames.schema import Card, Frame
from core.frames.sources.opening import open_source
from core.frames.sources.record_frames import RecordFrames
from core.frames.units import BOHR, EV_PER_A3, HARTREE
from core.progress import silent
from tests.frames.sources.atoms import outputs

DATA = Path(__file__).parents[3] / "data" / "formats" / "codes"

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "run.out"
        path.write_text(text)
        return path

    return write


def text_of(name: str) -> str:
    return gzip.decompress((DATA / f"{name}.gz").read_bytes()).decode()


def read(path: Path, form: str) -> tuple[list[Frame], list[str], str | None]:
    source = open_source(path)
    assert source is not None
    assert source.form == form
    table = RecordFrames(source)
    frames = list(table.frames(silent))
    report = table.describe(Card(name="x", kind="frames", n=len(frames))).report
    assert report is not None
    return frames, [f"{one.where}: {one.why}" for one in report.refused], source.functional


def test_quantum_espresso_as_ase_reads_it(write: Write):
    path = write(text_of("qe_TiO2_opt_pw.out"))
    frames, reasons, functional = read(path, "espresso-out")
    assert not reasons
    assert functional == "PBE-D3"
    images = ase.io.read(path, ":", format="espresso-out")
    for atoms, frame in zip(images, frames, strict=True):
        assert frame.energy_per_atom == pytest.approx(atoms.get_potential_energy() / 6)
        np.testing.assert_allclose(frame.forces, atoms.get_forces())
        np.testing.assert_allclose(frame.stress, atoms.get_stress(voigt=False) * EV_PER_A3)


def test_bands_that_ase_cannot_read_do_not_matter(write: Write):
    text = text_of("qe_TiO2_opt_pw.out")
    path = write(re.sub(r"\n +k =.*\n\n(?:.+\n)+\n", "\n", text, count=1))
    with pytest.raises((AssertionError, ValueError)):
        ase.io.read(path, ":", format="espresso-out")
    frames, _, _ = read(path, "espresso-out")
    assert len(frames) == 6


@pytest.mark.parametrize(
    ("line", "functional"),
    [
        ("Exchange-correlation= PBE", "PBE"),
        ("Exchange-correlation      =  SLA  PW   PSX  PSC ( 1  4 10  8 0 0)", "PBEsol"),
        ("Exchange-correlation= SLA  PZ   NOGX NOGC", "LDA"),
        ("Exchange-correlation= SCAN", "SCAN"),
        ("Exchange-correlation= MGGA-X-R2SCAN", "r2SCAN"),
    ],
)
def test_the_functional_of_quantum_espresso(line: str, functional: str | None, write: Write):
    text = f"     Program PWSCF v.7.3 starts\n     {line}\n"
    source = open_source(write(text))
    assert source is not None
    assert source.functional == functional


def test_outputs_that_break_off_give_their_whole_steps(write: Write):
    cases = {"espresso-out": "qe_TiO2_opt_pw.out", "aims-output": "aims_Si_geomopt.out"}
    for form, name in cases.items():
        text = text_of(name)
        whole, _, _ = read(write(text), form)
        for share in (0.7, 0.95):
            path = write(text[: int(len(text) * share)])
            frames, reasons, _ = read(path, form)
            assert 2 < len(frames) < len(whole)
            assert len(reasons) == 1
            energies = [frame.energy_per_atom for frame in whole]
            assert [frame.energy_per_atom for frame in frames] == energies[: len(frames)]
        with pytest.raises(LabError, match=r"run\.out"):
            read(write(text[: len(text) // 50]), form)


def test_fhi_aims_says_its_functional(write: Write):
    text = text_of("aims_Si_geomopt.out")
    _, _, functional = read(write(text.replace("pw-lda", "pbe   ")), "aims-output")
    assert functional == "PBE"
    dispersed = text.replace("xc                 pw-lda", "xc  pbe\n  vdw_correction_hirshfeld")
    _, _, functional = read(write(dispersed), "aims-output")
    assert functional == "PBE-TS"
    with pytest.raises(LabError, match="incomplete or damaged; no structure"):
        read(write(text.replace("1: Species Si ", "1: Species SSi")), "aims-output")


@pytest.mark.parametrize(
    ("lines", "functional"),
    [
        (" using functional    : Perdew Burke Ernzerhof", "PBE"),
        (" using functional    : PBE for solids (2008)", "PBEsol"),
        (" using functional    : hybrid B3LYP\n SEDC with   : G06 correction scheme", "B3LYP-D2"),
        (" using functional    : Local Density Approximation", "LDA"),
    ],
)
def test_the_functional_of_castep(lines: str, functional: str, write: Write):
    source = open_source(write(f" | CCC   AA    SSS  TTTTT  EEEEE  PPPP        |\n{lines}\n"))
    assert source is not None
    assert source.form == "castep-castep"
    assert source.functional == functional


def test_a_restart_file_of_gpaw(tmp_path: Path):
    atoms = Atoms("He2", [[0, 0, 0], [0, 0, 2]], cell=[4, 5, 6], pbc=True)
    path = tmp_path / "run.gpw"
    with ase.io.ulm.open(path, "w", tag="gpaw") as file:
        file.write(version=1, ha=27.2, bohr=0.529)
        write_atoms(file.child("atoms"), atoms)
        file.child("parameters").write(xc="PBE", mode="lcao")
        file.child("results").write(energy=-6.0, forces=np.ones((2, 3)))
    ((own,), reasons, functional) = read(path, "gpw")
    assert not reasons
    assert functional == "PBE"
    assert own.energy_per_atom == -3.0
    np.testing.assert_array_equal(own.forces, np.ones((2, 3)))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(LabError, match="the file is damaged"):
        read(path, "gpw")


@pytest.mark.parametrize("form", ["castep-md", "castep-geom"])
def test_trajectories_of_castep(form: str, tmp_path: Path):
    atoms = Atoms("NaCl", [[0, 0, 0], [2, 2.5, 3]], cell=[4, 5, 6], pbc=True)
    atoms.set_velocities(np.zeros((2, 3)))
    forces = np.array([[0.1, 0.2, 0.3], [-0.1, -0.2, -0.3]])
    results = {"free_energy": -6.0, "forces": forces, "stress": [0.01, 0.02, 0.03, 0, 0, 0]}
    atoms.calc = SinglePointCalculator(atoms, **results)
    path = tmp_path / "run"
    ase.io.write(path, [atoms, atoms], format=form)
    frames, reasons, _ = read(path, form)
    assert not reasons
    assert len(frames) == 2
    assert frames[0].energy_per_atom == pytest.approx(-3)
    np.testing.assert_allclose(frames[0].forces, forces, atol=1e-9)
    stress = np.array([0.01, 0.02, 0.03]) * EV_PER_A3
    np.testing.assert_allclose(np.diag(frames[0].stress), stress, rtol=1e-6)


CP2K = """
 CP2K| version string:                 CP2K version 2024.1
 FUNCTIONAL| PBE:
 FUNCTIONAL| J.P.Perdew, K.Burke, M.Ernzerhof
 CELL| Vector a [angstrom]:       4.000     0.000     0.000   |a| =     4.000
 CELL| Vector b [angstrom]:       0.000     5.000     0.000   |b| =     5.000
 CELL| Vector c [angstrom]:       0.000     0.000     6.000   |c| =     6.000
 POISSON| Periodicity                                                     XYZ
 MODULE QUICKSTEP: ATOMIC COORDINATES IN ANGSTROM

   Atom Kind Element         X             Y             Z       Z(eff)     Mass

      1    1 Na   11      0.000000      0.000000      0.000000     9.0000  22.9898
      2    2 Cl   17      2.000000      2.500000      3.000000     7.0000  35.4530

  *** SCF run converged in    12 steps ***
 ENERGY| Total FORCE_EVAL ( QS ) energy [hartree]             -6.000000000000000
"""
NEW = """
 FORCES| Atomic forces [hartree/bohr]
 FORCES|   Atom     x               y               z               |f|
 FORCES|      1  1.00000000E-01  2.00000000E-01  3.00000000E-01   3.7E-01
 FORCES|      2 -1.00000000E-01 -2.00000000E-01 -3.00000000E-01   3.7E-01
 FORCES| Sum     0.00000000E+00  0.00000000E+00  0.00000000E+00
 FORCES| Total atomic force      0.00000000E+00

 STRESS| Analytical stress tensor [bar]
 STRESS|                        x                   y                   z
 STRESS|      x        1.00000000000E+04   2.00000000000E+04   3.00000000000E+04
 STRESS|      y        2.00000000000E+04   4.00000000000E+04   5.00000000000E+04
 STRESS|      z        3.00000000000E+04   5.00000000000E+04   6.00000000000E+04
 STRESS| 1/3 Trace                                       -2.39627363376E+03
 STRESS| Eigenvectors and eigenvalues of the analytical stress tensor [bar]
 STRESS|                        1                   2                   3
 STRESS|      x        9.0   9.0   9.0
"""
OLD = """
 ATOMIC FORCES in [a.u.]

 # Atom   Kind   Element          X              Y              Z
      1      1      Na          0.10000000     0.20000000     0.30000000
      2      2      Cl         -0.10000000    -0.20000000    -0.30000000
 SUM OF ATOMIC FORCES           0.00000000     0.00000000     0.00000000     0.0

 STRESS TENSOR [GPa]

            X               Y               Z
  X       1.00000000      2.00000000      3.00000000
  Y       2.00000000      4.00000000      5.00000000
  Z       3.00000000      5.00000000      6.00000000
"""


@pytest.mark.parametrize("labels", [OLD, NEW])
def test_cp2k_in_the_spelling_of_old_and_new_versions(labels: str, write: Write):
    ((own,), reasons, functional) = read(write(CP2K + labels), "cp2k")
    assert not reasons
    assert functional == "PBE"
    assert own.atomic_numbers.tolist() == [11, 17]
    np.testing.assert_allclose(own.lattice, np.diag([4, 5, 6]))
    np.testing.assert_allclose(own.frac_coords, [[0, 0, 0], [0.5, 0.5, 0.5]])
    assert own.energy_per_atom == pytest.approx(-3 * HARTREE)
    np.testing.assert_allclose(own.forces[0], np.array([0.1, 0.2, 0.3]) * HARTREE / BOHR)
    np.testing.assert_allclose(own.stress, -np.array([[1, 2, 3], [2, 4, 5], [3, 5, 6]]))


def test_steps_of_the_orbital_transformation_are_no_atoms(write: Write):
    steps = """
  Step     Update method      Time    Convergence         Total energy    Change
     1 OT CG       0.15E+00    0.4     0.01123814        -5.9321048231 -5.93E+00
     2 OT LS       0.14E+00    0.2                       -5.9810328421
     3 OT DIIS     0.15E+00    0.1     0.00000052        -6.0000000000 -1.8E-10
"""
    text = CP2K.replace("  *** SCF", f"{steps}  *** SCF") + NEW
    ((own,), reasons, _) = read(write(text), "cp2k")
    assert not reasons
    assert own.atomic_numbers.tolist() == [11, 17]


def test_cp2k_of_another_author(write: Write):
    ((own,), _, functional) = read(write(text_of("cp2k_si_bulk8.out")), "cp2k")
    assert functional == "LDA"
    assert own.energy_per_atom == pytest.approx(-31.297885372811063 * HARTREE / 8)
    assert abs(own.forces).max() < 1e-6
    assert own.stress is None


def test_steps_of_cp2k_without_positions_are_left_out(write: Write):
    again = CP2K[CP2K.index(" ENERGY|") :].replace("-6.0", "-7.0") + NEW.replace("E-01", "E+00")
    frames, reasons, _ = read(write(CP2K + NEW + again * 3 + CP2K + OLD), "cp2k")
    assert [frame.energy_per_atom for frame in frames] == pytest.approx([-3 * HARTREE] * 2)
    assert len(reasons) == 1
    assert reasons[0].startswith("3 further steps of run.out: the output does not print their")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("run converged in    12 steps", "run NOT converged"), "did not converge"),
        ((" ENERGY| Total", " other"), "no energy"),
        (("-6.000000000000000", "****************"), "not finite"),
        (("Na   11", "Cf   98"), "'Cf', which is not an element"),
        (("2.500000", "********"), "not finite"),
        (("      1    1 Na", "      a    1 Na"), "shape of the forces"),
        (("   6.000   |c|", "   0.000   |c|"), "no volume"),
    ],
)
def test_a_broken_step_of_cp2k_is_left_out(change: tuple[str, str], why: str, write: Write):
    frames, reasons, _ = read(write(CP2K + NEW + CP2K.replace(*change) + NEW + CP2K), "cp2k")
    assert len(frames) + len(reasons) == 3
    assert any(why in reason for reason in reasons)


def test_a_molecule_of_cp2k_has_no_stress(write: Write):
    text = CP2K.replace("                                                     XYZ", " NONE") + NEW
    ((own,), _, _) = read(write(text), "cp2k")
    assert own.stress is None
    assert np.diag(own.lattice).min() > 12


STEPS = {
    # Text, units of energy and forces, diagonal of the stress in GPa.
    "castep-castep": (outputs.castep(), 1.0, 1.0, [1, 2, 3]),
    "gpaw-out": (outputs.gpaw(), 1.0, 1.0, [0.01 * EV_PER_A3, 0.02 * EV_PER_A3, 0.03 * EV_PER_A3]),
    "orca-output": (outputs.orca(), HARTREE, HARTREE / BOHR, None),
    "gaussian-out": (outputs.gaussian(), HARTREE, HARTREE / BOHR, None),
    "nwchem-out": (outputs.nwchem(), HARTREE, HARTREE / BOHR, None),
    "espresso-out": (outputs.espresso(), HARTREE / 2, HARTREE / 2 / BOHR, [-1, -2, -3]),
}


def moved(frame: Frame) -> float:
    """Return how far the second atom is from the first along x, Å."""
    return float(((frame.frac_coords[1] - frame.frac_coords[0]) @ frame.lattice)[0])


@pytest.mark.parametrize("form", STEPS)
def test_labels_stay_with_the_positions_of_their_step(form: str, write: Write):
    text, of_energy, of_forces, stress = STEPS[form]
    frames, reasons, _ = read(write(text), form)
    assert not reasons
    assert len(frames) == 3
    for step, frame in enumerate(frames):
        assert frame.energy_per_atom == pytest.approx(outputs.energy(step) * of_energy / 2)
        assert moved(frame) == pytest.approx(2.0 + 0.01 * step, abs=2e-6)
        np.testing.assert_allclose(
            frame.forces, np.array(outputs.forces(step)) * of_forces, rtol=1e-5
        )
        if stress is not None:
            np.testing.assert_allclose(np.diag(frame.stress), stress, rtol=2e-3)
    frames, reasons, _ = read(write(text.replace("-6.500000", "*********")), form)
    assert [round(moved(frame), 3) for frame in frames] == [2.0, 2.02]
    assert len(reasons) == 1
    assert re.match(r"step 1 of run\.out: '\*+0*' stands where a number should be", reasons[0])


@pytest.mark.parametrize("share", [0.5, 0.62, 0.7, 0.85, 0.93])
@pytest.mark.parametrize("form", STEPS)
def test_numbers_that_are_cut_off_are_not_filled_up(form: str, share: float, write: Write):
    text, of_energy, of_forces, _ = STEPS[form]
    frames, _, _ = read(write(text[: int(len(text) * share)]), form)
    assert 1 <= len(frames) <= 3
    for step, frame in enumerate(frames):
        assert frame.energy_per_atom == pytest.approx(outputs.energy(step) * of_energy / 2)
        assert moved(frame) == pytest.approx(2.0 + 0.01 * step, abs=2e-6)
        if frame.forces is not None:
            forces = np.array(outputs.forces(step)) * of_forces
            np.testing.assert_allclose(frame.forces, forces, rtol=1e-5)


def test_energies_of_nwchem_without_forces_stay_with_their_geometry(write: Write):
    path = write(outputs.nwchem(with_forces=False))
    images = ase.io.read(path, ":", format="nwchem-out")
    assert images[0].positions[1, 0] == pytest.approx(2.01)  # ASE's, of the next geometry
    frames, _, _ = read(path, "nwchem-out")
    assert [moved(frame) for frame in frames] == pytest.approx([2.0, 2.01, 2.02])
    assert [frame.energy_per_atom for frame in frames] == pytest.approx(
        [outputs.energy(step) * HARTREE / 2 for step in range(3)]
    )


def test_forces_of_gaussian_with_other_axes_than_the_positions_are_left_out(write: Write):
    source = open_source(write(outputs.gaussian(orientation="Standard")))
    assert source is not None
    table = RecordFrames(source)
    frames = list(table.frames(silent))
    assert [frame.forces for frame in frames] == [None] * 3
    description = table.describe(Card(name="x", kind="frames", n=3)).description
    assert "The forces of 3 steps are left out" in description


def test_an_output_without_its_end_says_so(write: Write):
    source = open_source(write(outputs.orca().replace("ORCA TERMINATED NORMALLY", "")))
    assert source is not None
    table = RecordFrames(source)
    assert len(list(table.frames(silent))) == 3
    card = table.describe(Card(name="x", kind="frames", n=3))
    assert "does not end as a complete one" in card.description


def test_a_run_of_castep_that_goes_on_another_is_read_too(write: Write):
    frames, reasons, _ = read(write(outputs.castep(2) + outputs.castep(3)), "castep-castep")
    assert not reasons
    assert [round(moved(frame), 3) for frame in frames] == [2.0, 2.01, 2.0, 2.01, 2.02]
