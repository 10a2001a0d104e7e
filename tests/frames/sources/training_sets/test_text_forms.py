"""MTP's configurations and n2p2's data, as their programs write them, and broken."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import LabError
from core.frames.schema import Card, Frame
from core.frames.sources.opening import open_source
from core.frames.sources.record_frames import RecordFrames
from core.frames.units import BOHR, EV_PER_A3, HARTREE
from core.progress import silent

CFG = """BEGIN_CFG
 Size
    2
 Supercell
         4.0      0.0      0.0
         0.0      5.0      0.0
         0.0      0.0      6.0
 AtomData:  id type       cartes_x      cartes_y      cartes_z           fx          fy          fz
             1    0       0.0      0.0      0.0     0.1    0.2     0.3
             2    1       2.0      2.5      3.0    -0.1   -0.2    -0.3
 Energy
        -6.0
 PlusStress:  xx          yy          zz          yz          xz          xy
     1.0    2.0    3.0    4.0    5.0    6.0
 Feature   EFS_by       VASP
END_CFG
"""
DATA = """begin
comment made by hand
lattice 8.0 0.0 0.0
lattice 0.0 9.0 0.0
lattice 0.0 0.0 10.0
atom 0.0 0.0 0.0 Na 0.0 0.0 0.1 0.2 0.3
atom 4.0 4.5 5.0 Cl 0.0 0.0 -0.1 -0.2 -0.3
energy -6.0
charge 0.0
end
"""
WHOLE = {"mtp": CFG, "n2p2": DATA}

Write = Callable[[str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str | bytes) -> Path:
        path = tmp_path / "frames"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


def read(path: Path, **settings: Any) -> tuple[list[Frame], list[str]]:
    source = open_source(path)
    assert source is not None
    assert source.form in WHOLE
    source.elements = ("Na", "Cl")
    table = RecordFrames(source, **settings)
    frames = list(table.frames(silent))
    report = table.describe(Card(name="x", kind="frames", n=len(frames))).report
    assert report is not None
    return frames, [f"{one.where}: {one.why}" for one in report.refused]


def test_a_configuration_of_mtp(write: Write):
    ((own,), reasons) = read(write(CFG))
    assert not reasons
    assert own.atomic_numbers.tolist() == [11, 17]
    np.testing.assert_allclose(own.lattice, np.diag([4, 5, 6]))
    np.testing.assert_allclose(own.frac_coords, [[0, 0, 0], [0.5, 0.5, 0.5]])
    assert own.energy_per_atom == -3.0
    np.testing.assert_allclose(own.forces, [[0.1, 0.2, 0.3], [-0.1, -0.2, -0.3]])
    virial = np.array([[1, 6, 5], [6, 2, 4], [5, 4, 3]])
    np.testing.assert_allclose(own.stress, -EV_PER_A3 * virial / 120)


@pytest.mark.parametrize(
    "change",
    [
        ("xx          yy          zz          yz          xz          xy", "xx yy zz yz xz xy"),
        ("Size\n    2", "Size 2"),
        ("Energy\n        -6.0", "Energy -6.0"),
        ("cartes_x      cartes_y      cartes_z", "direct_x direct_y direct_z"),
        ("Supercell", "SuperCell"),
        ("PlusStress", "Stress"),
        ("\n", "\r\n"),
        ("Feature   EFS_by       VASP", "Feature mindist 3.1\n Feature conf_id 17"),
    ],
)  # fmt: skip
def test_configurations_of_mtp_are_spelled_in_many_ways(change: tuple[str, str], write: Write):
    text = CFG.replace(*change)
    if "direct" in change[1]:
        text = text.replace("2.0      2.5      3.0", "0.5 0.5 0.5")
    ((own,), reasons) = read(write(text + "\n\n"))
    assert not reasons
    np.testing.assert_allclose(own.frac_coords, [[0, 0, 0], [0.5, 0.5, 0.5]])
    np.testing.assert_allclose(own.stress[0] * 120 / -EV_PER_A3, [1, 6, 5])


def test_the_order_of_stresses_of_mtp_is_that_of_their_names(write: Write):
    begin, end = CFG.index(" PlusStress"), CFG.index(" Feature")
    row = " PlusStress: xx yy zz xy yz xz\n 1 2 3 6 4 5\n"
    ((own,), _) = read(write(CFG[:begin] + row + CFG[end:]))
    ((same,), _) = read(write(CFG))
    np.testing.assert_array_equal(own.stress, same.stress)


def test_elements_of_mtp_are_the_users(write: Write):
    source = open_source(write(CFG))
    assert source is not None
    with pytest.raises(LabError, match=r"numbers of types.*--elements Li,O"):
        RecordFrames(source)


def test_a_molecule_and_a_slab_of_mtp(write: Write):
    lines = CFG.splitlines(keepends=True)
    molecule = "".join(lines[:3] + lines[7:])
    slab = "".join(lines[:6] + lines[7:])
    (own, _) = read(write(molecule + slab))
    assert own[0].stress is own[1].stress is None
    assert np.diag(own[0].lattice).min() > 12
    np.testing.assert_allclose(own[1].lattice, np.diag([4, 5, 15]))


def test_n2p2_is_read_in_atomic_units(write: Write):
    ((own,), reasons) = read(write(DATA))
    assert not reasons
    assert own.atomic_numbers.tolist() == [11, 17]
    np.testing.assert_allclose(own.lattice, np.diag([8, 9, 10]) * BOHR)
    np.testing.assert_allclose(own.frac_coords, [[0, 0, 0], [0.5, 0.5, 0.5]])
    assert own.energy_per_atom == pytest.approx(-3 * HARTREE)
    np.testing.assert_allclose(own.forces[0], np.array([0.1, 0.2, 0.3]) * HARTREE / BOHR)


def test_n2p2_in_angstrom_is_told_by_its_atoms(write: Write):
    path = write(DATA.replace("8.0", "3.0").replace("9.0", "3.0").replace("10.0", "3.0"))
    source = open_source(path)
    assert source is not None
    assert "Å, since atoms would overlap in bohr" in source.notes()[0]
    ((own,), _) = read(path)
    assert own.energy_per_atom == -3.0
    np.testing.assert_allclose(own.lattice, np.diag([3, 3, 3]))
    ((own,), _) = read(path, units={"energy": "kcal/mol/cell"})
    assert own.energy_per_atom == pytest.approx(-3 * 4184 / 96485.33212)


def test_n2p2_without_forces_and_without_a_lattice(write: Write):
    lines = [
        line
        for line in DATA.splitlines(keepends=True)
        if not line.startswith(("lattice", "charge"))
    ]
    text = "".join(lines).replace(" 0.1 0.2 0.3", "").replace(" -0.1 -0.2 -0.3", "")
    ((own,), _) = read(write(text))
    assert own.forces is None
    assert own.energy_per_atom == pytest.approx(-3 * HARTREE)


BROKEN = {
    "mtp": {
        "too many atoms": (CFG.replace("    2\n", "    3\n", 1), "8 columns for each of its 3"),
        "too few atoms": (CFG.replace("    2\n", "    1\n", 1), "more lines of numbers"),
        "a billion atoms": (CFG.replace("    2\n", "    1000000000\n", 1), "1,000,000,000 atoms"),
        "no atoms": (CFG.replace("    2\n", "    0\n", 1), "of its 0 atoms"),
        "no size": (CFG.replace(" Size\n    2\n", ""), "of its 0 atoms"),
        "no positions": (CFG.replace("cartes_x", "x"), "no positions"),
        "no data of atoms": (CFG.replace("AtomData:", "Other"), "more lines of numbers"),
        "a type without an element": (CFG.replace("2    1 ", "2    5 "), "atoms of type 5"),
        "a broken number": (CFG.replace("2.5", "2..5"), "cannot be read"),
        "stars": (CFG.replace("-0.3", "*****"), "cannot be read"),
        "NaN": (CFG.replace("-0.3", "nan"), "not finite"),
        "energy in words": (CFG.replace("-6.0", "unknown"), "cannot be read"),
        "no energy": (CFG.replace(" Energy\n        -6.0\n", ""), "no energy"),
        "five stresses": (CFG.replace("    6.0\n", "\n"), "cannot be read"),
        "stress without names": (CFG.replace("xx          yy", "aa bb"), "name its components"),
        "a flat cell": (CFG.replace("6.0\n AtomData", "0.0\n AtomData"), "no volume"),
        "no end": (CFG.replace("END_CFG\n", ""), "does not end with END_CFG"),
        "cut off": (CFG[:300], "does not end with END_CFG"),
    },
    "n2p2": {
        "no atoms": (DATA.replace("atom", "mota"), "no atoms"),
        "two lattice vectors": (DATA.replace("lattice 0.0 0.0 10.0\n", ""), "2 lattice vectors"),
        "no such element": (DATA.replace("Cl", "Xx"), "'Xx', which is not an element"),
        "a broken number": (DATA.replace("4.5", "4,5"), "cannot be read"),
        "NaN": (DATA.replace("4.5", "nan"), "not finite"),
        "a short line": (DATA.replace("atom 4.0 4.5 5.0 Cl 0.0 0.0 -0.1 -0.2 -0.3", "atom 4.0"),
                         "cannot be read"),
        "energy in words": (DATA.replace("-6.0", "none"), "cannot be read"),
        "no energy": (DATA.replace("energy -6.0\n", ""), "no energy"),
        "a flat cell": (DATA.replace("10.0", "0.0"), "no volume"),
        "no end": (DATA.replace("end\n", ""), "does not end with end"),
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("form", "name"), [(form, name) for form, cases in BROKEN.items() for name in cases]
)
def test_a_broken_frame_is_left_out_and_the_others_are_read(form: str, name: str, write: Write):
    text, why = BROKEN[form][name]
    frames, reasons = read(write(WHOLE[form] * 2 + text + WHOLE[form] * 2))
    assert len(frames) == 4
    assert len(reasons) == 1
    assert why in reasons[0]
    assert "frame 2 (line " in reasons[0]


@pytest.mark.parametrize("form", WHOLE)
def test_a_file_that_breaks_off_gives_what_is_whole(form: str, write: Write):
    frames, reasons = read(write((WHOLE[form] * 3)[:-10]))
    assert len(frames) == 2
    assert len(reasons) == 1
    data = gzip.compress("".join(f"{WHOLE[form]}\n{n}\n" for n in range(4000)).encode())
    frames, reasons = read(write(data[: len(data) // 2]))
    assert len(frames) > 500
    assert "the gzip file breaks off" in reasons[-1]
