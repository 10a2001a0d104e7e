"""Arrays of numpy in the layouts of sGDML, rMD17 and PhysNet, and broken ones."""

import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import LabError
from core.frames.schema import Card, Frame
from core.frames.sources.never_read import refuse_pickles
from core.frames.sources.opening import open_source
from core.frames.sources.record_frames import RecordFrames
from core.progress import silent

RNG = np.random.default_rng(0)
R, E, F = RNG.random((4, 3, 3)) * 3, RNG.normal(size=4), RNG.normal(size=(4, 3, 3))
Z = np.array([8, 1, 1], dtype="u1")
KCAL = 4184 / 96485.33212
SGDML: dict[str, Any] = {
    "type": "d",
    "name": "water",
    "theory": "PBE+TS",
    "z": Z,
    "R": R,
    "E": E[:, None],
    "F": F,
    "r_unit": "Ang",
    "e_unit": "kcal/mol",
}


def read(path: Path, **settings: Any) -> tuple[list[Frame], list[str], RecordFrames]:
    source = open_source(path)
    assert source is not None
    assert source.form == "npz"
    table = RecordFrames(source, **settings)
    frames = list(table.frames(silent))
    report = table.describe(Card(name="x", kind="frames", n=len(frames))).report
    assert report is not None
    return frames, [f"{one.where}: {one.why}" for one in report.refused], table


OF_MD17 = {key: value for key, value in SGDML.items() if not key.endswith("unit")} | {"md5": "0"}


@pytest.mark.parametrize("arrays", [SGDML, OF_MD17], ids=["sGDML", "MD17"])
def test_sgdml_states_its_units(tmp_path: Path, arrays: dict[str, Any]):
    path = tmp_path / "water.npz"
    np.savez(path, **arrays)
    frames, reasons, table = read(path)
    assert not reasons
    assert table.source.functional == "PBE-TS"
    assert not table.plan.units["forces"].is_assumed
    for number, frame in enumerate(frames):
        assert frame.energy_per_atom == pytest.approx(E[number] * KCAL / 3)
        np.testing.assert_allclose(frame.forces, F[number] * KCAL)
        positions = frame.frac_coords @ frame.lattice
        np.testing.assert_allclose(positions - positions[0], R[number] - R[number, 0])


def test_rmd17_is_in_kilocalories(tmp_path: Path):
    path = tmp_path / "rmd17.npz"
    arrays = {"nuclear_charges": Z, "coords": R, "energies": E, "forces": F}
    np.savez_compressed(path, **arrays, old_indices=np.arange(4), old_energies=E + 1)
    frames, _, _ = read(path)
    assert frames[1].energy_per_atom == pytest.approx(E[1] * KCAL / 3)
    np.testing.assert_allclose(frames[1].forces, F[1] * KCAL)


def test_physnet_fills_short_molecules_up_with_zeros(tmp_path: Path):
    path = tmp_path / "physnet.npz"
    numbers = np.array([[8, 1, 1], [8, 1, 0], [1, 1, 0], [8, 1, 1]])
    dipoles = np.zeros((4, 3))
    np.savez(path, N=[3, 2, 2, 3], Z=numbers, R=R, E=E, F=F, Q=np.zeros(4), D=dipoles)
    frames, reasons, table = read(path)
    assert not reasons
    assert [len(frame) for frame in frames] == [3, 2, 2, 3]
    assert frames[1].energy_per_atom == pytest.approx(E[1] / 2)
    np.testing.assert_allclose(frames[1].forces, F[1, :2])
    assert table.plan.units["energy"].text == "eV/cell, assumed"
    frames, _, _ = read(path, units={"energy": "Ha/cell", "forces": "Ha/bohr"})
    assert frames[1].energy_per_atom == pytest.approx(E[1] * 27.211386245988 / 2)


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "flat positions": ({"R": R.reshape(4, 9)}, "positions are not three numbers"),
    "words for positions": ({"R": np.full((4, 3, 3), "a")}, "positions are not three numbers"),
    "positions of other atoms": ({"R": R[:, :2]}, "elements are not one per position"),
    "elements beyond Pu": ({"z": [8, 1, 120]}, "beyond H to Pu"),
    "no elements": ({"z": []}, "elements are not one per position"),
    "forces of other atoms": ({"F": F[:, :2]}, "shape of the forces"),
    "energies of NaN": ({"E": np.full(4, np.nan)}, "energy"),
    "energies in words": ({"E": ["a"] * 4}, "energy|E is not a number"),
    "infinite positions": ({"R": R * np.inf}, "not finite"),
    "pickled energies": ({"E": np.array([{}] * 4, dtype=object)}, "arrays cannot be read"),
    "no conformations": ({"R": R[:0], "E": E[:0], "F": F[:0]}, "no structures"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_arrays_say_what_is_wrong(name: str, tmp_path: Path):
    changes, why = BROKEN[name]
    path = tmp_path / "broken.npz"
    np.savez(path, **{**SGDML, **changes})
    try:
        frames, reasons, _ = read(path)
    except LabError as error:
        frames, reasons = [], [str(error)]
    assert not frames
    assert any(part in reason for part in why.split("|") for reason in reasons)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_arrays_that_break_off_are_not_taken(share: float, tmp_path: Path):
    path = tmp_path / "half.npz"
    np.savez(path, **SGDML)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(LabError, match=r"half\.npz: its arrays cannot be read"):
        read(path)


def rewritten(path: Path, old: bytes, new: bytes) -> None:
    """Change what the members of an archive hold, whose sums are then right."""
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content.replace(old, new))


def of_a_later_zip(path: Path) -> None:
    """Let all members ask for a version of zip that does not exist."""
    entry = re.compile(rb"(PK\x01\x02..)..", re.DOTALL)
    path.write_bytes(entry.sub(lambda found: found[1] + b"\xff\x00", path.read_bytes()))


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda path: rewritten(path, b"\x93NUMPY", b"\x94NUMPY"), "is no array of numpy"),
        (lambda path: rewritten(path, b"'fortran_order'", b"'fortran_order("), "cannot be read"),
        (of_a_later_zip, "cannot be read"),
    ],
    ids=["no arrays", "an open bracket", "a later zip"],
)
def test_damaged_members_are_told(damage: Callable[[Path], None], why: str, tmp_path: Path):
    path = tmp_path / "damaged.npz"
    np.savez(path, **SGDML)
    damage(path)
    refuse_pickles(path)
    with pytest.raises(LabError, match=rf"damaged\.npz: .*{why}"):
        read(path)
