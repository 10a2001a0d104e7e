"""DeePMD's systems in folders and in HDF5, from arrays that the tests make, whole and broken."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from core.errors import LabError
from core.frames.schema import Card, Frame
from core.frames.sources.opening import open_source
from core.frames.sources.record_frames import RecordFrames
from core.frames.units import EV_PER_A3
from core.progress import silent

DATA = Path(__file__).parents[3] / "data" / "formats" / "mlff"
RNG = np.random.default_rng(0)
N, FRAMES = 3, 5
ARRAYS = {
    "coord": RNG.random((FRAMES, 3 * N)) * 4,
    "box": np.tile(np.diag([4.0, 5, 6]).reshape(9), (FRAMES, 1)),
    "energy": RNG.normal(size=FRAMES),
    "force": RNG.normal(size=(FRAMES, 3 * N)),
    "virial": np.tile([1.0, 2, 3, 2, 4, 5, 3, 5, 6], (FRAMES, 1)),
}
KINDS = ("folder", "hdf5")

Write = Callable[..., Path]


def read(path: Path, elements: tuple[str, ...] = ()) -> tuple[list[Frame], list[str]]:
    source = open_source(path)
    assert source is not None
    source.elements = elements
    table = RecordFrames(source)
    frames = list(table.frames(silent))
    report = table.describe(Card(name="x", kind="frames", n=len(frames))).report
    assert report is not None
    return frames, [f"{one.where}: {one.why}" for one in report.refused]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write systems: name to files, each an array, text or bytes."""

    def write(kind: str, systems: dict[str, dict[str, Any]]) -> Path:
        path = tmp_path / f"set_{kind}"
        if kind == "hdf5":
            with h5py.File(path, "w") as file:
                for system, files in systems.items():
                    for name, content in files.items():
                        data = content.split() if isinstance(content, str) else content
                        if name.endswith("raw") and "map" not in name:
                            data = [int(word) for word in data]
                        file[f"{system}/{name}"] = data if np.size(data) else 0
            return path
        for system, files in systems.items():
            for name, content in files.items():
                file = path / system / name
                file.parent.mkdir(parents=True, exist_ok=True)
                if isinstance(content, str):
                    file.write_text(content)
                else:
                    np.save(file, content)
        return path

    return write


def system(**changes: Any) -> dict[str, Any]:
    files: dict[str, Any] = {"type.raw": "0 1 1", "type_map.raw": "Li O"}
    files |= {f"set.000/{name}.npy": array for name, array in ARRAYS.items()}
    return {name: content for name, content in {**files, **changes}.items() if content is not None}


@pytest.mark.parametrize("kind", KINDS)
def test_frames_have_the_numbers_of_the_arrays(kind: str, write: Write):
    frames, reasons = read(write(kind, {"": system()} if kind == "folder" else {"/": system()}))
    assert not reasons
    assert len(frames) == FRAMES
    for number, frame in enumerate(frames):
        assert frame.atomic_numbers.tolist() == [3, 8, 8]
        np.testing.assert_allclose(
            frame.frac_coords @ frame.lattice, ARRAYS["coord"][number].reshape(N, 3)
        )
        assert frame.energy_per_atom == pytest.approx(ARRAYS["energy"][number] / N)
        np.testing.assert_allclose(frame.forces, ARRAYS["force"][number].reshape(N, 3))
        expected = -EV_PER_A3 * ARRAYS["virial"][number].reshape(3, 3) / 120
        np.testing.assert_allclose(frame.stress, expected)


def test_arrays_of_text_are_read(tmp_path: Path):
    for name, array in ARRAYS.items():
        np.savetxt(tmp_path / f"{name}.raw", array)
    (tmp_path / "type.raw").write_text("0\n1\n1\n")
    frames, reasons = read(tmp_path, ("Li", "O"))
    assert not reasons
    assert len(frames) == FRAMES
    np.testing.assert_allclose(frames[3].forces, ARRAYS["force"][3].reshape(N, 3))
    assert frames[3].energy_per_atom == pytest.approx(ARRAYS["energy"][3] / N)
    (tmp_path / "energy.raw").write_text("1.0\nunknown\n")
    with pytest.raises(LabError, match=r"energy\.raw is not an array of numbers"):
        read(tmp_path, ("Li", "O"))


def test_the_same_frames_in_hdf5_and_in_a_folder():
    folder, _ = read(DATA / "deepmd_npy")
    hdf5, _ = read(DATA / "deepmd_hdf5.hdf5")
    assert [one.energy_per_atom for one in folder] == [one.energy_per_atom for one in hdf5]
    for one, other in zip(folder, hdf5, strict=True):
        np.testing.assert_array_equal(one.stress, other.stress)


@pytest.mark.parametrize("kind", KINDS)
def test_several_systems_are_several_materials(kind: str, write: Write):
    more = {f"set.001/{name}.npy": array[:2] for name, array in ARRAYS.items()}
    path = write(kind, {"LiO2": system(), "deep/other": system(**more)})
    frames, reasons = read(path)
    assert not reasons
    assert len(frames) == 2 * FRAMES + 2
    assert {frame.material_id for frame in frames} == {"LiO2", "deep/other"}


def test_elements_of_types_come_from_the_user_where_the_folder_has_none(write: Write):
    path = write("folder", {"": system(**{"type_map.raw": None})})
    with pytest.raises(LabError, match=r"numbers of types instead of elements.*--elements Li,O"):
        read(path)
    with pytest.raises(LabError, match="'Xx' is not the symbol of an element"):
        read(path, ("Li", "Xx"))
    frames, _ = read(path, ("Na", "Cl"))
    assert frames[0].atomic_numbers.tolist() == [11, 17, 17]
    with pytest.raises(LabError, match="atoms of type 1, and the elements of types 0 to 0"):
        read(path, ("Na",))


@pytest.mark.parametrize("kind", KINDS)
def test_a_system_without_periodicity_is_a_molecule(kind: str, write: Write):
    frames, _ = read(write(kind, {"one": system(nopbc="")}))
    assert all(frame.stress is None for frame in frames)
    assert np.diag(frames[0].lattice).min() > 12


def test_systems_of_mixed_types(write: Write):
    types = np.array([[0, 1, 1], [1, 1, -1], [0, 0, 0], [0, 1, -1], [1, 1, 1]])
    own = system(**{"set.000/real_atom_types.npy": types, "type.raw": "0 0 0"})
    frames, reasons = read(write("folder", {"": own}))
    assert not reasons
    numbers = [[3, 8, 8], [8, 8], [3, 3, 3], [3, 8], [8, 8, 8]]
    assert [frame.atomic_numbers.tolist() for frame in frames] == numbers
    np.testing.assert_allclose(frames[1].forces, ARRAYS["force"][1].reshape(N, 3)[:2])
    assert frames[1].energy_per_atom == pytest.approx(ARRAYS["energy"][1] / 2)


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "forces of other atoms": ({"set.000/force.npy": np.zeros((FRAMES, 6))}, "6 numbers per frame"),
    "fewer energies": ({"set.000/energy.npy": np.zeros(2)}, "one row of numbers for each frame"),
    "a single energy": ({"set.000/energy.npy": np.float64(1)}, "one row of numbers for each frame"),
    "words for energies": ({"set.000/energy.npy": np.array(["a"] * FRAMES)}, "one row of numbers"),
    "no coordinates of one atom": ({"type.raw": "0 1"}, "9 numbers per frame, but 2 atoms need 6"),
    "types in words": ({"type.raw": "Li O O"}, "type.raw does not hold whole numbers"),
    "no types": ({"type.raw": ""}, "but 0 atoms need 0"),
    "too many types": ({"type.raw": "0 1 7"}, "atoms of type 7"),
    "boxes of six": ({"set.000/box.npy": np.zeros((FRAMES, 6))}, "but 3 atoms need 9"),
    "flat boxes": ({"set.000/box.npy": np.ones((FRAMES, 9))}, "no volume"),
    "forces of NaN": ({"set.000/force.npy": np.full((FRAMES, 9), np.inf)}, "not finite"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_system_is_left_out_and_the_others_are_read(name: str, write: Write):
    changes, why = BROKEN[name]
    frames, reasons = read(write("folder", {"a": system(), "b": system(**changes), "c": system()}))
    assert len(frames) == 2 * FRAMES
    assert any(why in reason for reason in reasons)
    assert all("b in set_folder" in reason for reason in reasons)


@pytest.mark.parametrize("data", [b"", b"\x93NUMPY", b"not an array", b"\x80\x04K\x01."])
def test_a_damaged_array_is_told(data: bytes, write: Write):
    path = write("folder", {"a": system(), "b": system()})
    (path / "b" / "set.000" / "force.npy").write_bytes(data)
    frames, reasons = read(path)
    assert len(frames) == FRAMES
    assert "force.npy is not an array of numbers" in reasons[0]


def test_pickled_arrays_are_never_opened(write: Write):
    path = write("folder", {"a": system(), "b": system()})
    np.save(path / "b" / "set.000" / "energy.npy", np.array([{}] * FRAMES, dtype=object))
    frames, reasons = read(path)
    assert len(frames) == FRAMES
    assert "energy.npy is not an array of numbers" in reasons[0]


def test_an_array_that_breaks_off_is_told(write: Write):
    path = write("folder", {"a": system(), "b": system()})
    file = path / "b" / "set.000" / "coord.npy"
    file.write_bytes(file.read_bytes()[:-100])
    frames, reasons = read(path)
    assert len(frames) == FRAMES
    assert "coord.npy is not an array of numbers" in reasons[0]


def test_damaged_hdf5_gives_what_can_be_read(write: Write, tmp_path: Path):
    path = write("hdf5", {"a": system(), "b": system()})
    data = path.read_bytes()
    damaged = tmp_path / "damaged"
    for number in range(40):
        rng = np.random.default_rng(number)
        content = bytearray(data[: rng.integers(len(data))] if number % 4 == 0 else data)
        for place in rng.integers(8, len(content), size=20) if len(content) > 8 else ():
            content[place] = rng.integers(256)
        damaged.write_bytes(content)
        try:
            read(damaged)
        except (LabError, AssertionError):
            continue


def test_arrays_of_other_files_are_not_read_through_hdf5(write: Write, tmp_path: Path):
    other = write("hdf5", {"a": system()})
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(8 * FRAMES))
    path = tmp_path / "links"
    shutil.copy(other, path)
    with h5py.File(path, "a") as file:
        file["b"] = h5py.ExternalLink(str(other), "/a")
        del file["a/set.000/energy.npy"]
        file["a/set.000"].create_dataset(
            "energy.npy", (FRAMES,), "f8", external=[(str(secret), 0, h5py.h5f.UNLIMITED)]
        )
    with pytest.raises(LabError, match="no key that looks like a total energy"):
        read(path)


def test_other_folders_are_not_taken_for_systems(tmp_path: Path):
    (tmp_path / "type.raw").write_text("0 1")
    with pytest.raises(LabError, match="is a folder without"):
        open_source(tmp_path)
