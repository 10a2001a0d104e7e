"""Trajectories of CP2K: positions, forces and cells in files beside each other."""

from pathlib import Path
from typing import Any

import ase.io
import ase.units
import numpy as np
import pytest

from core.errors import LabError
from core.frames.sources.opening import open_source
from core.frames.sources.record_frames import RecordFrames
from core.progress import silent

RNG = np.random.default_rng(0)
STEPS = (0, 2, 4)
CELLS = [np.diag([9.0, 10, 11]) + np.eye(3, k=1) * step for step in STEPS]
INPUT = """&DFT
  &XC_FUNCTIONAL PBE
  &END
&END
&SUBSYS
  &CELL
    ABC [angstrom] 9.0 10.0 11.0
    PERIODIC XYZ
  &END CELL
"""
OF_VECTORS = INPUT.replace("ABC [angstrom] 9.0 10.0 11.0", "A 9 0 0\n B 0 10 0\n C 0 0 11")


def write(folder: Path, steps: dict[str, Any], **texts: str) -> Path:
    for kind, numbers in steps.items():
        lines = [
            f"3\n i = {step:8d}, time = {step / 2:12.3f}, E = {-17.1 - step:20.10f}\n"
            + "".join(
                f"{symbol} {x:.10f} {y:.10f} {z:.10f}\n"
                for symbol, (x, y, z) in zip("OHH", RNG.random((3, 3)), strict=True)
            )
            for step in numbers
        ]
        (folder / f"water-{kind}-1.xyz").write_text("".join(lines))
    for name, text in texts.items():
        (folder / name.replace("_", ".")).write_text(text)
    return folder / "water-pos-1.xyz"


def read(path: Path) -> tuple[list[Any], RecordFrames]:
    source = open_source(path)
    assert source is not None
    assert source.form == "cp2k-xyz"
    table = RecordFrames(source)
    return list(table.frames(silent)), table


@pytest.mark.parametrize("opened", ["pos", "frc"])
def test_steps_are_joined_with_their_forces_and_cells(tmp_path: Path, opened: str):
    cells = "# Step Time [fs] Ax [Angstrom]\n" + "".join(
        f"{step} {step / 2} {' '.join(map(str, cell.ravel()))} 1\n"
        for step, cell in zip(STEPS, CELLS, strict=True)
    )
    # Forces of other steps as well, and not of the last.
    path = write(tmp_path, {"pos": STEPS, "frc": (0, 1, 2)}, **{"water-1_cell": cells})
    found, _ = read(path.with_name(f"water-{opened}-1.xyz"))
    positions = ase.io.read(path, ":", format="xyz")
    forces = ase.io.read(path.with_name("water-frc-1.xyz"), ":", format="xyz")
    for number, frame in enumerate(found):
        hartree = -17.1 - STEPS[number]
        assert (frame.material_id, frame.frame_id) == ("water", f"water-{STEPS[number]}")
        assert frame.energy_per_atom == pytest.approx(hartree * ase.units.Hartree / 3)
        np.testing.assert_allclose(frame.lattice, CELLS[number])
        np.testing.assert_allclose(frame.frac_coords @ frame.lattice, positions[number].positions)
    unit = ase.units.Hartree / ase.units.Bohr
    np.testing.assert_allclose(found[0].forces, forces[0].positions * unit, rtol=1e-6)
    np.testing.assert_allclose(found[1].forces, forces[2].positions * unit, rtol=1e-6)
    assert found[2].forces is None


@pytest.mark.parametrize("text", [INPUT, OF_VECTORS], ids=["lengths", "vectors"])
def test_the_cell_may_be_that_of_the_input(tmp_path: Path, text: str):
    texts = {"water_inp": text, "water-1_stress": "# Step Time [fs] xx [bar]\n"}
    found, table = read(write(tmp_path, {"pos": STEPS}, **texts).parent)
    np.testing.assert_allclose(found[2].lattice, CELLS[0], atol=1e-12)
    assert table.source.functional == "PBE"
    forces, stresses = table.source.notes()
    assert "water" not in forces
    assert "water-1.stress is left out" in stresses
    assert found[0].stress is None


def test_extended_xyz_has_its_cells(tmp_path: Path):
    write(tmp_path, {"pos": STEPS, "frc": STEPS})
    for kind in ("pos", "frc"):
        lines = (tmp_path / f"water-{kind}-1.xyz").read_text().splitlines()
        for number, cell in enumerate(CELLS):
            lines[5 * number + 1] = (
                f'Lattice="{" ".join(map(str, cell.ravel()))}" Properties=species:S:1:pos:R:3 '
                f'pbc="T T T" Step={STEPS[number]} Time=0.000 Energy=-17.1'
            )
        (tmp_path / f"water-{kind}-1.extxyz").write_text("\n".join([*lines, ""]))
        (tmp_path / f"water-{kind}-1.xyz").unlink()
    found, _ = read(tmp_path)
    forces = ase.io.read(tmp_path / "water-frc-1.extxyz", ":")
    for frame, cell, own in zip(found, CELLS, forces, strict=True):
        assert frame.energy_per_atom == pytest.approx(-17.1 * ase.units.Hartree / 3)
        np.testing.assert_allclose(frame.lattice, cell)
        unit = ase.units.Hartree / ase.units.Bohr
        np.testing.assert_allclose(frame.forces, own.positions * unit, rtol=1e-6)


@pytest.mark.parametrize(
    ("kinds", "text", "why"),
    [
        ("pos", "", "water-1.cell"),
        ("pos", INPUT + "&MD\n ENSEMBLE NPT_F\n&END\n", "water-1.cell"),
        ("pos", "&CELL\n ABC 9 ten 11\n&END\n", "water-1.cell"),
        ("vel", INPUT, "without their positions"),
    ],
    ids=["no cell", "a cell that changes", "a cell that is none", "velocities alone"],
)
def test_what_is_missing_is_told(tmp_path: Path, kinds: str, text: str, why: str):
    write(tmp_path, {kinds: STEPS}, water_inp=text)
    with pytest.raises(LabError, match=why):
        read(tmp_path / f"water-{kinds}-1.xyz")
