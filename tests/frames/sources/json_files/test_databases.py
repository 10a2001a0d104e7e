"""Answers of databases' interfaces: OPTIMADE, AFLOW, NOMAD's archive; and FitSNAP's files."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import units
from pymatgen.core import Lattice, Structure

from core.errors import LabError
from core.frames.schema import Frame
from core.frames.sources.importing import open_input, plan_import
from core.frames.sources.opening import open_source
from core.frames.sources.record_frames import RecordFrames
from core.frames.sources.records import RecordSource
from core.progress import silent

CRYSTAL = Structure(
    Lattice.from_parameters(3.9, 4.1, 4.4, 85, 95, 100),
    ["Li", "Li", "O"],
    [[0, 0, 0], [0.5, 0.5, 0.1], [0.5, 0, 0.5]],
)
FORCES = [[0.1, -0.2, 0.3], [0.0, 0.1, -0.1], [-0.1, 0.1, -0.2]]
ENERGY = -14.25


def opened(tmp_path: Path, value: Any, name: str = "a.json") -> RecordSource:
    path = tmp_path / name
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    source = open_source(path)
    assert source is not None
    return source


def frames_of(source: RecordSource) -> list[Frame]:
    return list(RecordFrames(source).frames(silent))


def check(frame: Frame) -> None:
    assert frame.energy_per_atom == pytest.approx(ENERGY / 3)
    np.testing.assert_allclose(frame.forces, FORCES, atol=1e-9)
    assert frame.atomic_numbers.tolist() == [3, 3, 8]
    made = Structure(frame.lattice, frame.atomic_numbers, frame.frac_coords)
    np.testing.assert_allclose(made.distance_matrix, CRYSTAL.distance_matrix, atol=1e-6)


def optimade(**changes: Any) -> dict[str, Any]:
    attributes = {
        "lattice_vectors": CRYSTAL.lattice.matrix.tolist(),
        "cartesian_site_positions": CRYSTAL.cart_coords.tolist(),
        "species_at_sites": ["Li1", "Li1", "O"],
        "species": [
            {"name": "Li1", "chemical_symbols": ["Li"], "concentration": [1.0]},
            {"name": "O", "chemical_symbols": ["O"], "concentration": [1.0]},
        ],
        "dimension_types": [1, 1, 1],
        "nsites": 3,
        "_alexandria_energy": ENERGY,
        "_alexandria_forces": FORCES,
        "_alexandria_stress": [[1, 2, 3]] * 3,
        "_alexandria_formation_energy_per_atom": -1.0,
    }
    return {"id": "agm1", "type": "structures", "attributes": attributes | changes}


OPTIMADE = {
    "list": {"data": [optimade()], "meta": {"api_version": "1.1.0"}},
    "single": {"data": optimade(), "meta": {"api_version": "1.1.0"}},
    "lines": "\n".join(
        map(
            json.dumps,
            [
                {"x-optimade": {"meta": {"api_version": "1.1.0"}}},
                {"type": "info", "id": "structures", "properties": {}},
                optimade(),
            ],
        )
    ),
}


@pytest.mark.parametrize("layout", OPTIMADE)
def test_optimade_with_energies_of_the_provider(tmp_path: Path, layout: str):
    source = opened(tmp_path, OPTIMADE[layout])
    (frame,) = frames_of(source)
    check(frame)
    assert frame.material_id == "agm1"
    assert frame.stress is None
    assert "stress was left out" in source.notes()[0]


def test_optimade_without_energies_says_what_to_ask_for(tmp_path: Path):
    entry = optimade()
    attributes = entry["attributes"]
    entry["attributes"] = {key: value for key, value in attributes.items() if key[0] != "_"}
    with pytest.raises(LabError, match="response_fields"):
        frames_of(opened(tmp_path, {"data": [entry], "meta": {}}))


BROKEN_OPTIMADE = {
    "vacancies": {"species": [{"name": "Li1", "chemical_symbols": ["Li", "vacancy"]}]},
    "partial": {"species": [{"name": "O", "chemical_symbols": ["O"], "concentration": [0.5]}]},
    "unknown": {"species_at_sites": ["Qq", "Li1", "O"]},
    "few sites": {"species_at_sites": ["Li1", "O"]},
    "no numbers": {"lattice_vectors": [["a"] * 3] * 3},
    "no energy": {"_alexandria_energy": None},
    "text": {"_alexandria_energy": "low"},
    "other forces": {"_alexandria_forces": [[0, 0, 0]]},
    "no cell": {"lattice_vectors": [[1, 0, 0], [2, 0, 0], [0, 0, 1]]},
}


@pytest.mark.parametrize("how", BROKEN_OPTIMADE)
def test_a_broken_entry_is_left_out_and_the_others_are_taken(tmp_path: Path, how: str):
    entries = [optimade(), optimade(**BROKEN_OPTIMADE[how]), optimade()]
    records = RecordFrames(opened(tmp_path, {"data": entries}))
    assert len(list(records.frames(silent))) == 2
    (refused,) = records._refused
    assert "entry 1 of a.json" in refused.where
    assert "\n" not in refused.why


def aflow(**changes: Any) -> dict[str, Any]:
    document = {
        "auid": "aflow:1",
        "geometry": [3.9, 4.1, 4.4, 85, 95, 100],
        "positions_fractional": CRYSTAL.frac_coords.tolist(),
        "species": ["Li", "O"],
        "composition": [2, 1],
        "energy_cell": ENERGY,
        "forces": FORCES,
        "dft_type": ["PAW_PBE"],
        "stress_tensor": [1.0] * 9,
    }
    return document | changes


def text(rows: Any) -> str:
    return ";".join(",".join(map(str, row)) for row in rows)


AFLOW = {
    "lists": {},
    "texts": {
        "geometry": "3.9,4.1,4.4,85,95,100",
        "positions_fractional": text(CRYSTAL.frac_coords),
        "species": "Li,O",
        "composition": "2,1",
        "forces": text(FORCES),
        "dft_type": "PAW_PBE",
    },
    "per atom": {"energy_cell": None, "energy_atom": ENERGY / 3},
    "enthalpy": {"energy_cell": None, "enthalpy_atom": ENERGY / 3, "pressure": 0},
}


@pytest.mark.parametrize("how", AFLOW)
def test_aflows_entries(tmp_path: Path, how: str):
    source = opened(tmp_path, [aflow(**AFLOW[how])])
    records = RecordFrames(source)
    (frame,) = records.frames(silent)
    check(frame)
    assert records.functionals == {"PBE": 1}
    assert frame.stress is None


BROKEN_AFLOW = {
    "angles": {"geometry": [3.9, 4.1, 4.4]},
    "words": {"geometry": "a,b,c"},
    "species": {"species": ["Li"]},
    "counts": {"composition": [1, 1]},
    "text": {"composition": ["x", 1]},
    "pressure": {"energy_cell": None, "enthalpy_atom": -4.0, "pressure": 10},
    "positions": {"positions_fractional": [[0, 0]] * 3},
    "element": {"species": ["Qq", "O"]},
}


@pytest.mark.parametrize("how", BROKEN_AFLOW)
def test_a_broken_entry_of_aflow_is_left_out(tmp_path: Path, how: str):
    records = RecordFrames(opened(tmp_path, [aflow(), aflow(**BROKEN_AFLOW[how])]))
    assert len(list(records.frames(silent))) == 1
    assert len(records._refused) == 1


JOULE = units.J
METRE = units.m


def archive(**changes: Any) -> dict[str, Any]:
    atoms = {
        "labels": ["Li", "Li", "O"],
        "positions": (CRYSTAL.cart_coords / METRE).tolist(),
        "lattice_vectors": (CRYSTAL.lattice.matrix / METRE).tolist(),
        "periodic": [True, True, True],
    }
    calculation = {
        "energy": {"total": {"value": ENERGY / JOULE}},
        "forces": {"total": {"value": (np.array(FORCES) / JOULE * METRE).tolist()}},
        "system_ref": "#/run/0/system/1",
    }
    names = [{"name": "GGA_X_PBE"}]
    run = {
        "method": [{"dft": {"xc_functional": {"exchange": names}}}],
        "system": [{"atoms": {**atoms, "positions": [[0, 0, 0]] * 3}}, {"atoms": atoms}],
        "calculation": [calculation | changes],
    }
    return {"run": [run], "metadata": {"entry_id": "xyz"}}


@pytest.mark.parametrize("wrap", [lambda one: one, lambda one: {"data": [{"archive": one}]}])
def test_nomads_archive_is_in_si_units(tmp_path: Path, wrap: Any):
    records = RecordFrames(opened(tmp_path, wrap(archive())))
    (frame,) = records.frames(silent)
    check(frame)
    assert records.functionals == {"PBE": 1}
    assert frame.material_id == "xyz"


BROKEN_ARCHIVE: dict[str, dict[str, Any]] = {
    "no energy": {"energy": {}},
    "no system": {"system_ref": "#/run/0/system/9"},
    "text": {"energy": {"total": {"value": "x"}}},
    "other forces": {"forces": {"total": {"value": [[0, 0]]}}},
    "a list": {"energy": [1]},
    "none": {"energy": None},
}


@pytest.mark.parametrize("how", BROKEN_ARCHIVE)
def test_a_broken_calculation_is_left_out(tmp_path: Path, how: str):
    broken = archive()
    good = broken["run"][0]["calculation"][0]
    broken["run"][0]["calculation"] = [good, good | BROKEN_ARCHIVE[how], good]
    records = RecordFrames(opened(tmp_path, broken))
    assert len(list(records.frames(silent))) == 2
    assert "calculation 1 of a.json" in records._refused[0].where


def fitsnap(style: str, stress: Any, **changes: Any) -> str:
    one = {
        "NumAtoms": 3,
        "AtomTypes": ["Li", "Li", "O"],
        "Lattice": CRYSTAL.lattice.matrix.tolist(),
        "Positions": CRYSTAL.cart_coords.tolist(),
        "Energy": ENERGY,
        "Forces": FORCES,
        "Stress": stress,
    }
    dataset = {"Data": [one | changes], "StressStyle": style, "EnergyStyle": "electronvolt"}
    return "# a comment\n" + json.dumps({"Dataset": dataset})


@pytest.mark.parametrize(("style", "factor"), [("bar", 1000.0), ("kB", 1.0), ("kilobar", 1.0)])
def test_fitsnaps_stress_is_a_pressure_in_its_own_unit(tmp_path: Path, style: str, factor: float):
    kbar = np.array([[1.0, 4.0, 6.0], [4.0, 2.0, 5.0], [6.0, 5.0, 3.0]])
    folder = tmp_path / "group"
    folder.mkdir()
    (frame,) = frames_of(opened(folder, fitsnap(style, (kbar * factor).tolist())))
    check(frame)
    np.testing.assert_allclose(frame.stress, -0.1 * kbar)
    assert frame.material_id == "group"


def test_a_folder_of_fitsnap_is_read_file_by_file(tmp_path: Path):
    kbar = np.eye(3).tolist()
    texts = {
        "good": fitsnap("kB", kbar),
        "number": fitsnap("kB", kbar, NumAtoms=4),
        "units": fitsnap("kB", kbar).replace("electronvolt", "hartree"),
        "damaged": fitsnap("kB", kbar)[:-30],
        "types": fitsnap("kB", kbar, AtomTypes=["1", "1", "2"]),
        "positions": fitsnap("kB", kbar, Positions=[[0, 0, 0]]),
        "energy": fitsnap("kB", kbar, Energy=None),
        "forces": fitsnap("kB", kbar, Forces=[[0, 0, 0]]),
        "stress": fitsnap("kB", kbar, Stress=[[1, 2], [3, 4]]),
        "other": json.dumps({"x": 1}),
    }
    for name, content in texts.items():
        (tmp_path / f"{name}.json").write_text(content)
    (tmp_path / "0.json").write_text(texts["good"])
    source = open_source(tmp_path)
    assert source is not None
    records = RecordFrames(source)
    assert len(list(records.frames(silent))) == 2
    assert len(records._refused) == 9


@pytest.mark.parametrize("layout", ["columns", "records", "lines", "index", "split", "data"])
def test_plain_rows_of_json_are_a_table(tmp_path: Path, layout: str):
    rows = [
        {"formula": "NaCl", "energy_pbe": -3.4, "energy_r2scan": -9.3, "sites": [1, 2]},
        {"formula": "MgO", "energy_pbe": -5.9, "energy_r2scan": -9, "sites": []},
    ]
    columns = list(rows[0])[:3]
    texts = {
        "columns": {name: {str(i): row[name] for i, row in enumerate(rows)} for name in columns},
        "records": rows,
        "lines": "\n".join(map(json.dumps, rows)),
        "index": {str(i): row for i, row in enumerate(rows)},
        "split": {
            "columns": columns,
            "index": [0, 1],
            "data": [[row[name] for name in columns] for row in rows],
        },
        "data": {"data": rows, "meta": {"total": 2}},
    }
    path = tmp_path / "a.json"
    value = texts[layout]
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    table = open_input(path).table
    assert table is not None
    read = table.read(columns)
    assert read.column("energy_r2scan").to_pylist() == [-9.3, -9.0]
    assert read.column("formula").to_pylist() == ["NaCl", "MgO"]
    assert open_input(path).kind == "pairs"


def test_rows_of_json_with_a_text_among_numbers_say_where(tmp_path: Path):
    rows = [{"formula": "NaCl", "energy": -3.4}] * 200
    rows.append({"formula": "MgO", "energy": "low"})
    path = tmp_path / "a.json"
    path.write_text(json.dumps(rows))
    table = open_input(path).table
    assert table is not None
    with pytest.raises(LabError, match=r"Entry 200 of a.json: 'low' in column 'energy'"):
        table.read(["energy"])


def test_oqmds_answers_hold_formation_energies(tmp_path: Path):
    entry = {
        "name": "NaCl",
        "entry_id": 1,
        "unit_cell": CRYSTAL.lattice.matrix.tolist(),
        "sites": ["Li @ 0 0 0", "Li @ 0.5 0.5 0.1", "O @ 0.5 0 0.5"],
        "delta_e": -1.2,
        "stability": 0.0,
        "composition": "Li2 O1",
    }
    path = tmp_path / "oqmd.json"
    path.write_text(json.dumps({"links": {"next": None}, "data": [entry] * 3}))
    with pytest.raises(LabError, match=r"formation energies.*delta_e"):
        plan_import(path, "energies")
