"""VASP's HDF5 output, with the names of py4vasp's schema."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from core.errors import LabError
from core.frames.schema import Card
from core.frames.sources.opening import open_source
from core.frames.sources.record_frames import RecordFrames
from core.frames.sources.records import RecordSource
from core.progress import silent

TAGS = [b"free energy    TOTEN   ", b"energy without entropy ", b"energy(sigma->0)       "]
KBAR = np.array([[1.0, 4.0, 6.0], [4.0, 2.0, 5.0], [6.0, 5.0, 3.0]])
ARRAYS: dict[str, Any] = {
    "input/incar/METAGGA": "R2SCAN",
    "input/incar/NELM": 60,
    "results/positions/ion_types": np.array([b"Li", b"O "]),
    "results/positions/number_ion_types": np.array([2, 1]),
    "results/positions/scale": 2.0,
    "intermediate/ion_dynamics/lattice_vectors": np.array([np.diag([2.0, 2.5, 3.0])] * 2),
    "intermediate/ion_dynamics/position_ions": np.array(
        [[[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5]]] * 2
    ),
    "intermediate/ion_dynamics/energies": np.array([[-9.3, -9.1, -9.2], [-9.6, -9.4, -9.5]]),
    "intermediate/ion_dynamics/energies_tags": np.array(TAGS),
    "intermediate/ion_dynamics/forces": np.arange(18.0).reshape(2, 3, 3) / 10,
    "intermediate/ion_dynamics/stress": np.array([KBAR, 2 * KBAR]),
    "intermediate/ion_dynamics/oszicar": np.array(
        [[1, 0.0], [2, 0.0], [3, 0.0], [1, 0.0], [2, 0.0]]
    ),
    "intermediate/ion_dynamics/oszicar_label": np.array([b"N", b"E"]),
    "intermediate/ion_dynamics/magnetism/spin_moments/values": np.array(
        [[[[1.0, 1.0]] * 3, [[0.5, 0.25], [-1.0, 0.0], [0.0, 0.0]]]] * 2
    ),
}


def opened(path: Path, **changes: Any) -> RecordSource:
    """Write a file in which a name after its last stroke has another value, None for none."""
    with h5py.File(path, "w") as file:
        for name, value in ARRAYS.items():
            value = changes.get(name.rpartition("/")[2], value)  # noqa: PLW2901
            if value is not None:
                file[name] = value
    source = open_source(path)
    assert source is not None
    assert source.form == "vaspout"
    return source


def test_steps_have_vasps_labels(tmp_path: Path):
    source = opened(tmp_path / "vaspout.h5")
    frames = list(RecordFrames(source, functional="r2SCAN").frames(silent))
    assert [frame.energy_per_atom for frame in frames] == pytest.approx([-9.2 / 3, -9.5 / 3])
    last = frames[1]
    np.testing.assert_allclose(last.lattice, np.diag([4, 5, 6]))
    np.testing.assert_allclose(last.forces[0], [0.9, 1.0, 1.1])
    np.testing.assert_allclose(last.stress, -0.2 * KBAR)
    np.testing.assert_allclose(last.magmoms, [0.75, 1, 0])
    assert last.frame_id.endswith("-1")


def test_the_last_step_and_unconverged_ones_are_a_choice(tmp_path: Path):
    source = opened(tmp_path / "a.h5", NELM=3)
    source.choose("all", with_unconverged=False)
    assert len(list(RecordFrames(source).frames(silent))) == 1
    source.choose("all", with_unconverged=True)
    assert len(list(RecordFrames(source).frames(silent))) == 2
    source.choose("last", with_unconverged=True)
    (frame,) = RecordFrames(source).frames(silent)
    assert frame.energy_per_atom == pytest.approx(-9.5 / 3)


def test_of_molecular_dynamics_the_free_energy_is_taken_and_told(tmp_path: Path):
    tags = np.array([b"ion-electron   TOTEN  ", b"kinetic energy EKIN", b"temperature TEIN"])
    source = opened(tmp_path / "a.h5", energies_tags=tags)
    frames = list(RecordFrames(source).frames(silent))
    assert frames[0].energy_per_atom == pytest.approx(-9.3 / 3)
    assert "free energy only" in source.notes()[0]


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "no types": ({"ion_types": None}, "does not name its types"),
    "an element": ({"ion_types": np.array([b"Qq", b"O"])}, "'Qq'"),
    "other numbers": ({"number_ion_types": np.array([2, 1, 1])}, "do not belong"),
    "negative": ({"number_ion_types": np.array([-2, 1])}, "do not belong"),
    "no energies": ({"energies": None}, "no energies"),
    "no names": ({"energies_tags": None}, "not named"),
    "shape": ({"position_ions": np.zeros((2, 4, 3))}, "shape"),
    "text": ({"lattice_vectors": np.array([b"x"])}, "not numbers"),
    "no forces": ({"forces": np.zeros((2, 3, 2))}, "shape"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_file_is_refused_in_a_sentence(tmp_path: Path, how: str):
    changes, why = BROKEN[how]
    source = opened(tmp_path / "vaspout.h5", **changes)
    with pytest.raises(LabError, match=why) as error:
        RecordFrames(source)
    assert "\n" not in str(error.value)


def test_a_truncated_file_is_refused_in_a_sentence(tmp_path: Path):
    path = tmp_path / "vaspout.h5"
    opened(path)
    path.write_bytes(path.read_bytes()[:3000])
    source = open_source(path)
    assert source is not None
    with pytest.raises(LabError, match="damaged"):
        RecordFrames(source)


def test_folders_that_hold_nothing_else_are_read(tmp_path: Path):
    for name, energy in (("mp-1", -9.2), ("mp-2", -8.0)):
        (tmp_path / "runs" / name / "relax").mkdir(parents=True)
        energies = np.array([[energy - 0.1, energy + 0.1, energy]] * 2)
        opened(tmp_path / "runs" / name / "relax" / "vaspout.h5", energies=energies)
    (tmp_path / "runs" / "mp-3").mkdir()
    (tmp_path / "runs" / "mp-3" / "vaspout.h5").write_bytes(b"\x89HDF\r\n\x1a\n broken")
    source = open_source(tmp_path / "runs")
    assert source is not None
    source.choose("last", with_unconverged=False)
    records = RecordFrames(source, functional="r2SCAN")
    frames = list(records.frames(silent))
    assert [frame.frame_id for frame in frames] == ["mp-1/relax-1", "mp-2/relax-1"]
    assert [frame.material_id for frame in frames] == ["mp-1", "mp-2"]
    assert [3 * frame.energy_per_atom for frame in frames] == pytest.approx([-9.2, -8.0])
    report = records.describe(Card(name="x", kind="frames", n=2)).report
    assert report is not None
    assert report.refused[0].where == "mp-3/vaspout.h5"
