"""OUTCAR gives what ASE reads from it, and what it does not."""

import gzip
from pathlib import Path

import ase.io
import numpy as np
import pytest

from core.frames.vasp.outcar import OutcarReader, looks_like_outcar
from core.frames.vasp.steps import Step
from tests.frames.vasp.files import KBAR, MadeStep, outcar

FORMATS = Path(__file__).parents[2] / "data" / "formats"


def read(text: str, *, size: int = 1 << 18) -> tuple[OutcarReader, list[Step]]:
    content = text.encode("latin-1")
    reader = OutcarReader(content[i : i + size] for i in range(0, len(content), size))
    return reader, list(reader.steps())


@pytest.mark.parametrize("is_old", [False, True])
@pytest.mark.parametrize("size", [11, 1 << 18])
def test_steps_have_the_values_that_were_written(is_old, size):
    made = [
        MadeStep(),
        MadeStep(zero=-12.0, free=-12.5, added=-2.0, lattice=np.diag([4.1, 5.0, 6.0])),
    ]
    reader, steps = read(outcar(made, is_old=is_old), size=size)
    assert reader.is_whole
    assert reader.symbols == ["Li", "F"]
    for step, right in zip(steps, made, strict=True):
        assert step.energy == pytest.approx(right.zero + right.added)
        assert step.added == pytest.approx(right.added)
        assert step.n_electronic == right.n_electronic
        np.testing.assert_allclose(step.lattice, right.lattice)
        np.testing.assert_allclose(step.positions, right.frac_coords @ right.lattice, atol=1e-5)
        np.testing.assert_allclose(step.forces, right.forces)
        np.testing.assert_allclose(step.stress, KBAR)


@pytest.mark.parametrize(
    "name",
    [
        "vasp/parsevasp_OUTCAR.unfinished.gz",
        "vasp/chgnet_with-magmoms/OUTCAR.gz",
        "vasp/emmet_magnetic_run/OUTCAR.gz",
    ],
)
def test_real_files_have_the_values_of_ase(name, tmp_path):
    content = gzip.decompress((FORMATS / name).read_bytes())
    reader, steps = read(content.decode("latin-1"))
    (tmp_path / "OUTCAR").write_bytes(content)
    images = ase.io.read(tmp_path / "OUTCAR", index=":", format="vasp-out")
    assert len(steps) == len(images)
    for step, atoms in zip(steps, images, strict=True):
        assert reader.symbols == atoms.get_chemical_symbols()
        assert step.energy == pytest.approx(atoms.get_potential_energy(), abs=1e-6)
        np.testing.assert_allclose(step.lattice, atoms.cell.array)
        np.testing.assert_allclose(step.positions, atoms.positions)
        np.testing.assert_allclose(step.forces, atoms.get_forces(apply_constraint=False))
        kbar = atoms.get_stress(voigt=False) * -1602.1766208
        np.testing.assert_allclose(step.stress, kbar, atol=1e-4)
        if step.magmoms is not None:
            np.testing.assert_allclose(step.magmoms, atoms.get_magnetic_moments())


def test_magmoms_of_each_step_are_those_that_chgnet_took():
    """`sum_magmom` of mp_r2scan/chgnet_parse_r2scan.json in expected.json."""
    content = gzip.decompress((FORMATS / "mp_r2scan/relax/OUTCAR.gz").read_bytes())
    _, steps = read(content.decode("latin-1"))
    sums = [step.magmoms.sum() for step in steps if step.magmoms is not None]
    np.testing.assert_allclose(np.array(sums)[[0, 1, 3, 5]], [1.046, -1.119, -1.133, -1.127])


def test_magmoms_that_are_not_collinear_have_three_components():
    moments = np.array([[1.0, 2.0, 2.0], [0.0, -3.0, 4.0]])
    _, steps = read(outcar([MadeStep(magmoms=moments), MadeStep(magmoms=moments[:, 0])]))
    np.testing.assert_allclose(steps[0].magmoms, moments)
    np.testing.assert_allclose(steps[1].magmoms, [1.0, 0.0])


def test_the_magmom_of_one_atom_has_no_total_below_it():
    one = MadeStep(
        magmoms=np.array([2.2]), frac_coords=np.zeros((1, 3)), forces=np.array([[0.1, 0.2, -0.3]])
    )
    _, steps = read(outcar([one, one], titles=["PAW_PBE Fe 06Sep2000"], counts=[1]))
    assert len(steps) == 2
    for step in steps:
        assert step.problem is None
        np.testing.assert_allclose(step.magmoms, [2.2])
        np.testing.assert_allclose(step.forces, one.forces)


@pytest.mark.parametrize("says_so", [False, True])
def test_steps_at_nelm_are_unconverged(says_so):
    """VASP 5 says that EDIFF is reached in any case."""
    made = [MadeStep(n_electronic=6), MadeStep(n_electronic=5)]
    text = outcar(made, tags={"NELM": "     6;   NELMIN=  2"}, unconverged_says_so=says_so)
    assert [step.is_unconverged for step in read(text)[1]] == [True, False]


def test_a_run_that_was_stopped_gives_its_finished_steps():
    text = outcar([MadeStep(), MadeStep(), MadeStep()], is_whole=False)
    cut = text[: text.rindex("TOTAL-FORCE")]
    reader, steps = read(cut)
    assert len(steps) == 2
    assert reader.is_in_step
    assert not reader.is_whole
    reader, steps = read(text)
    assert len(steps) == 3
    assert not reader.is_in_step


def test_electronic_steps_of_a_response_are_no_step():
    text = outcar([MadeStep()])
    response = f"{'-' * 39} Iteration      1(   6)  {'-' * 39}\n"
    place = text.index(" General timing")
    reader, steps = read(text[:place] + 3 * response + text[place:])
    assert len(steps) == 1
    assert not (reader.is_in_step and not reader.is_whole)


def test_blocks_of_the_machine_learned_force_field():
    """A step of DFT has one too, before it; its numbers are not taken."""
    block = "\n".join(
        [
            "  ML FORCE on cell =-STRESS in cart. coord. units (eV/cell)",
            "  in kB       9.0     9.0     9.0     9.0     9.0     9.0",
            "  POSITION                                       TOTAL-FORCE (eV/Angst) (ML)",
            " " + "-" * 83,
            "      0.0 0.0 0.0    9.0  9.0  9.0",
            "      1.0 1.0 1.0    9.0  9.0  9.0",
            " " + "-" * 83,
            "  ML FREE ENERGIE OF THE ION-ELECTRON SYSTEM (eV)",
            "  free  energy ML TOTEN  =        99.00000000 eV",
            "  ML energy  without entropy=     99.00000000  ML energy(sigma->0) =       99.0",
            "",
        ]
    )
    first, second = outcar([MadeStep(), MadeStep(zero=-11.0, free=-11.2)]).split(
        f"{'-' * 39} Iteration      2(   1)"
    )
    begin = first.index(f"{'-' * 39} Iteration      1(   1)")
    text = (
        first[:begin]
        + block
        + first[begin:]
        + 3 * block  # two steps without DFT, then the one that belongs to the next
        + f"{'-' * 39} Iteration      4(   1)"
        + second
        + block
    )
    _, steps = read(text)
    assert [step.is_learned for step in steps] == [False, True, True, False, True]
    assert [step.energy for step in steps if not step.is_learned] == pytest.approx([-10.0, -11.0])
    np.testing.assert_allclose(steps[3].stress, KBAR)
    assert [step.index for step in steps if not step.is_learned] == [0, 1]


def test_overflowed_numbers_are_said_and_the_next_step_is_read():
    text = outcar([MadeStep(), MadeStep()]).replace("      0.100000", "**************", 1)
    _, steps = read(text)
    assert steps[0].problem == "its positions or forces have numbers that VASP wrote as ****"
    assert steps[1].problem is None
    text = outcar([MadeStep()]).replace(
        "(sigma->0) =      -10.00000000", "(sigma->0) =******************"
    )
    assert read(text)[1][0].energy is None


def test_numbers_that_fill_their_columns():
    lattice = np.array([[4.0, 0.0, 0.0], [0.0, 7.176543225, -17.96290137], [0.0, 0.0, 19.0]])
    forces = np.array([[-1234567.1, -2345678.2, 3.0], [1.0, 2.0, 3.0]])
    text = outcar([MadeStep(lattice=lattice, forces=forces)])
    assert "7.176543225-17.962901370" in text
    assert "-1234567.100000-2345678.200000" in text
    step = read(text)[1][0]
    np.testing.assert_allclose(step.lattice, lattice)
    np.testing.assert_allclose(step.forces, forces)


def test_elements_of_potcars_with_suffixes():
    titles = (
        "PAW_PBE H1.25 07Sep2000",
        "PAW_PBE Zr_sv_GW 05Dec2013",
        "PAW Fe_pv 03Mar1998",
        "PAW_PBE C_h 06Feb2004",
    )
    made = MadeStep(frac_coords=np.zeros((5, 3)), forces=np.zeros((5, 3)))
    reader, steps = read(outcar([made], titles=titles, counts=(1, 2, 1, 1)))
    assert reader.symbols == ["H", "Zr", "Zr", "Fe", "C"]
    assert len(steps) == 1


def test_tags_are_those_of_the_calculation():
    """Not numbers of the same name in a POTCAR, nor the METAGGA that is no functional."""
    tags = {"GGA": "    PS    GGA type", "LDAUU": "  5.3  0.0", "AEXX": " 0.0000 exact exchange"}
    text = outcar([MadeStep()], tags=tags, incar={"METAGGA": "R2SCAN  ! ours", "IVDW": "13"})
    text = text.replace("   TITEL", "   GGA    =   -1.4125   -1.4125 eV\n   TITEL", 1)
    reader, _ = read(text.replace("   LDAUU", " LDA+U is selected, type 2\n   LDAUU"))
    assert reader.settings.text("GGA").startswith("PS")
    assert reader.settings.functional() == "r2SCAN+U-D4"
    text = outcar([MadeStep()], incar={"LDAU": "T"}).replace(" LDAU =", "   LDAUU=0.0 5.3\n LDAU =")
    assert read(text)[0].settings.functional() == "PBE+U"


def test_elements_without_the_potcars_themselves():
    text = "\n".join(line for line in outcar([MadeStep()]).splitlines() if "TITEL" not in line)
    assert read(text.replace("   VRHFIN", "   GONE"))[0].symbols == ["Li", "F"]


@pytest.mark.parametrize(
    "text",
    [
        outcar([MadeStep()]).replace(
            "ions per type =           1  1", "ions per type = 99999999 9"
        ),
        outcar([MadeStep()]).replace("ions per type =           1  1", "ions per type = one two"),
        " vasp.5.4\n executed on x date 2020\n" + 3_000_000 * "x",
        outcar([MadeStep()]).replace("-" * 83 + "\n", "-" * 83 + "\n" + 2000 * "1 2 3\n", 1),
    ],
    ids=["atoms", "words", "line", "table"],
)
def test_hostile_files_are_given_up_in_a_few_words(text, monkeypatch):
    monkeypatch.setattr("core.frames.vasp.outcar._MOST_ATOMS", 1000)
    reader, _ = read(text)
    assert reader.problem is not None
    assert len(reader.problem) < 100


def test_recognition_by_content():
    assert looks_like_outcar(outcar([]).encode())
    assert looks_like_outcar(
        b" vasp.4.6.35 3Apr08 complex \n executed on   LinuxIFC date 2012.08.31"
    )
    assert not looks_like_outcar(b"vasp.5.4 is a program\n")
