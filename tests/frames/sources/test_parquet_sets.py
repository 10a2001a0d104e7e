"""Known data sets in Parquet, written here in their published layouts.

Layouts: README of LeMaterial/LeMat-Bulk and LeMat-Traj, schema.py of colabfit-tools, MatPES JSON as
Hugging Face converts it to Parquet.
"""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ase.units import GPa
from pymatgen.core import Lattice, Structure

from core.errors import LabError
from core.frames.schema import Card, Frame
from core.frames.sources.importing import open_input
from core.frames.sources.opening import open_source
from core.frames.sources.record_frames import RecordFrames
from core.frames.tables.opening import open_table
from core.progress import silent

STRUCTURE = Structure(
    Lattice.from_parameters(4, 5, 6, 80, 95, 100), ["Na", "Cl"], [[0.1, 0, 0], [0.4, 0.6, 0.5]]
)
FORCES = [[0.1, 0.2, 0.3], [-0.1, -0.2, -0.3]]
KBAR = [[30.0, 1.0, 2.0], [1.0, 20.0, 3.0], [2.0, 3.0, 10.0]]


def lemat_row(**changes):
    return {
        "elements": ["Cl", "Na"],
        "nsites": 2,
        "chemical_formula_reduced": "ClNa",
        "dimension_types": [1, 1, 1],
        "lattice_vectors": STRUCTURE.lattice.matrix.tolist(),
        "immutable_id": "mp-22862",
        "cartesian_site_positions": STRUCTURE.cart_coords.tolist(),
        "species_at_sites": ["Na", "Cl"],
        "elements_ratios": [0.5, 0.5],
        "stress_tensor": KBAR,
        "energy": -7.0,
        "magnetic_moments": [0.0, -1.5],
        "forces": FORCES,
        "functional": "pbe",
        "cross_compatibility": True,
        **changes,
    }


def colabfit_row(**changes):
    return {
        "property_id": "PO_1",
        "configuration_id": "CO_1",
        "software": "VASP",
        "method": "DFT-PBE",
        "energy": -7.0,
        "atomic_forces": FORCES,
        "cauchy_stress": (np.array(KBAR) * -0.1 * GPa).tolist(),
        "cauchy_stress_volume_normalized": False,
        "electronic_band_gap": None,
        "cell": STRUCTURE.lattice.matrix.tolist(),
        "positions": STRUCTURE.cart_coords.tolist(),
        "pbc": [True, True, True],
        "atomic_numbers": [11, 17],
        **changes,
    }


def matpes_row(**changes):
    structure = STRUCTURE.copy(site_properties={"magmom": [0.0, 9.0]})
    return {
        "bader_magmoms": [0.0, -1.5],
        "provenance": {"original_mp_id": "mp-1", "temperature": 300},
        "matpes_id": "matpes-20240214_1_1",
        "structure": structure.as_dict() | {"properties": None},
        "energy": -7.0,
        "forces": FORCES,
        "stress": [30.0, 20.0, 10.0, 3.0, 2.0, 1.0],
        "bandgap": 2.5,
        "functional": "r2SCAN",
        **changes,
    }


@pytest.fixture
def write(tmp_path):
    def write_rows(*rows, name="data.parquet"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        pq.write_table(pa.Table.from_pylist(list(rows)), path)
        return path

    return write_rows


def read(path, **settings) -> tuple[list[Frame], RecordFrames]:
    source = open_source(path)
    assert source is not None
    frames = RecordFrames(source, **settings)
    return list(frames.frames(silent)), frames


def refused(frames: RecordFrames) -> list[str]:
    report = frames.describe(Card(name="x", kind="frames")).report
    assert report is not None
    return [one.why for one in report.refused]


@pytest.mark.parametrize(
    ("row", "form", "ids"),
    [
        (lemat_row, "lemat", ("mp-22862", "mp-22862")),
        (colabfit_row, "colabfit", ("PO_1", "CO_1")),
        (matpes_row, "matpes-parquet", ("matpes-20240214_1_1", "mp-1")),
    ],
)
def test_labels_are_in_the_lab_s_units(write, row, form, ids):
    path = write(row())
    source = open_source(path)
    assert source is not None
    assert source.form == form
    (frame,), _ = read(path)
    assert (frame.frame_id, frame.material_id) == ids
    assert frame.atomic_numbers.tolist() == [11, 17]
    np.testing.assert_allclose(frame.frac_coords @ frame.lattice, STRUCTURE.cart_coords)
    assert frame.energy_per_atom == -3.5
    np.testing.assert_array_equal(frame.forces, FORCES)
    np.testing.assert_allclose(frame.stress, np.array(KBAR) * -0.1)
    if frame.magmoms is not None:
        assert frame.magmoms.tolist() == [0, 1.5]


def test_steps_of_a_relaxation_are_frames_of_one_material(write):
    rows = [
        lemat_row(immutable_id="mp-149-0", id=f"mp-149-0-pbe-{step}", relaxation_step=step)
        for step in range(2)
    ]
    frames, _ = read(write(*rows))
    assert [frame.frame_id for frame in frames] == ["mp-149-0-pbe-0", "mp-149-0-pbe-1"]
    assert {frame.material_id for frame in frames} == {"mp-149"}


def test_a_stress_times_the_volume_is_divided_by_it(write):
    stress = np.array(KBAR) * -0.1 * GPa * STRUCTURE.volume
    row = colabfit_row(cauchy_stress=stress.tolist(), cauchy_stress_volume_normalized=True)
    (frame,), _ = read(write(row))
    np.testing.assert_allclose(frame.stress, np.array(KBAR) * -0.1)


def test_missing_labels_are_no_reason_to_refuse(write):
    rows = [
        lemat_row(),
        lemat_row(forces=[], stress_tensor=None, magnetic_moments=None),
        lemat_row(forces=[[None] * 3] * 2, stress_tensor=[]),
    ]
    frames, _ = read(write(*rows))
    assert [frame.forces is None for frame in frames] == [False, True, True]
    assert [frame.stress is None for frame in frames] == [False, True, True]


def test_rows_of_other_functionals_are_left_out(write):
    rows = [lemat_row(), lemat_row(functional="pbesol"), lemat_row(functional="r2scan")]
    frames, _ = read(write(*rows), functional="r2SCAN")
    assert len(frames) == 1


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"energy": None}, "it has no energy"),
        ({"energy": float("inf")}, "its energy is not finite"),
        ({"species_at_sites": ["Na"]}, "the structure's positions have the shape"),
        ({"species_at_sites": ["Na", "Xx"]}, "the structure contains Xx"),
        ({"species_at_sites": ["Na", "Am"]}, "the structure contains Am"),
        ({"species_at_sites": None}, "it has no structure"),
        ({"lattice_vectors": [[1.0, 0, 0], [2.0, 0, 0], [0, 0, 1.0]]}, "no volume"),
        ({"lattice_vectors": [[1.0, 0, 0], [2.0, 0, 0]]}, "the structure's cell have the shape"),
        ({"forces": FORCES[:1]}, "the shape of the forces is (1, 3)"),
        ({"forces": [[0.1, 0.2], [0.1]]}, "the shape of the forces is (3,)"),
        ({"cartesian_site_positions": [[0.0, 0.0, None], [1.0, 1, 1]]}, "not finite"),
    ],
)
def test_a_row_that_cannot_be_taken_leaves_the_others(write, change, why):
    frames, read_frames = read(write(lemat_row(), lemat_row(**change), lemat_row()))
    assert len(frames) == 2
    assert why in refused(read_frames)[0]


def test_charges_of_species_do_not_matter(write):
    (frame,), _ = read(write(lemat_row(species_at_sites=["Na+", "Cl-"])))
    assert frame.atomic_numbers.tolist() == [11, 17]


def test_a_molecule_is_put_into_a_box(write):
    row = colabfit_row(pbc=[False] * 3, cell=[[0.0] * 3] * 3, method="DFT-B3LYP")
    (frame,), _ = read(write(row))
    assert frame.stress is None
    np.testing.assert_allclose(
        np.linalg.norm(np.diff(frame.frac_coords @ frame.lattice, axis=0)),
        np.linalg.norm(np.diff(STRUCTURE.cart_coords, axis=0)),
    )


def test_a_folder_of_shards_is_one_set(write):
    write(lemat_row(), name="pbe/train-00000-of-00002.parquet")
    path = write(lemat_row(energy=-8.0), name="pbe/train-00001-of-00002.parquet")
    frames, _ = read(path.parent)
    assert [frame.energy_per_atom for frame in frames] == [-3.5, -4]


def test_other_names_of_the_columns_are_recognised(write):
    row = {
        "symbols": ["Na", "Cl"],
        "cell": STRUCTURE.lattice.matrix.ravel().tolist(),
        "frac_coords": STRUCTURE.frac_coords.tolist(),
        "dft_energy": -7.0,
        "dft_forces": FORCES,
    }
    (frame,), _ = read(write(row))
    np.testing.assert_allclose(frame.frac_coords, STRUCTURE.frac_coords)
    assert frame.energy_per_atom == -3.5
    np.testing.assert_array_equal(frame.forces, FORCES)


def test_a_damaged_group_of_rows_leaves_the_others(tmp_path):
    rows = [lemat_row(energy=-7.0 - i) for i in range(40)]
    path = tmp_path / "data.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=10, use_dictionary=False)
    groups = pq.ParquetFile(path).metadata
    energies = next(
        column
        for i in range(groups.num_columns)
        if (column := groups.row_group(2).column(i)).path_in_schema == "energy"
    )
    content = bytearray(path.read_bytes())
    begin = energies.data_page_offset
    content[begin : begin + energies.total_compressed_size] = (
        b"\xff" * energies.total_compressed_size
    )
    path.write_bytes(content)
    frames, read_frames = read(path)
    assert len(frames) == 30
    assert refused(read_frames) == ["they are damaged"]


def test_a_truncated_file_says_so(write):
    path = write(lemat_row())
    path.write_bytes(path.read_bytes()[:-10])
    assert open_source(path) is None
    with pytest.raises(LabError, match="damaged"):
        open_table(path)


def test_a_table_with_a_structure_column_stays_a_table(write):
    row = {"structure": STRUCTURE.as_dict(), "energy": -7.0, "forces": FORCES}
    row["structure"].pop("properties", None)
    for site in row["structure"]["sites"]:
        site.pop("properties")
    assert open_source(write(row)) is None


def test_a_name_that_occurs_twice_is_told(tmp_path):
    path = tmp_path / "t.parquet"
    columns = [pa.array(["NaCl"]), pa.array([-1.0]), pa.array([-2.0]), pa.array([1]), pa.array([2])]
    names = ["formula", "energy_pbe", "energy_r2scan", "x", "x"]
    pq.write_table(pa.Table.from_arrays(columns, names=names), path)
    with pytest.raises(LabError, match="the column 'x' occurs twice"):
        open_input(path)


def test_lemat_in_json_has_the_units_of_its_parquet(tmp_path):
    path = tmp_path / "lemat.jsonl"
    path.write_text("\n".join(json.dumps(lemat_row(immutable_id=f"mp-{n}")) for n in range(3)))
    (first, *_), records = read(path)
    assert records.source.form == "lemat-json"
    assert (first.material_id, first.energy_per_atom) == ("mp-0", -3.5)
    np.testing.assert_allclose(first.stress, -0.1 * np.array(KBAR))


def test_an_energy_that_occurs_twice_leaves_out_its_file(write):
    path = write(lemat_row(), name="set/a.parquet")
    other = path.with_name("b.parquet")
    table = pq.read_table(path)
    energy = next(name for name in table.column_names if "energy" in name)
    pq.write_table(table.append_column(energy, table.column(energy)), other)
    with pytest.raises(LabError, match=f"the column '{energy}' occurs twice"):
        open_input(other)
    assert len(read(path.parent)[0]) == 1
