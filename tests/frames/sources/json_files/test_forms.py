"""JSON of other tools, written here by those tools or in their published layouts."""

import bz2
import gzip
import json

import numpy as np
import pytest
from monty.json import MontyEncoder
from pymatgen.core import Structure
from pymatgen.core.trajectory import Trajectory
from pymatgen.entries.computed_entries import (
    CompositionEnergyAdjustment,
    ComputedEntry,
    ComputedStructureEntry,
    ConstantEnergyAdjustment,
    ManualEnergyAdjustment,
    TemperatureEnergyAdjustment,
)

from core.errors import LabError
from core.frames.registry import open_dataset
from core.frames.schema import Card
from core.frames.sources.importing import import_dataset
from core.frames.sources.json_files.entries import correction
from core.frames.sources.opening import open_source
from tests.frames.sources.json_files.documents import (
    DOCUMENT,
    FORCES,
    KBAR,
    STRUCTURE,
    entry,
    read,
    refused,
)


@pytest.mark.parametrize(
    "content",
    [
        [entry(), entry(-8.0)],
        {"a": entry(entry_id=None), "b": entry(-8.0, entry_id=None)},
        {"entries": [entry(), entry(-8.0)], "n": 2},
        [{"material_id": "x", "computed_structure_entry": entry()}, {"entry": entry(-8.0)}],
        {
            "material_id": {"0": "wbm-1", "1": "wbm-2"},
            "computed_structure_entry": {"0": entry(), "1": entry(-8.0)},
        },
        {"train": [entry()], "test": [entry(-8.0)]},
        {"thermo_type": "R2SCAN", "entries": {"R2SCAN": entry(), "GGA": entry(-8.0), "x": None}},
        [{"material_id": "mp-1", "entries": {"GGA": entry()}}, {"entry": entry(-8.0)}],
        {"columns": ["n", "entry"], "index": [0, 1], "data": [[1, entry()], [2, entry(-8.0)]]},
    ],
)
def test_entries_are_found_in_every_layout(write, content):
    frames, _ = read(write(content))
    assert [frame.energy_per_atom for frame in frames] == [-3.5, -4]


def test_entries_by_line(write):
    path = write("".join(f"{json.dumps(entry(e))}\n" for e in (-7.0, -8.0)), "data.jsonl")
    frames, _ = read(path)
    assert [frame.energy_per_atom for frame in frames] == [-3.5, -4]


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress])
def test_entries_are_decompressed(write, compress):
    (frame,), _ = read(write(compress(json.dumps([entry()]).encode()), "data"))
    assert frame.energy_per_atom == -3.5


def test_a_column_of_entries_is_found_behind_long_columns(write):
    ids = {str(i): f"wbm-{i:07d}" for i in range(60_000)}
    content = {"material_id": ids, "computed_structure_entry": {"0": entry(), "1": entry(-8.0)}}
    frames, _ = read(write(content))
    assert [frame.energy_per_atom for frame in frames] == [-3.5, -4]


def test_the_correction_of_an_entry_is_pymatgen_s():
    adjustments = [
        ConstantEnergyAdjustment(-0.5, name="constant"),
        ManualEnergyAdjustment(0.25),
        CompositionEnergyAdjustment(-0.687, 3, name="oxide"),
        TemperatureEnergyAdjustment(-0.001, 300, 2, name="thermal"),
    ]
    made = ComputedStructureEntry(STRUCTURE, -7, energy_adjustments=adjustments)
    document = json.loads(json.dumps(made.as_dict()))
    assert correction(document) == pytest.approx(made.correction)
    del document["energy_adjustments"]
    assert correction(document) == pytest.approx(made.correction)


def test_the_corrected_energy_of_an_entry_may_be_taken(write):
    made = ComputedStructureEntry(STRUCTURE, -7, correction=-1.0)
    path = write([made.as_dict()])
    frames, _ = read(path, mapping={"energy": "corrected_energy", "uncorrected_energy": "energy"})
    assert frames[0].energy_per_atom == -4
    assert frames[0].uncorrected_energy_per_atom == -3.5


def test_run_types_are_functionals(write):
    path = write([entry(run_type="GGA"), entry(run_type="GGA+U"), entry(run_type="R2SCAN")])
    assert len(read(path, functional="GGA/GGA+U")[0]) == 2
    assert len(read(path, functional="r2SCAN")[0]) == 1


@pytest.mark.parametrize("place", ["sites", "data"])
def test_site_properties_of_entries_are_labels(write, place):
    own, data = {"magmom": [0.0, -1.5]}, {"stress": KBAR, "band_gap_ind": 1.5}
    (own if place == "sites" else data)["forces"] = FORCES
    made = ComputedStructureEntry(STRUCTURE.copy(site_properties=own), -7, data=data)
    (frame,), frames = read(write([made.as_dict()]))
    np.testing.assert_array_equal(frame.forces, FORCES)
    assert frame.magmoms is not None
    assert frame.magmoms.tolist() == [0, 1.5]
    assert frame.bandgap == 1.5
    assert frame.stress is None
    assert "The stress was left out" in frames.describe(Card(name="x", kind="frames")).description


@pytest.mark.parametrize(
    "content",
    [
        [DOCUMENT],
        {"mp-1": DOCUMENT},
        {"samples": [DOCUMENT], "labeller": "M3GNet"},
        [{"structure": STRUCTURE.as_dict(), "labels": {"energy": -7.0, "forces": FORCES}}],
        [{"structure": STRUCTURE.as_dict(), "energy_per_atom": -3.5, "forces": FORCES}],
        [{"final_structure": STRUCTURE.as_dict(), "total_energy": -7.0, "force": FORCES}],
        [STRUCTURE.as_dict() | {"properties": {"energy": -7.0, "forces": FORCES}}],
        {"data": [DOCUMENT], "meta": {"api_version": "1"}},
        [{"structure": json.dumps(STRUCTURE.as_dict()), "energy": -7.0, "forces": FORCES}],
        [{"cif": STRUCTURE.to(fmt="cif"), "energy": -7.0, "forces": FORCES}],
        [
            {
                "numbers": [11, 17],
                "positions": STRUCTURE.cart_coords.tolist(),
                "cell": STRUCTURE.lattice.matrix.tolist(),
                "pbc": [True, True, True],
                "info": {"REF_energy": -7.0},
                "REF_forces": FORCES,
            }
        ],
        {"structures": [STRUCTURE.as_dict()], "labels": {"energies": [-7.0], "forces": [FORCES]}},
        {"structure": [STRUCTURE.as_dict()], "energy": [-7.0], "forces": [FORCES]},
        {"structure": {"0": STRUCTURE.as_dict()}, "energy": {"0": -7.0}, "forces": {"0": FORCES}},
    ],
)
def test_structures_with_labels_are_found_in_every_layout(write, content):
    (frame,), _ = read(write(content))
    assert frame.energy_per_atom == -3.5
    np.testing.assert_array_equal(frame.forces, FORCES)
    np.testing.assert_allclose(frame.frac_coords, STRUCTURE.frac_coords)


def test_summary_documents_of_the_materials_project(write):
    document = {
        "material_id": "mp-22862",
        "formula_pretty": "NaCl",
        "nsites": 2,
        "structure": STRUCTURE.as_dict(),
        "energy_per_atom": -4.0,
        "uncorrected_energy_per_atom": -3.5,
        "formation_energy_per_atom": -2.0,
        "energy_above_hull": 0.0,
        "band_gap": 5.0,
        "total_magnetization": 0.0,
    }
    (frame,), _ = read(write({"data": [document], "meta": {"total_doc": 1}}))
    assert frame.material_id == "mp-22862"
    assert frame.energy_per_atom == -4
    assert frame.uncorrected_energy_per_atom == -3.5
    assert frame.bandgap == 5


def test_the_model_that_made_the_labels_is_named(write):
    source = open_source(write({"labeller": "M3GNet", "samples": [DOCUMENT]}))
    assert source is not None
    assert source.labels == "M3GNet"


def test_mlearn(write):
    outputs = {
        "energy": -7.0,
        "forces": FORCES,
        "virial_stress": [30.0, 20.0, 10.0, 1.0, 3.0, 2.0],
    }
    document = {"structure": STRUCTURE.as_dict(), "outputs": outputs, "num_atoms": 2}
    (frame,), _ = read(write([document]))
    assert frame.energy_per_atom == -3.5
    np.testing.assert_allclose(frame.stress, np.array(KBAR) * -0.1)


@pytest.mark.parametrize("is_cartesian", [True, False])
def test_jarvis(write, is_cartesian):
    coords = STRUCTURE.cart_coords if is_cartesian else STRUCTURE.frac_coords
    atoms = {
        "lattice_mat": STRUCTURE.lattice.matrix.tolist(),
        "coords": coords.tolist(),
        "elements": ["Na", "Cl"],
        "cartesian": is_cartesian,
        "props": ["", ""],
    }
    labels = {"forces": FORCES, "stresses": KBAR}
    documents = [
        {"jid": "1", "atoms": atoms, "total_energy": -7.0, **labels},
        {"jid": "1", "atoms": atoms, "energy": -8.0, **labels},
    ]
    frames, _ = read(write(documents))
    assert [frame.energy_per_atom for frame in frames] == [-3.5, -4]
    assert [frame.frame_id for frame in frames] == ["1", "1#2"]
    np.testing.assert_allclose(frames[0].frac_coords, STRUCTURE.frac_coords)
    np.testing.assert_allclose(frames[0].stress, np.array(KBAR) * -0.1)


def test_jarvis_dft_has_energies_per_atom(write):
    atoms = {
        "lattice_mat": STRUCTURE.lattice.matrix.tolist(),
        "coords": STRUCTURE.frac_coords.tolist(),
        "elements": ["Na", "Cl"],
        "cartesian": False,
    }
    document = {"jid": "JVASP-1", "atoms": atoms, "optb88vdw_total_energy": -2.5}
    documents = [document | {"optb88vdw_bandgap": 1.5}, document | {"optb88vdw_bandgap": "na"}]
    frames, _ = read(write(documents))
    assert [frame.energy_per_atom for frame in frames] == [-2.5, -2.5]
    assert [frame.bandgap for frame in frames] == [1.5, None]


def test_a_trajectory_of_pymatgen(write):
    structures = [STRUCTURE, STRUCTURE.copy().perturb(0.1)]
    made = Trajectory.from_structures(
        structures,
        constant_lattice=False,
        frame_properties=[{"energy": -7.0, "forces": FORCES}, {"energy": -8.0, "forces": FORCES}],
    )
    frames, _ = read(write(json.dumps(made.as_dict(), cls=MontyEncoder)))
    assert [frame.energy_per_atom for frame in frames] == [-3.5, -4]
    assert {frame.material_id for frame in frames} == {"data"}
    for frame, structure in zip(frames, structures, strict=True):
        np.testing.assert_allclose(frame.frac_coords, structure.frac_coords)
        np.testing.assert_allclose(frame.lattice, structure.lattice.matrix)


def without(document, *keys):
    return {key: value for key, value in document.items() if key not in keys}


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (without(entry(), "structure"), "it has no structure"),
        (without(entry(), "energy"), "it has no energy"),
        (entry(energy=float("nan")), "its energy is not finite"),
        (entry(structure={"lattice": {"matrix": 3}, "sites": []}), "the structure"),
        (entry(structure=STRUCTURE.as_dict() | {"sites": [{"species": 7}]}), "the structure lacks"),
        (entry(energy_adjustments=[{"n_atoms": 2}]), "an energy adjustment has no value"),
        (7, "it is not an object"),
        (None, "it is not an object"),
        ([entry()], "it is not an object"),
        (
            entry(structure=Structure(STRUCTURE.lattice, [{"Na": 0.5}], [[0] * 3]).as_dict()),
            "the structure is disordered",
        ),
        (
            entry(structure=Structure(STRUCTURE.lattice, ["Am"], [[0] * 3]).as_dict()),
            "which is not an element from H to Pu",
        ),
    ],
)
def test_an_entry_that_cannot_be_taken_leaves_the_others(write, bad, why):
    frames, read_frames = read(write([entry(), bad, entry(-8.0)]))
    assert [frame.energy_per_atom for frame in frames] == [-3.5, -4]
    ((where, found),) = refused(read_frames)
    assert where == "entry 1 of data.json"
    assert why in found


def test_a_file_that_breaks_off_yields_what_is_whole(write):
    text = json.dumps([entry(), entry(-8.0), entry(-9.0)])
    frames, read_frames = read(write(text[:-200]))
    assert len(frames) == 2
    assert len(refused(read_frames)) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\1\2",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b"[1, 2, 3]",
        b'"text"',
        b'{"structure": 1}',
        b"\xff\xfe[\0",
        gzip.compress(b"[]", mtime=0)[:-4],
    ],
)
def test_other_content_is_not_taken_for_structures(write, content):
    path = write(content)
    try:
        source = open_source(path)
    except LabError:
        return
    assert source is None or source.form not in {"entries", "tasks", "jarvis", "json"}


@pytest.mark.parametrize(
    "content",
    [
        [{"material_id": "wbm-1", "initial_structure": STRUCTURE.as_dict()}],
        {"wbm-1": STRUCTURE.as_dict()},
        [STRUCTURE.as_dict()],
        {"material_id": {"0": "wbm-1"}, "initial_structure": {"0": STRUCTURE.as_dict()}},
        {
            "material_id": {str(i): f"wbm-{i:07d}" for i in range(60_000)},
            "initial_structure": {"0": STRUCTURE.as_dict()},
        },
    ],
)
def test_structures_without_energies_are_refused_in_a_sentence(write, content):
    path = write(content)
    with pytest.raises(LabError, match=r"a total energy|without any labels"):
        read(path)


def test_entries_without_structures_are_a_table(write):
    entries = [
        ComputedEntry("NaCl", -7, correction=-1, entry_id="mp-1", parameters={"run_type": "GGA"}),
        ComputedEntry("Na3Cl3", -24, entry_id="mp-2", parameters={"run_type": "GGA+U"}),
    ]
    path = write([one.as_dict() for one in entries])
    card = import_dataset(path, "energies", name="entries", functional="GGA/GGA+U")
    assert card.n == 2
    table = open_dataset("entries").table()
    assert table["corrected_energy_per_atom"].tolist() == [-4, -4]
    assert table["uncorrected_energy_per_atom"].tolist() == [-3.5, -4]
    assert table["material_id"].tolist() == ["mp-1", "mp-2"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"energy": None}, "it has no energy"),
        ({"composition": {"Na": "x"}}, "its composition is no dictionary of numbers"),
        ({"composition": {"Xx": 1}}, "contains Xx"),
    ],
)
def test_an_entry_without_structure_that_cannot_be_taken_is_named(write, change, message):
    good = ComputedEntry("NaCl", -7, entry_id="mp-1").as_dict()
    path = write([good, good | change])
    with pytest.raises(LabError, match=rf"ntry 1 of data.json: .*{message}"):
        import_dataset(path, "energies", name="entries", functional="PBE")


@pytest.mark.parametrize(
    "content",
    [
        {"H": -1.5, "O": -2.5, "Na": -1.0},
        {"1": -1.5, "8": -2.5, "11": -1.0},
        {"pbe": {"1": -1.5, "8": -2.5, "11": -1.0}},
        {"mp": {"pbe": {one: {"mu": -1.5, "key": "x"} for one in ("H", "O", "Na")}}},
    ],
)
def test_energies_of_elements_are_references(write, content):
    with pytest.raises(LabError, match=r"energies of elements, .*atomref atomrefs save"):
        open_source(write(content))


def test_atoms_of_ase_below_a_key(tmp_path):
    atoms = {
        "numbers": [11, 17],
        "positions": STRUCTURE.cart_coords.tolist(),
        "cell": STRUCTURE.lattice.matrix.tolist(),
        "pbc": [True] * 3,
    }
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"data": [{"atoms": atoms, "energy": -7.0, "forces": FORCES}] * 2}))
    frames, _ = read(path)
    assert [frame.energy_per_atom for frame in frames] == [-3.5, -3.5]
    np.testing.assert_allclose(frames[0].forces, FORCES)
