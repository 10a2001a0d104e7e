"""Files that would take a reader much time or memory are refused in one sentence."""

import gzip
import json
import os

import numpy as np
import pytest

from core.errors import LabError
from core.files import small_content
from core.frames.sources.importing import import_dataset, open_input
from core.frames.sources.structure_files import read_structures
from core.frames.tables.header import MOST_COLUMNS
from core.frames.tables.opening import open_table
from core.frames.tables.structure_text import check_text
from core.frames.tables.structures import parse_structure
from core.frames.tables.tabular import CellError

CIF = """data_x
_cell_length_a {a}
_cell_length_b {a}
_cell_length_c {a}
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
{more}
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Fe1 Fe 0 0 0
"""
POSCAR = "x\n1.0\n3 0 0\n0 3 0\n0 0 3\nFe\n{n}\ndirect\n0 0 0\n"
TRANSFORM = "_space_group_magn.transform_BNS_Pp_abc '9**9**9,b,c;0,0,0'"
OPERATIONS = "loop_\n_symmetry_equiv_pos_as_xyz\n" + "'x,y,z'\n" * 400


def dictionary(side):
    lattice = (side * np.eye(3)).tolist()
    site = {"species": [{"element": "Fe", "occu": 1}], "abc": [0, 0, 0]}
    return json.dumps({"lattice": {"matrix": lattice}, "sites": [site]})


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path / "home"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (CIF.format(a=3, more=TRANSFORM), "has a power"),
        (CIF.format(a=3, more=OPERATIONS), "lists 400 symmetry operations"),
        ("data_y\n" * 100 + CIF.format(a=3, more=""), "has 101 blocks of data"),
        (CIF.format(a=30, more="") + "C1 C 0 0 0\n" * 3000, "lists 3,001 atoms"),
        (POSCAR.format(n=999999999), "states 999,999,999 atoms, of which at most 200,000"),
        (POSCAR.format(n=5000), "states 5,000 atoms and has 9 lines"),
        (POSCAR.format(n="9" * 5000), "more atoms than it can hold"),
    ],
)
def test_structures_of_impossible_size(text, message):
    with pytest.raises(CellError, match=message):
        parse_structure(text)


def test_structures_of_usual_size_are_read():
    check_text(CIF.format(a=30, more="") + "C1 C 0 0 0\n" * 2000, "cif")
    two = CIF.format(a=3, more="loop_\n_symmetry_equiv_pos_as_xyz\n'x,y,z'\n'-x,-y,-z'\n")
    assert parse_structure(two).atomic_numbers.tolist() == [26]
    assert parse_structure(POSCAR.format(n=1)).atomic_numbers.tolist() == [26]


@pytest.mark.parametrize(
    "species", ['["Fe"]', "[5]", "[null]", '"F"', '{"0": 1}', "null", '[{"element": 5}]', "[[]]"]
)
def test_species_that_are_none(species):
    text = dictionary(3).replace('[{"element": "Fe", "occu": 1}]', species)
    with pytest.raises(CellError):
        parse_structure(text)


def test_a_cell_too_small_for_its_atoms(tmp_path):
    path = tmp_path / "x.csv"
    cell = dictionary(0.2).replace('"', '""')
    path.write_text(f'material_id,structure,energy_r2scan\nm,"{cell}",-5\n')
    with pytest.raises(LabError, match="has 125 atoms per Å³, more than 3, which no matter has"):
        import_dataset(path, "frames", name="x", functional="r2SCAN")


def test_more_columns_than_a_table_has(tmp_path):
    path = tmp_path / "x.csv"
    n = 50 * MOST_COLUMNS
    path.write_text(",".join(f"c{i}" for i in range(n)) + "\n" + "1," * (n - 1) + "1\n")
    with pytest.raises(LabError, match=r"Line 1 of x\.csv has 500,000 cells; a table may have"):
        open_input(path)


@pytest.mark.parametrize(
    "part", [b"a" * (1 << 20), b"m,LiO,-1.5,-4.7\n" * (1 << 16)], ids=["one line", "rows"]
)
def test_a_file_that_expands_a_thousandfold(tmp_path, part):
    path = tmp_path / "x.csv.gz"
    with gzip.open(path, "wb", compresslevel=9) as file:
        file.write(b"material_id,formula,energy_pbe,energy_r2scan\n")
        for _ in range((20 << 20) // len(part)):
            file.write(part)
    with pytest.raises(LabError, match="expands to more than 100 times its size"):
        import_dataset(path, "pairs", name="x", functionals={}, corrections={})


def test_structures_for_a_model_are_looked_at_first(tmp_path):
    path = tmp_path / "POSCAR"
    path.write_text(POSCAR.format(n=999999999))
    with pytest.raises(LabError, match="POSCAR: the POSCAR states 999,999,999 atoms"):
        read_structures([path])


@pytest.mark.parametrize("read", [open_input, open_table, small_content])
def test_a_pipe_is_not_waited_for(tmp_path, read):
    os.mkfifo(tmp_path / "x.csv")
    with pytest.raises(LabError, match=r"x\.csv is a pipe or a device"):
        read(tmp_path / "x.csv")


def test_a_large_file_of_references(tmp_path):
    with (tmp_path / "x.json").open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(LabError, match=r"x\.json has more than 16 MB"):
        small_content(tmp_path / "x.json")


OCCUPIED = CIF.format(a=3, more="").replace("fract_z\n", "fract_z\n_atom_site_occupancy\n")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("x.cif", OCCUPIED.replace("0 0 0", "0 0 0 x"), "has partly occupied sites"),
        ("x.cif", CIF.format(a=3, more="").replace(" Fe ", " None "), "outside H to Pu"),
        ("POSCAR", POSCAR.format(n=1).replace("0 3 0", "3 0 0"), "span no volume; correct"),
        ("x.cif", CIF.format(a=3, more="31.25"), "ASE says: Unexpected CIF file entry"),
    ],
)
def test_structures_for_a_model_that_no_model_takes(tmp_path, name, text, message):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(LabError, match=rf"{name}: frame 0 \(from 0\) .*{message}"):
        read_structures([path])


def test_an_occupancy_that_a_cif_leaves_open_is_one(tmp_path):
    path = tmp_path / "x.cif"
    path.write_text(OCCUPIED.replace("0 0 0", "0 0 0 ?"))
    assert len(read_structures([path])[0]) == 1
