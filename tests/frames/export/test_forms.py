"""Each form is read by a reader of its own."""

import contextlib
import io
import json
import re
from dataclasses import replace

import ase.db
import ase.io
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from ase import units
from chgnet.data.dataset import StructureJsonData
from chgnet.graph import CrystalGraphConverter
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Structure

from core.elements import formula_of
from core.errors import LabError
from core.frames.export.atoms import atoms_of
from core.frames.export.extxyz import write_extxyz
from core.frames.export.forms import export_dataset
from core.frames.pairs import open_pairs, write_pairs
from core.frames.registry import open_dataset, open_frame_set
from core.frames.schema import Card, EnergyColumn
from core.frames.sources.importing import import_dataset
from core.frames.store import open_frames, write_frames

CARD = Card(name="set", kind="frames", functional="GGA/GGA+U", corrections="MP2020")


@pytest.fixture
def data(make_frames, tmp_path):
    write_frames(tmp_path / "set", CARD, make_frames(30))
    return open_frames(tmp_path / "set")


def same(value, expected, **tolerance):
    assert (value is None) == (expected is None)
    if expected is not None:
        np.testing.assert_allclose(value, expected, **tolerance)


def check_atoms(atoms, frame, *, atol):
    """Compare ASE's atoms with a frame."""
    assert atoms.numbers.tolist() == frame.atomic_numbers.tolist()
    same(atoms.cell.array, frame.lattice, rtol=1e-14)
    same(atoms.positions, frame.frac_coords @ frame.lattice, atol=atol)
    results = atoms.calc.results if atoms.calc else {}
    energy = frame.energy_per_atom
    same(results.get("energy"), None if energy is None else energy * len(frame), rtol=1e-14)
    same(results.get("forces"), frame.forces, atol=atol)
    same(results.get("magmoms"), frame.magmoms, atol=atol)
    if frame.stress is None:
        assert "stress" not in results
    else:
        symmetric = (frame.stress + frame.stress.T) / 2
        same(atoms.get_stress(voigt=False), symmetric * units.GPa, rtol=1e-7)


def test_ase_reads_extended_xyz(data, tmp_path):
    assert export_dataset(data, tmp_path / "a.extxyz", np.array([3, 2, 17])) == 3
    export_dataset(data, tmp_path / "b.XYZ", np.array([3, 2, 17]))
    assert (tmp_path / "b.XYZ").read_bytes() == (tmp_path / "a.extxyz").read_bytes()
    read = ase.io.read(tmp_path / "a.extxyz", ":")
    for atoms, frame in zip(read, data.frames([3, 2, 17]), strict=True):
        check_atoms(atoms, frame, atol=1e-8)
        uncorrected = frame.uncorrected_energy_per_atom
        expected = None if uncorrected is None else uncorrected * len(frame)
        same(atoms.info.get("uncorrected_energy"), expected, rtol=1e-14)
        same(atoms.info.get("bandgap"), frame.bandgap, rtol=1e-14)
        info = {"frame_id": frame.frame_id, "material_id": frame.material_id}
        info |= {"functional": "GGA/GGA+U", "labels": "dft", "corrections": "MP2020"}
        assert info.items() <= atoms.info.items()


def test_extended_xyz_is_what_ase_writes(make_frames, tmp_path):
    frames = [replace(frame, pbc=(True, True, False)) for frame in make_frames(9)]
    write_extxyz(tmp_path / "a.extxyz", CARD, frames)
    expected = []
    for frame in frames:
        atoms = atoms_of(frame)
        uncorrected = frame.uncorrected_energy_per_atom
        info = {
            "frame_id": frame.frame_id,
            "material_id": frame.material_id,
            "functional": "GGA/GGA+U",
            "labels": "dft",
            "corrections": "MP2020",
            "uncorrected_energy": None if uncorrected is None else uncorrected * len(frame),
            "bandgap": frame.bandgap,
        }
        atoms.info = {key: value for key, value in info.items() if value is not None}
        expected.append(atoms)
    ase.io.write(tmp_path / "b.extxyz", expected, format="extxyz")
    lines = [(tmp_path / name).read_text().splitlines() for name in ("a.extxyz", "b.extxyz")]
    for ours, theirs in zip(*lines, strict=True):
        # Stress differs in its last digit, for it is divided after the average.
        assert re.sub('stress="[^"]*"', "", ours) == re.sub('stress="[^"]*"', "", theirs)


@settings(max_examples=25)
@given(name=st.text(min_size=1, max_size=12))
def test_any_id_comes_back_from_extended_xyz(make_frames, tmp_path_factory, name):
    path = tmp_path_factory.mktemp("xyz") / "a.extxyz"
    frame = replace(make_frames(1)[0], frame_id=name, material_id="0012")
    write_extxyz(path, CARD, [frame, frame])
    with path.open(encoding="utf-8") as file:
        for atoms in ase.io.read(file, ":", format="extxyz"):
            assert (atoms.info["frame_id"], atoms.info["material_id"]) == (name, "0012")


def test_ase_reads_its_database(data, tmp_path):
    export_dataset(data, tmp_path / "a.db")
    with ase.db.connect(tmp_path / "a.db") as database:
        rows = list(database.select())
        assert database.metadata["card"]["functional"] == "GGA/GGA+U"
    for row, frame in zip(rows, data.frames(range(30)), strict=True):
        check_atoms(row.toatoms(), frame, atol=1e-12)
        assert (row.frame_id, row.material_id) == (frame.frame_id, frame.material_id)
        same(row.get("bandgap"), frame.bandgap)


def test_ids_that_are_numbers_are_in_the_data_of_the_database(make_frames, tmp_path):
    write_frames(tmp_path / "set", CARD, [replace(make_frames(1)[0], frame_id="0012")])
    export_dataset(open_frames(tmp_path / "set"), tmp_path / "a.db")
    row = ase.db.connect(tmp_path / "a.db").get(1)
    assert row.data["frame_id"] == "0012"
    assert row.material_id == "m0"


def test_chgnet_reads_the_form_of_mptrj(data, tmp_path):
    # Materials apart, so that they must be brought together.
    rows = np.concatenate([np.arange(0, 30, 2), np.arange(1, 30, 2)])
    export_dataset(data, tmp_path / "a.json", rows)
    document = json.loads((tmp_path / "a.json").read_text())
    frames = data.frames(range(30))
    assert {m: set(found) for m, found in document.items()} == {
        f"m{i}": {f"f{3 * i}", f"f{3 * i + 1}", f"f{3 * i + 2}"} for i in range(10)
    }
    for frame in frames:
        found = document[frame.material_id][frame.frame_id]
        structure = Structure.from_dict(found["structure"])
        assert list(structure.atomic_numbers) == frame.atomic_numbers.tolist()
        same(structure.frac_coords, frame.frac_coords, rtol=0)
        same(structure.lattice.matrix, frame.lattice, rtol=0)
        same(found["energy_per_atom"], frame.energy_per_atom, rtol=0)
        same(found["bandgap"], frame.bandgap, rtol=0)
        for name, value in (
            ("corrected_total_energy", frame.energy_per_atom),
            ("uncorrected_total_energy", frame.uncorrected_energy_per_atom),
        ):
            same(found[name], None if value is None else value * len(frame))
    # Frames that lack a label that was asked for are left out by CHGNet.
    keys = [("m1", "f5"), ("m0", "f1")]
    with contextlib.redirect_stdout(io.StringIO()):
        converter = CrystalGraphConverter(atom_graph_cutoff=6, bond_graph_cutoff=3)
        loaded = StructureJsonData(str(tmp_path / "a.json"), converter, shuffle=False)
    for material, frame_id in keys:
        _, targets = loaded[loaded.keys.index((material, frame_id))]
        frame = frames[int(frame_id[1:])]
        same(targets["e"], frame.energy_per_atom, rtol=1e-6)
        same(targets["f"], frame.forces, rtol=1e-5)
        same(targets["s"], frame.stress, rtol=1e-5)
        same(targets["m"], frame.magmoms, rtol=1e-5)


def test_uncorrected_energies_are_so_named(make_frames, tmp_path):
    card = CARD.model_copy(update={"functional": "r2SCAN", "corrections": "none"})
    frame = replace(make_frames(2)[1], uncorrected_energy_per_atom=None)
    write_frames(tmp_path / "set", card, [frame])
    export_dataset(open_frames(tmp_path / "set"), tmp_path / "a.json")
    found = json.loads((tmp_path / "a.json").read_text())["m0"]["f1"]
    same(found["uncorrected_total_energy"], frame.energy_per_atom * len(frame))
    assert "corrected_total_energy" not in found
    export_dataset(open_frames(tmp_path / "set"), tmp_path / "a.parquet")
    table = pd.read_parquet(tmp_path / "a.parquet")
    assert table["uncorrected_energy_per_atom"].tolist() == [frame.energy_per_atom]


def test_pandas_reads_parquet(data, tmp_path):
    export_dataset(data, tmp_path / "a.parquet")
    table = pd.read_parquet(tmp_path / "a.parquet")
    assert len(table) == 30
    for row, frame in zip(table.itertuples(), data.frames(range(30)), strict=True):
        assert (row.frame_id, row.n_atoms) == (frame.frame_id, len(frame))
        structure = Structure.from_dict(json.loads(row.structure))
        same(structure.frac_coords, frame.frac_coords, rtol=0)
        for column, value in (
            (row.forces_ev_per_angstrom, frame.forces),
            (row.stress_gpa, frame.stress),
        ):
            same(None if column is None else np.stack(column), value, rtol=0)
        same(row.magmoms_mub, frame.magmoms, rtol=0)
    card = json.loads(pq.read_schema(tmp_path / "a.parquet").metadata[b"atomref_lab"])
    assert card["fingerprint"] == data.fingerprint


@pytest.mark.parametrize("suffix", ["extxyz", "db", "parquet", "json"])
@pytest.mark.parametrize("corrections", ["MP2020", "none", "unknown"])
def test_what_is_exported_is_imported_without_options(make_frames, tmp_path, suffix, corrections):
    frames = [one for one in make_frames(30) if one.energy_per_atom is not None]
    # The stress of extended XYZ and of ASE is symmetric.
    frames = [
        one if one.stress is None else replace(one, stress=one.stress + one.stress.T)
        for one in frames
    ]
    if corrections == "none":
        frames = [replace(one, uncorrected_energy_per_atom=None) for one in frames]
    update = {"corrections": corrections, "functional": "PBE", "labels": "chgnet-0.3.0"}
    write_frames(tmp_path / "set", CARD.model_copy(update=update), frames)
    path = tmp_path / f"a.{suffix}"
    export_dataset(open_frames(tmp_path / "set"), path)
    card = import_dataset(path, "frames", name="back", functional="PBE")
    assert {key: getattr(card, key) for key in update} == update
    back = open_frame_set("back")
    tolerance = 1e-8 if suffix == "extxyz" else 1e-13
    if (suffix, corrections) == ("json", "none"):
        # The form has a key of its own for uncorrected energies.
        frames = [replace(one, uncorrected_energy_per_atom=one.energy_per_atom) for one in frames]
    for frame, again in zip(frames, back.frames(range(len(frames))), strict=True):
        names = ("energy_per_atom", "uncorrected_energy_per_atom", "forces", "stress", "magmoms")
        for name in (*names, "bandgap", "lattice"):
            same(getattr(again, name), getattr(frame, name), rtol=1e-12, atol=tolerance)
        offset = again.frac_coords - frame.frac_coords
        assert np.abs(offset - offset.round()).max() < 1e-8
        assert (again.frame_id, again.material_id) == (frame.frame_id, frame.material_id)


@pytest.fixture
def pairs(make_frames, tmp_path):
    """Energies whose columns do not say what they are, and structures of some of the rows."""
    frames = [None, *make_frames(5)]
    formulas = ["NaCl", *(formula_of(one.atomic_numbers) for one in frames[1:])]
    table = pd.DataFrame({"material_id": list("abcdef"), "formula": formulas})
    table["first"], table["total"] = np.linspace(-9, -3, 6), [-7.1, *[np.nan] * 3, -5.5, -1.0]
    table["remark"] = [None, None, "x", "y", "z", None]
    energies = [
        EnergyColumn(column="first", functional="GGA/GGA+U", corrections="MP2020"),
        EnergyColumn(column="total", functional="wild", labels="chgnet-0.3.0"),
    ]
    card = Card(name="set", kind="pairs", labels="model", energies=energies)
    write_pairs(tmp_path / "set", card, table, frames)
    return open_pairs(tmp_path / "set")


def test_pairs_are_tables(pairs, tmp_path):
    export_dataset(pairs, tmp_path / "a.csv")
    export_dataset(pairs, tmp_path / "a.parquet", np.array([2, 1]))
    expected = pairs.table()
    read = pd.read_csv(tmp_path / "a.csv")
    pd.testing.assert_frame_equal(read.drop(columns="structure"), expected, check_dtype=False)
    assert read["structure"].isna().tolist() == [True, *[False] * 5]
    read = pd.read_parquet(tmp_path / "a.parquet")
    structures = read.pop("structure")
    pd.testing.assert_frame_equal(
        read, expected.iloc[[2, 1]].reset_index(drop=True), check_dtype=False
    )
    structure = Structure.from_str(structures[0], fmt="json")
    same(structure.frac_coords, pairs.structure(2).frac_coords, rtol=0)


def test_pairs_in_parquet_are_imported_as_they_were(pairs, tmp_path):
    export_dataset(pairs, tmp_path / "a.parquet")
    card = import_dataset(tmp_path / "a.parquet", "pairs", name="back")
    assert card.energies == pairs.card.energies
    assert card.labels == "model"
    back = open_dataset("back")
    pd.testing.assert_frame_equal(back.table(), pairs.table(), check_dtype=False)
    for one, other in zip(back.frames(range(6)), pairs.frames(range(6)), strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            same(one.frac_coords, other.frac_coords, rtol=0)
            same(one.lattice, other.lattice, rtol=0)


def test_pairs_in_csv_are_imported_as_they_were(pairs, tmp_path):
    table = pairs.table().rename(columns={"first": "e_gga_corrected", "total": "e_scan_chgnet"})
    energies = [
        EnergyColumn(column="e_gga_corrected", functional="GGA/GGA+U", corrections="MP2020"),
        EnergyColumn(
            column="e_scan_chgnet", functional="SCAN", corrections="none", labels="chgnet"
        ),
    ]
    card = pairs.card.model_copy(update={"energies": energies})
    write_pairs(tmp_path / "named", card, table, pairs.frames(range(6)))
    export_dataset(open_pairs(tmp_path / "named"), tmp_path / "a.csv")
    card = import_dataset(tmp_path / "a.csv", "pairs", name="back")
    # A name that ends in a potential's is not of DFT.
    assert (card.energies, card.labels) == (energies, "model")
    back = open_dataset("back").table()
    pd.testing.assert_frame_equal(back, table[back.columns], check_dtype=False)


def test_mistakes_leave_no_file(data, tmp_path, monkeypatch):
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(LabError, match=r"follows from the name's end: \.extxyz"):
        export_dataset(data, out / "a.xlsx")
    (out / "a.db").write_text("mine")
    with pytest.raises(LabError, match="exists already"):
        export_dataset(data, out / "a.db")
    with pytest.raises(LabError, match="no row was chosen"):
        export_dataset(data, out / "a.json", np.array([], dtype=int))

    def full(_row):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(data, "frame", full)
    for suffix in ("extxyz", "parquet", "json"):
        with pytest.raises(LabError, match="the disk is full"):
            export_dataset(data, out / f"b.{suffix}")

    def cancel(_share, _what):
        raise KeyboardInterrupt

    for suffix in ("extxyz", "parquet", "json"):
        with pytest.raises(KeyboardInterrupt):
            export_dataset(data, out / f"b.{suffix}", progress=cancel)
    assert [path.name for path in out.iterdir()] == ["a.db"]
    assert (out / "a.db").read_text() == "mine"
