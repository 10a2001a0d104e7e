import json

import numpy as np
import pandas as pd
import pytest

from core.errors import LabError
from core.frames.registry import open_dataset
from core.frames.tables.frame_table import import_frames
from core.home import datasets_dir


@pytest.fixture(params=["csv", "parquet"])
def table(request, tmp_path):
    """Return a writer of a table; nested lists stay lists in Parquet, become JSON in CSV."""

    def write(**columns):
        path = tmp_path / f"table.{request.param}"
        frame = pd.DataFrame(columns)
        if request.param == "parquet":
            frame.to_parquet(path)
        else:
            as_text = lambda x: json.dumps(x) if isinstance(x, list) else x  # noqa: E731
            frame.map(as_text).to_csv(path, index=False)
        return path

    return write


def test_labels_come_back_as_they_went(table, salt, salt_json):
    forces = [[[0.1, 0.2, 0.3], [-0.1, -0.2, -0.3]], None, None]
    stress = [[[1.0, 0.5, 0.0], [0.5, 2.0, 0.0], [0.0, 0.0, 3.0]], None, None]
    path = table(
        frame_id=["a", "b", "c"],
        material_id=["m", "m", "n"],
        structure=[salt_json, salt.to(fmt="cif"), salt.to(fmt="poscar")],
        energy_pbe_corrected=[-3.5, -3.4, -3.3],
        energy_pbe_uncorrected=[-3.2, None, -3.1],
        forces=forces,
        stress=stress,
        magmoms=[[0.5, -1.5], None, None],
        bandgap=[5.0, 0.0, None],
    )
    card = import_frames(path, name="mine", functional="pbe", labels="some-model")
    assert (card.n, card.n_materials, card.functional) == (3, 2, "PBE")
    assert (card.corrections, card.labels) == ("MP2020", "some-model")
    frames = open_dataset("mine").frames(range(3))
    assert [frame.frame_id for frame in frames] == ["a", "b", "c"]
    assert [frame.energy_per_atom for frame in frames] == [-3.5, -3.4, -3.3]
    assert [frame.uncorrected_energy_per_atom for frame in frames] == [-3.2, None, -3.1]
    assert [frame.bandgap for frame in frames] == [5.0, 0.0, None]
    assert np.array_equal(frames[0].forces, forces[0])
    assert np.array_equal(frames[0].stress, stress[0])
    assert np.array_equal(frames[0].magmoms, [0.5, 1.5])
    assert frames[1].forces is frames[1].stress is frames[1].magmoms is None
    for frame in frames:
        assert sorted(frame.atomic_numbers) == [11, 17]
        assert abs(np.linalg.det(frame.lattice)) == pytest.approx(salt.volume, rel=1e-5)


def test_rows_without_structure_or_energy_are_counted(table, salt_json):
    path = table(
        material_id=["m", "n", "o", "p"],
        structure_json=[salt_json, None, salt_json, salt_json],
        energy_gga=[-1.0, -1.0, -1.0, -1.0],
        energy_r2scan=[-3.5, -3.4, None, -3.2],
    )
    progress = []
    card = import_frames(
        path, name="mine", functional="r2SCAN", progress=lambda share, _: progress.append(share)
    )
    assert card.n == 2
    assert card.description.startswith("2 of 4 rows of table.")
    assert "1 without a structure and 1 without an energy" in card.description
    assert list(open_dataset("mine").energies()) == [-3.5, -3.2]
    assert progress[-1] == 1


def test_disordered_structures_are_left_out_and_the_first_is_named(table, salt_json, disordered):
    structures = [salt_json, disordered.to(fmt="json"), disordered.to(fmt="cif"), salt_json]
    path = table(material_id=["m"] * 4, structure=structures, energy_pbe=[-1.0, -2.0, -3.0, -4.0])
    where = "line 3 of table.csv" if path.suffix == ".csv" else "row 2 of table.parquet"
    card = import_frames(path, name="mine", functional="PBE")
    assert f"left out: 2 with a disordered structure. The first disordered structure: {where}." in (
        card.description
    )
    data = open_dataset("mine")
    assert data.energies().tolist() == [-1.0, -4.0]
    assert data.table()["frame_id"].tolist() == ["m", "m#2"]
    path = table(structure=structures[1:3], energy_pbe=[-2.0, -3.0])
    with pytest.raises(LabError, match="no row with an energy has an ordered structure"):
        import_frames(path, name="none", functional="PBE")
    assert [one.name for one in datasets_dir().iterdir()] == ["mine"]


def test_ids_are_made_up_where_missing(table, salt_json):
    structures = [salt_json] * 3
    import_frames(
        table(material_id=["m", "n", "m"], structure=structures, energy_pbe=[-1.0, -2.0, -3.0]),
        name="materials",
        functional="PBE",
    )
    assert list(open_dataset("materials").table()["frame_id"]) == ["m", "n", "m#2"]
    import_frames(
        table(structure=structures, energy_pbe=[-1.0, -2.0, -3.0]), name="rows", functional="PBE"
    )
    assert list(open_dataset("rows").material_ids()) == ["row-1", "row-2", "row-3"]


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (
            {"structure": "nonsense"},
            "the structure is neither a dictionary of pymatgen, ASE or JARVIS nor CIF",
        ),
        ({"energy_pbe": "abc"}, "'abc' in column 'energy_pbe' is not a finite number"),
        ({"frame_id": "f0"}, "the frame id 'f0' is not unique"),
        ({"frame_id": None}, "column 'frame_id' is empty"),
        (
            {"forces": [[0.0, 0.0, 0.0]]},
            r"the shape of the forces is \(1, 3\), but must",
        ),
        ({"forces": [[0.0, 0.0, 0.0], [0.0, 0.0]]}, "the forces cannot be read as an array"),
        (
            {"stress": [1.0] * 6},
            r"the stress has six numbers, so .* \(xx yy zz xy yz zx\)",
        ),
        ({"magmoms": [1.0]}, r"the shape of the magmoms is \(1,\)"),
    ],
)
def test_a_bad_row_is_named_and_nothing_is_imported(table, salt_json, second, message):
    good = {
        "frame_id": "f0",
        "structure": salt_json,
        "energy_pbe": "-3",
        "forces": [[0.0] * 3] * 2,
        "stress": None,
        "magmoms": [0.0, 0.0],
    }
    rows = [good, {**good, "frame_id": "f1", **second}]
    path = table(**{key: [row[key] for row in rows] for key in good})
    where = "Line 3 of table.csv" if path.suffix == ".csv" else "Row 2 of table.parquet"
    mapping = {"stress": "stress", "forces": "forces"}
    with pytest.raises(LabError, match=f"^{where}: ({message})"):
        import_frames(path, name="mine", functional="PBE", mapping=mapping)
    assert list(datasets_dir().iterdir()) == []


@pytest.mark.parametrize("text", ["[[1, 2, 3], [1, 2", "[[NaN, 0, 0], [0, 0, 0]]", '"x"'])
def test_labels_that_are_no_json_are_refused(write, salt_json, text):
    quoted = [cell.replace('"', '""') for cell in (salt_json, text)]
    path = write("t.csv", 'structure,energy_pbe,forces\n"{}",-1,"{}"\n'.format(*quoted))
    with pytest.raises(LabError, match=r"^Line 2 of t.csv: .*the forces"):
        import_frames(path, name="mine", functional="PBE", mapping={"forces": "forces"})


def test_a_table_without_what_frames_need_is_refused(table, salt_json):
    with pytest.raises(LabError, match="no column that looks like r2SCAN total energies"):
        import_frames(
            table(structure=[salt_json], energy_pbe=[-1.0]), name="mine", functional="r2scan"
        )
    with pytest.raises(LabError, match="no column that looks like structures"):
        import_frames(table(formula=["NaCl"], energy_pbe=[-1.0]), name="mine", functional="PBE")
    with pytest.raises(LabError, match="no row with both a structure and an energy"):
        import_frames(
            table(structure=[salt_json, None], energy_pbe=[None, -1.0]),
            name="mine",
            functional="PBE",
        )


def test_forces_of_3n_numbers_go_atom_by_atom(table, salt_json):
    forces = [0.1, 0.2, 0.3, -0.1, -0.2, -0.3]
    path = table(structure=[salt_json], energy_per_atom=[-3.5], forces=[forces])
    import_frames(path, name="mine", functional="PBE")
    (frame,) = open_dataset("mine").frames(range(1))
    assert np.array_equal(frame.forces, np.reshape(forces, (2, 3)))
    by_component = np.transpose(np.reshape(forces, (2, 3))).ravel().tolist()
    path = table(structure=[salt_json], energy_per_atom=[-3.5], forces=[by_component])
    with pytest.raises(LabError, match="all x come before all y"):
        import_frames(path, name="other", functional="PBE")
    path = table(structure=[salt_json], energy_per_atom=[-3.5], forces=[[0.1, 0.2, 0.3]])
    with pytest.raises(LabError, match=r"shape of the forces is \(3,\)"):
        import_frames(path, name="other", functional="PBE")


def test_numbers_tell_the_frames_of_each_material_apart(table, salt_json):
    import_frames(
        table(
            material_id=["a", "a", "b"],
            frame=[0, 1, 0],
            structure=[salt_json] * 3,
            energy_pbe=[-1.0, -2.0, -3.0],
        ),
        name="steps",
        functional="PBE",
    )
    assert list(open_dataset("steps").table()["frame_id"]) == ["a#0", "a#1", "b#0"]
    assert open_dataset("steps").card.n_materials == 2


def test_a_table_of_neither_structures_nor_formulas_is_told_both_ways(table):
    with pytest.raises(LabError, match=r"structures or formulas.*--map formula=COLUMN"):
        import_frames(table(name=["NaCl"], energy_pbe=[-1.0]), name="mine", functional="PBE")
