"""Structures of aenet, one per file, whole and broken."""

from pathlib import Path

import ase.io
import numpy as np
import pytest

from core.errors import LabError
from core.frames.schema import Card, Frame
from core.frames.sources.opening import open_source
from core.frames.sources.record_frames import RecordFrames
from core.progress import silent

TEXT = """# total energy =   -6.0 eV

CRYSTAL
PRIMVEC
    4.0 0.0 0.0
    0.0 5.0 0.0
    0.0 0.0 6.0
PRIMCOORD
 2 1
Na  0.0 0.0 0.0  0.1 0.2 0.3
Cl  2.0 2.5 3.0 -0.1 -0.2 -0.3
"""


def read(path: Path) -> tuple[list[Frame], list[str]]:
    source = open_source(path)
    assert source is not None
    assert source.form == "xsf"
    table = RecordFrames(source)
    frames = list(table.frames(silent))
    report = table.describe(Card(name="x", kind="frames", n=len(frames))).report
    assert report is not None
    return frames, [f"{one.where}: {one.why}" for one in report.refused]


def test_a_structure_with_energy_and_forces(tmp_path: Path):
    path = tmp_path / "a.xsf"
    path.write_text(TEXT)
    ((own,), _) = read(path)
    atoms = ase.io.read(path)
    np.testing.assert_allclose(own.lattice, atoms.cell.array)
    np.testing.assert_allclose(own.frac_coords, atoms.get_scaled_positions())
    assert own.atomic_numbers.tolist() == atoms.numbers.tolist()
    assert own.energy_per_atom == -3.0
    np.testing.assert_allclose(own.forces, [[0.1, 0.2, 0.3], [-0.1, -0.2, -0.3]])


def test_a_molecule(tmp_path: Path):
    path = tmp_path / "a.xsf"
    path.write_text("# total energy = -2 eV\n\nATOMS\n1 0 0 0\n1 0 0 0.74\n")
    ((own,), _) = read(path)
    assert own.atomic_numbers.tolist() == [1, 1]
    assert own.forces is None
    assert np.diag(own.lattice).min() > 11


BROKEN = {
    "no energy": (TEXT.replace("total energy", "energy"), "no energy"),
    "energy in words": (TEXT.replace("-6.0", "unknown"), "energy is not a number"),
    "cut off": (TEXT[: TEXT.index("Cl")], "lines for 1"),
    "no atoms": (TEXT[: TEXT.index(" 2 1")], "cannot be read"),
    "too many": (TEXT.replace(" 2 1", " 99999999999 1"), "lines for 2"),
    "a broken number": (TEXT.replace("2.5", "2,5"), "cannot be read"),
    "no such element": (TEXT.replace("Cl", "Xx"), "'Xx', which is not an element"),
    "an element beyond Pu": (TEXT.replace("Cl", "98"), "'98', which is not an element"),
    "a short cell": (TEXT.replace("    0.0 0.0 6.0\n", ""), "cannot be read"),
    "columns that differ": (TEXT.replace(" -0.3\n", "\n"), "cannot be read"),
    "several structures": (f"ANIMSTEPS 2\n{TEXT}", "several structures"),
    "empty": ("", "no atoms"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_of_a_folder_is_left_out(name: str, tmp_path: Path):
    text, why = BROKEN[name]
    (tmp_path / "a.xsf").write_text(TEXT)
    (tmp_path / "b.xsf").write_text(text)
    (tmp_path / "c.xsf").write_text(TEXT)
    frames, reasons = read(tmp_path)
    assert len(frames) == 2
    assert len(reasons) == 1
    assert "b.xsf" in reasons[0]
    assert why in reasons[0]


def test_structures_without_energies_say_so(tmp_path: Path):
    path = tmp_path / "a.xsf"
    path.write_text(TEXT.split("\n", 2)[2].replace("0.1 0.2 0.3", "").replace("-0.1 -0.2 -0.3", ""))
    with pytest.raises(LabError, match="structures without any labels"):
        read(path)
