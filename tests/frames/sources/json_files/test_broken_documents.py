"""A document that is wrong anywhere leaves its neighbours, and is either refused or read."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from pymatgen.core import Lattice, Structure
from pymatgen.entries.computed_entries import ComputedEntry, ComputedStructureEntry

from core.errors import LabError
from core.frames.sources.importing import open_input
from core.frames.sources.json_files.entry_table import EntryTable
from core.progress import silent

STRUCTURE = Structure(
    Lattice.cubic(4), ["Na", "Cl"], [[0, 0, 0], [0.5] * 3], site_properties={"magmom": [0.0, 1.0]}
).as_dict()
FORCES = [[0.1, 0.2, 0.3], [-0.1, -0.2, -0.3]]
STRESS = [[3.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 1.0]]
LABELS = {"energy": -7.0, "forces": FORCES, "stress": STRESS}
STEP = {
    "structure": STRUCTURE,
    "e_fr_energy": -7.0,
    "e_0_energy": -7.0,
    "electronic_steps": [{"e_fr_energy": -7.0, "e_0_energy": -7.0}],
    "forces": FORCES,
    "stress": STRESS,
}
ATOMS = {
    "lattice_mat": [[4.0, 0, 0], [0, 4.0, 0], [0, 0, 4.0]],
    "coords": [[0.0, 0, 0], [0.5, 0.5, 0.5]],
    "elements": ["Na", "Cl"],
    "cartesian": False,
}
DOCUMENTS: dict[str, dict[str, Any]] = {
    "entries": json.loads(
        json.dumps(
            ComputedStructureEntry(
                Structure.from_dict(STRUCTURE),
                -7,
                correction=-0.5,
                parameters={"run_type": "GGA"},
                data={"material_id": "mp-1"},
            ).as_dict()
        )
    ),
    "tasks": {
        "task_id": "mp-1",
        "calcs_reversed": [
            {
                "run_type": "GGA",
                "input": {"incar": {"NELM": 60}, "potcar_spec": [{"titel": "PAW_PBE Na"}]},
                "output": {
                    "ionic_steps": [STEP],
                    "bandgap": 1.0,
                    "outcar": {"magnetization": [{"tot": 0.5}, {"tot": 0.0}]},
                },
            }
        ],
    },
    "jarvis": {"jid": "1", "atoms": ATOMS, "total_energy": -7.0, "forces": FORCES},
    "mlearn": {
        "structure": STRUCTURE,
        "outputs": {"energy": -7.0, "forces": FORCES, "virial_stress": [3.0, 2, 1, 0, 0, 0]},
        "num_atoms": 2,
    },
    "pydmclab": {"E_mp": -3.5, "mpid": "mp-1", "structure": STRUCTURE},
    "json": {"structure": STRUCTURE, "labels": LABELS},
    "json-sites": {
        "numbers": [11, 17],
        "positions": [[0.0, 0, 0], [2.0, 2, 2]],
        "cell": [[4.0, 0, 0], [0, 4.0, 0], [0, 0, 4.0]],
        "pbc": [True, True, True],
        **LABELS,
    },
}
WRONG = (None, "x", [], {}, [[]], -1, float("nan"), float("inf"), True, 10**400, [{"x": 1}])


def changed(value: Any) -> Iterator[Any]:
    """Yield copies of a document in which one value is missing or of another kind."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(items):
        if isinstance(value, dict):
            yield {name: one for name, one in value.items() if name != key}
        for wrong in WRONG:
            copied = copy.copy(value)
            copied[key] = wrong
            yield copied
        if isinstance(inner, (dict, list)):
            for other in changed(inner):
                copied = copy.copy(value)
                copied[key] = other
                yield copied
        if isinstance(value, list) and key:
            return


@pytest.mark.parametrize("form", DOCUMENTS)
def test_a_wrong_document_leaves_its_neighbours(tmp_path, form):
    good = DOCUMENTS[form]
    wrong = list(changed(good))
    path = tmp_path / "data.json"
    path.write_text(json.dumps([good, *wrong, good]))
    found = open_input(path)
    assert found.source is not None
    assert found.source.form == form
    frames = list(found.records().frames(silent))
    assert len(wrong) > 100
    assert 2 < len(frames) < 2 + len(wrong)
    for frame in (frames[0], frames[-1]):
        assert frame.energy_per_atom == -3.5


@pytest.mark.parametrize("form", DOCUMENTS)
def test_a_file_that_breaks_off_anywhere(tmp_path, form):
    text = json.dumps([DOCUMENTS[form]] * 2)
    path = tmp_path / "data.json"
    for end in range(1, len(text) - 1, len(text) // 20):
        path.write_text(text[:end])
        try:
            found = open_input(path)
            frames = list(found.records().frames(silent)) if found.source is not None else []
        except LabError:
            continue
        assert len(frames) <= 1


def test_a_wrong_entry_of_a_table_is_named(tmp_path):
    good = ComputedEntry("NaCl", -7, correction=-0.5, entry_id="mp-1").as_dict()
    path = tmp_path / "data.json"
    for wrong in list(changed(good))[::5]:
        path.write_text(json.dumps([good, wrong, good]))
        found = ""
        try:
            table = open_input(path).table
            assert isinstance(table, EntryTable)
            assert len(table.read(table.columns)) == 3
        except LabError as error:
            found = str(error).lower()
        assert not found or "entry 1 of data.json" in found


SIDE_BY_SIDE: dict[str, dict[str, Any]] = {
    "json-columns": {
        "structures": [STRUCTURE, STRUCTURE],
        "labels": {"energies": [-7.0, -7.0], "forces": [FORCES, FORCES]},
    },
    "trajectory": {
        "@class": "Trajectory",
        "species": ["Na", "Cl"],
        "coords": [[[0.0, 0, 0], [0.5, 0.5, 0.5]]] * 2,
        "lattice": [[[4.0, 0, 0], [0, 4.0, 0], [0, 0, 4.0]]] * 2,
        "coords_are_displacement": False,
        "frame_properties": [LABELS, LABELS],
        "site_properties": None,
    },
}


@pytest.mark.parametrize("form", SIDE_BY_SIDE)
def test_lists_side_by_side_that_are_wrong_anywhere(tmp_path, form):
    path = tmp_path / "data.json"
    path.write_text(json.dumps(SIDE_BY_SIDE[form]))
    found = open_input(path)
    assert found.source is not None
    assert found.source.form == form
    assert len(list(found.records().frames(silent))) == 2
    for wrong in list(changed(SIDE_BY_SIDE[form]))[::17]:
        path.write_text(json.dumps(wrong))
        try:
            found = open_input(path)
            frames = list(found.records().frames(silent)) if found.source is not None else []
        except LabError:
            continue
        assert len(frames) <= 2
