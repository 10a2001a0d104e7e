"""Extended XYZ as many tools write it, against ASE's reader."""

import gzip
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from core.errors import LabError
from core.frames.sources.extended_xyz import ExtendedXyz
from core.frames.sources.opening import open_source
from core.frames.sources.record_frames import RecordFrames
from core.frames.units import BOHR, EV_PER_A3, HARTREE
from core.progress import silent
from tests.frames.sources.xyz_frames import (
    ATOMS,
    CELL,
    COLUMNS,
    DATA,
    GOOD,
    Write,
    frame,
    frames,
    reader,
    refused,
)


def test_what_ase_writes_is_read_as_ase_reads_it(tmp_path: Path):
    rng = np.random.default_rng(0)
    path = tmp_path / "ase.extxyz"
    written = []
    for n in (1, 5, 40):
        atoms = Atoms(numbers=rng.integers(1, 95, n), cell=rng.normal(size=(3, 3)) * 9, pbc=True)
        atoms.set_scaled_positions(rng.random((n, 3)))
        atoms.calc = SinglePointCalculator(
            atoms,
            energy=rng.normal(),
            forces=rng.normal(size=(n, 3)),
            stress=rng.normal(size=6),
            magmoms=rng.normal(size=n),
        )
        atoms.info |= {"note": 'a "quoted" = text', "tags": ["x", "y"], "config_type": "bulk"}
        written.append(atoms)
    ase.io.write(path, written, format="extxyz")
    for atoms, own in zip(ase.io.iread(path, ":"), frames(path), strict=True):
        np.testing.assert_array_equal(own.atomic_numbers, atoms.numbers)
        np.testing.assert_allclose(own.frac_coords @ own.lattice, atoms.positions, atol=1e-9)
        assert own.energy_per_atom == pytest.approx(atoms.get_potential_energy() / len(atoms))
        np.testing.assert_allclose(own.forces, atoms.get_forces())
        stress = atoms.get_stress(voigt=False) * EV_PER_A3
        np.testing.assert_allclose(own.stress, stress)
        np.testing.assert_allclose(own.magmoms, abs(atoms.get_magnetic_moments()))


@pytest.mark.parametrize(
    ("energy", "forces"),
    [
        ("REF_energy", "REF_forces"),
        ("dft_energy", "dft_forces"),
        ("DFT_energy", "DFT_force"),
        ("energy_dft", "force_dft"),
        ("energy", "force"),
        ("free_energy", "forces"),
        ("Energy", "Forces"),
        ("total_energy", "vasp_forces"),
        ("energy_qm", "qm_forces"),
        ("potential_energy", "atomic_forces"),
    ],
)
def test_labels_have_many_names(energy: str, forces: str, write: Write):
    own = frame(write(GOOD.replace(" energy", f" {energy}").replace("forces", forces)))
    assert own.energy_per_atom == -3.0
    np.testing.assert_array_equal(own.forces, [[0.1, 0.2, 0.3], [-0.1, -0.2, -0.3]])


def test_the_reference_labels_are_one_set_and_the_others_are_listed(write: Write):
    columns = "Properties=species:S:1:pos:R:3:forces:R:3:REF_forces:R:3"
    atoms = "Na 0 0 0 1 1 1 2 2 2\nCl 2 2 2 -1 -1 -1 -2 -2 -2\n"
    keys = 'energy=-1 REF_energy=-6 stress="1 1 1 0 0 0" REF_stress="2 2 2 0 0 0"'
    path = write(f"2\n{CELL} {columns} {keys}\n{atoms}")
    own = frame(path)
    assert own.energy_per_atom == -3.0
    np.testing.assert_array_equal(own.forces, [[2, 2, 2], [-2, -2, -2]])
    np.testing.assert_allclose(own.stress, np.eye(3) * 2 * EV_PER_A3)
    assert {"energy", "forces", "stress"} <= set(reader(path).plan.left_out)
    other = frame(path, mapping={"energy": "energy"})
    assert other.energy_per_atom == -0.5
    np.testing.assert_array_equal(other.forces, [[1, 1, 1], [-1, -1, -1]])


def test_six_numbers_of_stress_are_in_the_order_of_ase(write: Write):
    own = frame(write(GOOD.replace("energy", 'stress="1 2 3 4 5 6" energy')))
    expected = np.array([[1, 6, 5], [6, 2, 4], [5, 4, 3]]) * EV_PER_A3
    np.testing.assert_allclose(own.stress, expected)


@pytest.mark.parametrize(
    "virial",
    ['virial="1 2 3 2 4 5 3 5 6"', 'REF_virials="1 2 3 2 4 5 3 5 6"', "virial={1 2 3 2 4 5 3 5 6}",
     "virial=[[1, 2, 3], [2, 4, 5], [3, 5, 6]]", 'virial="_JSON [[1,2,3],[2,4,5],[3,5,6]]"'],
)  # fmt: skip
def test_a_virial_is_minus_volume_times_stress(virial: str, write: Write):
    own = frame(write(GOOD.replace("energy", f"{virial} energy")))
    expected = -EV_PER_A3 / 64 * np.array([[1, 2, 3], [2, 4, 5], [3, 5, 6]])
    np.testing.assert_allclose(own.stress, expected)


@pytest.mark.parametrize(
    "header",
    [
        f'{CELL} {COLUMNS} energy=-6.0 pbc="T T T"',
        f"{CELL.lower()} {COLUMNS.lower()} energy=-6.0".replace("s:1", "S:1").replace("r:3", "R:3"),
        f"energy = -6.0  {COLUMNS}   {CELL} pbc=[T, T, T]",
        f'energy="-6.0" {COLUMNS} {CELL.replace(" 0.0", ", 0.0")} pbc="1 1 1"',
        f"{COLUMNS} Lattice=[[4.0, 0, 0], [0, 4.0, 0], [0, 0, 4.0]] energy=-6.0 note='a=b c'",
        f"{CELL} {COLUMNS} <R2>=35.3 a-b.c=1 bare nan_key=NaN energy=-6.0D0".replace("D0", "e0"),
        f"{CELL} {COLUMNS} pbc=T energy=-6.0 move_mask=T text=1_000",
        f"{CELL.replace('4.0', '0.4D+01')} {COLUMNS} energy=-0.6D+01",
    ],
)
def test_comment_lines_are_spelled_in_many_ways(header: str, write: Write):
    own = frame(write(f"2\n{header}\n{ATOMS}"))
    assert own.energy_per_atom == -3.0
    np.testing.assert_allclose(own.lattice, np.eye(3) * 4)
    np.testing.assert_allclose(own.frac_coords, [[0, 0, 0], [0.5, 0.5, 0.5]])


@pytest.mark.parametrize(
    ("columns", "atoms"),
    [
        ("pos:R:3:Z:I:1", "0 0 0 11\n2 2 2 17\n"),
        ("Z:I:1:pos:R:3", "11 0 0 0\n17 2 2 2\n"),
        ("species:S:1:pos:R:3", "11 0 0 0\n17 2 2 2\n"),
        ("species:S:1:pos:R:3", "NA 0 0 0\ncl 2 2 2\n"),
        ("id:I:1:element:S:1:positions:R:3", "1 Na 0 0 0\n2 Cl 2 2 2\n"),
        ("species:S:1:pos:R:3:move_mask:L:1:Z:I:1", "Na 0 0 0 T 11\nCl 2 2 2 F 17\n"),
        ("move_mask:I:3:species:S:1:tags:S:2:pos:R:3", "1 1 1 Na a b 0 0 0\n0 0 0 Cl c d 2 2 2\n"),
        ("species:S:1:pos:R:3", "Na 0 0 0 further 1 2\nCl 2 2 2 columns 3 4\n"),
        ("species:S:1:pos:R:3", "  Na\t0.D0 0.d+00 -0\r\nCl 2. .2e1 +2.0   \r\n"),
    ],
)
def test_columns_are_in_any_order(columns: str, atoms: str, write: Write):
    own = frame(write(f"2\n{CELL} Properties={columns} energy=-6\n{atoms}"))
    assert own.atomic_numbers.tolist() == [11, 17]
    np.testing.assert_allclose(own.frac_coords, [[0, 0, 0], [0.5, 0.5, 0.5]])


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_blank_lines_and_comments_may_stand_between_frames(ending: str, write: Write):
    text = f"\n# made by hand\n{GOOD}\n\n# the second\n   \n{GOOD}\n\n".replace("\n", ending)
    assert len(frames(write(b"\xef\xbb\xbf" + text.encode()))) == 2


def test_compressed_files_are_read(write: Write):
    assert len(frames(write(gzip.compress(GOOD.encode() * 3)))) == 3


def test_labels_may_be_missing_in_some_frames(write: Write):
    nan = GOOD.replace("0.1", "nan").replace("0.2", "nan").replace("0.3", "nan")
    with_stress = GOOD.replace("energy", 'stress="1 1 1 0 0 0" energy')
    first, second, third = frames(write(with_stress + GOOD + nan.replace("-nan", "nan")))
    assert first.stress is not None
    assert second.stress is None
    assert second.forces is not None
    assert third.forces is None
    assert third.energy_per_atom == -3.0


def test_an_id_is_no_number_of_fortran(write: Write):
    assert frame(write(GOOD.replace("energy", "id=12d3 energy"))).frame_id == "12d3"


def test_ids_are_taken(write: Write):
    text = "".join(GOOD.replace("energy", f"mp_id=mp-{n % 2} energy") for n in range(3))
    own = frames(write(text))
    assert [one.material_id for one in own] == ["mp-0", "mp-1", "mp-0"]
    assert len({one.frame_id for one in own}) == 3


def test_units_and_the_model_are_taken_where_a_file_states_them(write: Write):
    units = r'units="_JSON {\"energy\": \"Ha\", \"forces\": \"Ha/Bohr\", \"stress\": \"x\"}"'
    path = write(GOOD.replace("energy", f"{units} arch=mace_mp energy"))
    table = reader(path)
    (own,) = table.frames(silent)
    assert own.energy_per_atom == pytest.approx(-3 * HARTREE)
    assert own.forces[0, 0] == pytest.approx(0.1 * HARTREE / BOHR)
    assert not table.plan.units["forces"].is_assumed
    assert table.source.labels == "mace_mp"
    janus = reader(DATA / "janus_NaCl-results.extxyz")
    assert not janus.plan.units["stress"].is_assumed
    assert janus.source.labels == "mace_mp"


def test_a_dump_of_lammps_has_labels_of_a_potential(write: Write):
    # As DumpExtXYZ::write_header of LAMMPS writes it: the pressure in bar.
    header = (
        f'Timestep=0 pbc="T T T" {CELL} Potential_energy=-7.0 Temperature=300 '
        'Stress="1000 0 0 0 2000 0 0 0 3000" Properties=species:S:1:pos:R:3:forces:R:3'
    )
    path = write(f"2\n{header}\nNa 0 0 0 0.1 0 0\nCl 2 2 2 -0.1 0 0\n")
    source = open_source(path)
    assert source is not None
    table = RecordFrames(source)
    (frame,) = table.frames(silent)
    assert table.labels == "LAMMPS"
    assert frame.energy_per_atom == -3.5
    assert frame.stress is None
    assert "bar with units metal" in source.notes()[0]


@pytest.mark.parametrize("cell", [f'{CELL} pbc="F F F"', ""])
def test_a_molecule_is_put_into_a_box_and_has_no_stress(cell: str, write: Write):
    own = frame(write(f'2\n{cell} {COLUMNS} energy=-6 stress="1 1 1 0 0 0"\n{ATOMS}'))
    assert own.stress is None
    assert own.energy_per_atom == -3.0
    positions = own.frac_coords @ own.lattice
    assert np.linalg.norm(positions[1] - positions[0]) == pytest.approx(12**0.5)
    assert np.diag(own.lattice).min() > 12


def test_files_without_labels_say_so(write: Write):
    with pytest.raises(LabError, match="holds structures without any labels"):
        reader(write("2\n\nNa 0 0 0\nCl 2 2 2\n"))
    with pytest.raises(
        LabError, match=r"no key that looks like a total energy.*class_label, class"
    ):
        reader(DATA / "metatrain_carbon_allotropes.xyz.gz")


def test_qm9_needs_the_users_choice():
    path = DATA / "metatrain_qm9_reduced_100.xyz.gz"
    with pytest.raises(LabError, match="--map energy=U0 --unit energy=Ha/cell"):
        reader(path)
    own = frames(path, mapping={"energy": "U0"}, units={"energy": "Ha/cell"})
    assert own[0].energy_per_atom == pytest.approx(-40.47893 * HARTREE / 5)


def test_an_energy_alone_in_the_comment_is_mapped_by_the_user(write: Write):
    path = write("2\n-6.0\nNa 0 0 0 0.1 0.2 0.3\nCl 2 2 2 -0.1 -0.2 -0.3\n")
    own = frame(path, mapping={"energy": "comment", "forces": "columns 5 to 7"})
    assert own.energy_per_atom == -3.0
    np.testing.assert_array_equal(own.forces, [[0.1, 0.2, 0.3], [-0.1, -0.2, -0.3]])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "2\n",
        "formula,energy\nNaCl,1\n",
        "NaCl\n1.0\n4 0 0\n",
        b"\x00" * 100,
        b"2\n\0\0",
    ],
)
def test_other_files_are_not_taken_for_extended_xyz(text: str | bytes, write: Write):
    assert not ExtendedXyz.recognises(write(text))


def test_folders_are_not_taken_for_extended_xyz(tmp_path: Path):
    assert not ExtendedXyz.recognises(tmp_path)


@pytest.mark.parametrize(
    ("third", "factor"),
    [("0 0 4", 4 / 14), ("0 1 4", 4 / 14), ("0 0 9", 1.0), ("0 0 0", None)],
)
def test_a_slab_gets_vacuum_and_keeps_stress_times_volume(
    third: str, factor: float | None, write: Write
):
    cell = f'Lattice="4 0 0 0 4 0 {third}" pbc="T T F" stress="1 2 3 0 0 0"'
    own = frame(write(f"2\n{cell} {COLUMNS} energy=-6\n{ATOMS}"))
    assert own.energy_per_atom == -3.0
    positions = own.frac_coords @ own.lattice
    np.testing.assert_allclose(positions[1] - positions[0], [2, 2, 2])
    np.testing.assert_allclose(own.lattice[:2], [[4, 0, 0], [0, 4, 0]])
    assert own.lattice[2, 2] >= 8
    if factor is None:
        assert own.stress is None
    else:
        np.testing.assert_allclose(np.diag(own.stress), np.array([1, 2, 3]) * factor * EV_PER_A3)


def test_a_virial_of_a_slab_is_divided_by_the_volume_of_its_new_cell(write: Write):
    cell = 'Lattice="4 0 0 0 4 0 0 0 4" pbc="T T F" virial="1 0 0 0 2 0 0 0 3"'
    own = frame(write(f"2\n{cell} {COLUMNS} energy=-6\n{ATOMS}"))
    expected = -EV_PER_A3 * np.array([1, 2, 3]) / (4 * 4 * 14)
    np.testing.assert_allclose(np.diag(own.stress), expected)


def test_a_wire_without_a_cell_across_it_gets_one(write: Write):
    own = frame(write(f'2\nLattice="4 0 0 0 0 0 0 0 0" pbc="T F F" {COLUMNS} energy=-6\n{ATOMS}'))
    np.testing.assert_allclose(own.lattice, np.diag([4, 14, 14]), atol=1e-12)
    assert own.stress is None


def test_a_periodic_direction_without_a_vector_is_refused(write: Write):
    text = f'2\nLattice="4 0 0 0 0 0 0 0 4" pbc="T T F" {COLUMNS} energy=-6\n{ATOMS}'
    n, reasons = refused(write(GOOD + text))
    assert n == 1
    assert "no volume" in reasons[0]


@pytest.mark.parametrize("number", ["-7.0", "-7.000000000000000001"])
@pytest.mark.parametrize("names", [("E", "F"), ("energy", "frc"), ("E_dft", "F_dft")])
def test_labels_of_one_letter_or_three(tmp_path, names, number):
    energy, forces = names
    path = tmp_path / "a.xyz"
    path.write_text(
        f"2\nProperties=species:S:1:pos:R:3:{forces}:R:3 {energy}={number} pbc=F\n"
        "Na 0 0 0 0.1 0 0\nCl 2 2 2 -0.1 0 0\n"
    )
    source = open_source(path)
    assert source is not None
    (frame,) = RecordFrames(source).frames(silent)
    assert frame.energy_per_atom == -3.5
    assert frame.forces is not None
    assert frame.forces[0, 0] == 0.1


def test_a_letter_that_is_no_label_is_left_alone(tmp_path):
    path = tmp_path / "a.xyz"
    path.write_text("1\nProperties=species:S:1:pos:R:3:F:R:1 energy=-7.0\nNa 0 0 0 0.1\n")
    source = open_source(path)
    assert source is not None
    (frame,) = RecordFrames(source).frames(silent)
    assert frame.forces is None


def test_a_periodic_frame_needs_its_cell(write: Write):
    atoms = "Properties=species:S:1:pos:R:3 energy=-6.8\nNa 0 0 0\nCl 1.5 1.5 1.5\n"
    (named,) = frames(write(f'2\ncell="3 0 0 0 3 0 0 0 3" pbc="T T T" {atoms}'))
    assert named.lattice.tolist() == (3 * np.eye(3)).tolist()
    with pytest.raises(LabError, match='states pbc and no Lattice="ax ay az'):
        frames(write(f'2\npbc="T T T" {atoms}'))
