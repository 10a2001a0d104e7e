"""The download: pymatgen reads it back and makes inputs of VASP from it."""

import io
import json
import zipfile

import numpy as np
import pandas as pd
import pytest
from pymatgen.core import Structure
from pymatgen.io.cif import CifParser
from pymatgen.io.vasp import Poscar
from pymatgen.io.vasp.sets import MatPESStaticSet, MPScanRelaxSet

from core.acquisition.structure_files import structures_zip
from core.errors import LabError
from core.frames.registry import open_dataset

ROWS = [0, 60, 300, 601, 1203]


@pytest.fixture(scope="module")
def pool():
    return open_dataset("mp-structures")


@pytest.fixture(scope="module")
def archive(pool):
    table = pool.table().iloc[ROWS][["material_id", "formula"]]
    table = table.assign(reason="because, of \n it", core_hours=[1.23456, 2, 3, 4, 5])
    return structures_zip(pool.frames(ROWS), table)


def read(archive, name):
    return zipfile.ZipFile(io.BytesIO(archive)).read(name).decode()


@pytest.mark.filterwarnings("ignore:The default value of primitive")
def test_structures_come_back_whole(archive, pool):
    entries = [Structure.from_dict(one) for one in json.loads(read(archive, "structures.json"))]
    names = zipfile.ZipFile(io.BytesIO(archive)).namelist()
    for number, (row, entry) in enumerate(zip(ROWS, entries, strict=True), start=1):
        frame = pool.structure(row)
        assert entry.properties["material_id"] == frame.material_id
        np.testing.assert_allclose(entry.lattice.matrix, frame.lattice)
        np.testing.assert_allclose(entry.frac_coords, frame.frac_coords)
        assert entry.atomic_numbers == tuple(frame.atomic_numbers)
        stem = f"{number:04d}-{frame.material_id}"
        assert f"poscar/{stem}.vasp" in names
        poscar = Poscar.from_str(read(archive, f"poscar/{stem}.vasp")).structure
        assert poscar.matches(entry)
        (cif,) = CifParser.from_str(read(archive, f"cif/{stem}.cif")).parse_structures()
        assert cif.matches(entry)


@pytest.mark.filterwarnings("ignore")
def test_pymatgen_makes_inputs_as_the_readme_says(archive):
    readme = read(archive, "README.txt")
    lines = readme[readme.index("import json") :].splitlines()
    code = "\n".join(lines).replace('open("structures.json")', "file")
    made = []
    # The inputs themselves need POTCAR files, which may not be passed on.
    code = code.replace("inputs.write_input(", "made.append(inputs.incar); made[-1:] and (")
    names = {"file": io.StringIO(read(archive, "structures.json")), "made": made}
    exec(code, names)  # noqa: S102  the lines that a user is told to run
    assert len(made) == len(ROWS)
    assert all(str(incar["METAGGA"]).lower() == "r2scan" for incar in made)
    for entry in json.loads(read(archive, "structures.json")):
        structure = Structure.from_dict(entry)
        relax = MPScanRelaxSet(structure)
        assert relax.incar["NSW"] > 0
        assert relax.incar["KSPACING"] > 0
        assert MatPESStaticSet(structure).incar["NSW"] == 0


def test_the_table_says_why_and_how_much(archive):
    table = pd.read_csv(io.StringIO(read(archive, "materials.csv")))
    assert table["core_hours"].tolist() == [1.235, 2, 3, 4, 5]
    assert set(table["reason"]) == {"because, of \n it"}


def test_the_same_choice_gives_the_same_bytes_and_ids_cannot_leave_the_folder(pool):
    table = pd.DataFrame({"material_id": ["../../evil\nid"], "formula": ["Pd"]})
    archive = structures_zip(pool.frames([0]), table)
    assert archive == structures_zip(pool.frames([0]), table)
    names = zipfile.ZipFile(io.BytesIO(archive)).namelist()
    assert "poscar/0001-.._.._evil_id.vasp" in names
    assert "core_hours" not in read(archive, "materials.csv")
    assert len(Poscar.from_str(read(archive, names[-2])).structure) == 1


def test_what_cannot_be_written(pool):
    table = pd.DataFrame({"material_id": ["a"], "formula": ["Pd"]})
    with pytest.raises(LabError, match="a: has no structure"):
        structures_zip([None], table)
    with pytest.raises(LabError, match="at least one"):
        structures_zip([], table.iloc[:0])
