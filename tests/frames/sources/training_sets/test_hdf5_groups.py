"""Structures in groups of HDF5, in the layouts of several data sets."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from core.errors import LabError
from core.frames.schema import Card, Frame
from core.frames.sources.opening import open_source
from core.frames.sources.record_frames import RecordFrames
from core.frames.units import BOHR, EV_PER_A3, HARTREE
from core.progress import silent

DATA = Path(__file__).parents[3] / "data" / "formats" / "mlff"
RNG = np.random.default_rng(0)
POSITIONS = RNG.random((4, 3, 3)) * 4
ENERGIES = RNG.normal(size=4)
FORCES = RNG.normal(size=(4, 3, 3))


def read(path: Path, **settings: Any) -> tuple[list[Frame], list[str]]:
    source = open_source(path)
    assert source is not None
    assert source.form == "hdf5"
    table = RecordFrames(source, **settings)
    frames = list(table.frames(silent))
    report = table.describe(Card(name="x", kind="frames", n=len(frames))).report
    assert report is not None
    return frames, [f"{one.where}: {one.why}" for one in report.refused]


def distances(frame: Frame) -> np.ndarray:
    positions = frame.frac_coords @ frame.lattice
    return positions - positions[0]


def test_one_structure_per_group_with_labels_as_attributes():
    path = DATA / "mlip_spice2.hdf5"
    frames, reasons = read(path)
    assert not reasons
    with h5py.File(path) as file:
        for name, frame in zip(file, frames, strict=True):
            group = file[name]
            assert frame.frame_id == name
            np.testing.assert_array_equal(frame.atomic_numbers, group["elements"])
            assert frame.energy_per_atom == pytest.approx(group.attrs["energy"] / len(frame))
            np.testing.assert_array_equal(frame.forces, group["forces"])


def test_spice_has_conformations_in_atomic_units(tmp_path: Path):
    path = tmp_path / "SPICE.hdf5"
    with h5py.File(path, "w") as file:
        for name in ("water", "other"):
            group = file.create_group(name)
            group["atomic_numbers"] = np.array([8, 1, 1], dtype="i2")
            group["conformations"] = POSITIONS.astype("f4")
            group["conformations"].attrs["units"] = "bohr"
            group["dft_total_energy"] = ENERGIES
            group["dft_total_energy"].attrs["units"] = "hartree"
            group["dft_total_gradient"] = FORCES
            group["formation_energy"] = ENERGIES + 1
            group["subset"] = [b"pubchem"]
    frames, reasons = read(path)
    assert not reasons
    assert len(frames) == 8
    assert {frame.material_id for frame in frames} == {"water", "other"}
    for number, frame in enumerate(frames[:4]):
        expected = (POSITIONS[number] - POSITIONS[number, 0]) * BOHR
        np.testing.assert_allclose(distances(frame), expected, atol=1e-5)
        assert frame.energy_per_atom == pytest.approx(ENERGIES[number] * HARTREE / 3)
        np.testing.assert_allclose(frame.forces, -FORCES[number] * HARTREE / BOHR)


def test_ani1x_has_its_labels_by_level_of_theory(tmp_path: Path):
    path = tmp_path / "ani1x.h5"
    energies = ENERGIES.copy()
    energies[2] = np.nan
    with h5py.File(path, "w") as file:
        group = file.create_group("H2O")
        group["atomic_numbers"] = np.array([8, 1, 1], dtype="u1")
        group["coordinates"] = POSITIONS
        group["wb97x_dz.energy"] = energies
        group["wb97x_dz.forces"] = FORCES
        group["ccsd(t)_cbs.energy"] = ENERGIES
    frames, reasons = read(path)
    assert len(frames) == 3
    assert "no energy" in reasons[0]
    assert frames[0].energy_per_atom == pytest.approx(ENERGIES[0] * HARTREE / 3)
    np.testing.assert_allclose(frames[0].forces, FORCES[0] * HARTREE)


ANI = {"species": [b"O", b"H", b"H"], "coordinates": POSITIONS, "energies": ENERGIES}
QM7X = {"atNUM": [8, 1, 1], "atXYZ": POSITIONS[0], "ePBE0+MBD": ENERGIES[:1], "totFOR": FORCES[0]}


@pytest.mark.parametrize(
    ("group", "arrays", "unit"),
    [
        ("gdb11_s01/gdb11_s01-0", {**ANI, "energiesHE": ENERGIES}, HARTREE),
        ("3", {**ANI, "species": np.tile([8, 1, 1], (4, 1)), "forces": FORCES}, HARTREE),
        ("1/Geom-m1-i1-c1-opt", {**QM7X, "ePBE0": ENERGIES[:1] + 1}, 1.0),
    ],
    ids=["ANI-1", "ANI-2x", "QM7-X"],
)
def test_units_of_data_sets_that_do_not_state_them(
    tmp_path: Path, group: str, arrays: dict[str, Any], unit: float
):
    with h5py.File(tmp_path / "set.h5", "w") as file:
        for name, array in arrays.items():
            file[f"{group}/{name}"] = array
    frames, reasons = read(tmp_path / "set.h5")
    assert not reasons
    assert len(frames) == len(arrays.get("energies", [0]))
    assert frames[0].energy_per_atom == pytest.approx(ENERGIES[0] * unit / 3)
    if "energiesHE" not in arrays:
        np.testing.assert_allclose(frames[0].forces, FORCES[0] * unit)


@pytest.mark.parametrize("stress", [np.eye(3), [1.0, 1, 1, 0, 0, 0]], ids=["matrix", "six"])
def test_configurations_of_mace(tmp_path: Path, stress: Any):
    path = tmp_path / "train_0.h5"
    cell = np.diag([4.0, 5, 6])
    with h5py.File(path, "w") as file:
        batch = file.create_group("config_batch_0")
        for number in range(4):
            group = batch.create_group(f"config_{number}")
            group["atomic_numbers"] = [3, 8, 8]
            group["positions"] = POSITIONS[number]
            group["cell"], group["pbc"] = cell, [True, True, True]
            group["properties/energy"] = ENERGIES[number]
            group["properties/forces"] = FORCES[number]
            group["properties/stress"] = stress
            group["properties/virials"] = "None"
            group["config_type"] = "Default"
    frames, reasons = read(path)
    assert not reasons
    for number, frame in enumerate(frames):
        np.testing.assert_allclose(frame.lattice, cell)
        assert frame.energy_per_atom == pytest.approx(ENERGIES[number] / 3)
        np.testing.assert_allclose(frame.forces, FORCES[number])
        np.testing.assert_allclose(frame.stress, np.eye(3) * EV_PER_A3)


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "positions of other atoms": ({"positions": POSITIONS[0, :2]}, "not those of its 3 atoms"),
    "flat positions": ({"positions": POSITIONS[0].reshape(9)}, "not three numbers per atom"),
    "words for positions": ({"positions": [b"a"]}, "positions are not numbers"),
    "positions of NaN": ({"positions": np.full((3, 3), np.nan)}, "not finite"),
    "an element beyond Pu": ({"elements": [1, 1, 120]}, "beyond H to Pu"),
    "no such element": ({"elements": [b"H", b"H", b"Xx"]}, "'Xx', which is not an element"),
    "no elements": ({"elements": np.zeros(0, dtype=int)}, "no atoms"),
    "a table of elements": ({"elements": np.ones((3, 1))}, "not one per atom"),
    "forces of other atoms": ({"forces": FORCES[0, :2]}, "shape of the forces"),
    "energy in words": ({"energy": "unknown"}, "energy is not a number"),
    "no energy": ({"energy": np.nan}, "no energy"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_group_is_left_out_and_the_others_are_read(name: str, tmp_path: Path):
    changes, why = BROKEN[name]
    path = tmp_path / "groups.h5"
    whole = {"elements": [3, 8, 8], "positions": POSITIONS[0], "forces": FORCES[0], "energy": 1.0}
    with h5py.File(path, "w") as file:
        for number, own in enumerate((whole, {**whole, **changes}, whole)):
            for key, value in own.items():
                file[f"{number}/{key}"] = value
    frames, reasons = read(path)
    assert len(frames) == 2
    assert len(reasons) == 1
    assert why in reasons[0]
    assert "1 in groups.h5" in reasons[0]


def test_other_hdf5_is_not_taken_for_structures(tmp_path: Path):
    path = tmp_path / "other.h5"
    with h5py.File(path, "w") as file:
        file["x"] = [1, 2, 3]
    with pytest.raises(LabError, match="HDF5 with x, without elements and positions"):
        open_source(path)


def test_hdf5_that_breaks_off_says_so(tmp_path: Path):
    data = (DATA / "mlip_spice2.hdf5").read_bytes()
    path = tmp_path / "half.h5"
    path.write_bytes(data[: len(data) // 2])
    source = open_source(path)
    assert source is not None
    with pytest.raises(LabError, match="the HDF5 file is damaged"):
        RecordFrames(source)


def test_elements_may_be_given_for_each_structure(tmp_path):
    path = tmp_path / "ani.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("002")
        group["species"] = np.array([[8, 1], [9, 1], [8, 99]])
        group["coordinates"] = np.array([[[0, 0, 0], [0, 0, 0.9 + n / 10]] for n in range(3)])
        group["energies"] = np.array([-75.0, -100.0, -1.0])
    source = open_source(path)
    assert source is not None
    frames = list(RecordFrames(source).frames(silent))
    assert [frame.atomic_numbers.tolist() for frame in frames] == [[8, 1], [9, 1]]
    positions = frames[1].frac_coords @ frames[1].lattice
    np.testing.assert_allclose(np.linalg.norm(positions[1] - positions[0]), 1.0)
