"""H5MD as ZnH5MD writes it: observables in eV, shorter frames filled up with NaN."""

from pathlib import Path
from typing import Any

import ase.units
import h5py
import numpy as np
import pytest
from ase import Atoms

from core.errors import LabError
from core.frames.sources.opening import open_source
from core.frames.sources.record_frames import RecordFrames
from core.progress import silent

RNG = np.random.default_rng(0)
ATOMS = [
    Atoms("NaCl", RNG.random((2, 3)) * 3, cell=np.eye(3) * 5 + RNG.random((3, 3)), pbc=True),
    Atoms("NaCl2", RNG.random((3, 3)) * 3, cell=np.eye(3) * 6, pbc=True),
    Atoms("H2", RNG.random((2, 3)) * 3),
]
FORCES = [RNG.random((len(atoms), 3)) for atoms in ATOMS]
STRESS = RNG.random((3, 6)) * 0.01


def filled(rows: list[np.ndarray]) -> np.ndarray:
    """Fill shorter rows up with NaN."""
    most = max(map(len, rows))
    padded = [
        np.pad(row, [(0, most - len(row)), *[(0, 0)] * (row.ndim - 1)], constant_values=np.nan)
        for row in rows
    ]
    return np.stack(padded)


def arrays() -> dict[str, tuple[Any, str]]:
    return {
        "particles/atoms/species": (filled([one.numbers.astype(float) for one in ATOMS]), ""),
        "particles/atoms/position": (filled([one.positions for one in ATOMS]), "Angstrom"),
        "particles/atoms/box/edges": ([one.cell.array for one in ATOMS], "Angstrom"),
        "particles/atoms/box/pbc": ([one.pbc.astype(float) for one in ATOMS], ""),
        "particles/atoms/force": (filled(FORCES), "eV/Angstrom"),
        "observables/atoms/potential_energy": ([-7.0, -10.5, -6.0], "eV"),
        "observables/atoms/stress": (STRESS, "eV/Angstrom^3"),
    }


def write(path: Path, **changed: Any) -> Path:
    with h5py.File(path, "w") as file:
        file.create_group("h5md").attrs["version"] = [1, 1]
        for name, (values, unit) in (arrays() | changed).items():
            if values is None:
                continue
            file[f"{name}/value"] = values
            if unit:
                file[f"{name}/value"].attrs["unit"] = unit
        box = file.require_group("particles/atoms/box")
        box.attrs["boundary"] = ["periodic"] * 3
    return path


def read(path: Path) -> tuple[list[Any], RecordFrames]:
    source = open_source(path)
    assert source is not None
    assert source.form == "h5md"
    table = RecordFrames(source)
    return list(table.frames(silent)), table


def test_frames_of_different_sizes_are_read(tmp_path: Path):
    frames, table = read(write(tmp_path / "a.h5"))
    assert {field: one.unit.name for field, one in table.plan.units.items()} == {
        "energy": "eV/cell",
        "forces": "eV/Å",
        "stress": "eV/Å³",
    }
    for atoms, forces, stress, energy, frame in zip(
        ATOMS, FORCES, STRESS, (-3.5, -3.5, -3.0), frames, strict=True
    ):
        assert frame.energy_per_atom == energy
        assert frame.atomic_numbers.tolist() == atoms.numbers.tolist()
        np.testing.assert_allclose(frame.forces, forces)
        moved = frame.frac_coords @ frame.lattice - atoms.positions
        np.testing.assert_allclose(moved, np.tile(moved[0], (len(atoms), 1)), atol=1e-12)
        if atoms.pbc.all():
            np.testing.assert_allclose(frame.lattice, atoms.cell.array)
            assert frame.stress[0, 1] == pytest.approx(stress[5] / ase.units.GPa)
        else:
            assert frame.stress is None


def test_a_box_and_species_may_be_the_same_for_all_frames(tmp_path: Path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_group("h5md")
        file["particles/all/position/value"] = np.tile(ATOMS[0].positions / 10, (3, 1, 1))
        file["particles/all/position/value"].attrs["unit"] = "nm"
        file["particles/all/species"] = ATOMS[0].numbers
        file["particles/all/box/edges"] = ATOMS[0].cell.array / 10
        file["particles/all/box/edges"].attrs["unit"] = "nm"
        file["observables/energy/value"] = [-1.0, -2.0, -3.0]
        file["observables/energy/value"].attrs["unit"] = "hartree"
    frames, _ = read(tmp_path / "a.h5")
    assert [frame.energy_per_atom for frame in frames] == pytest.approx(
        np.array([-1, -2, -3]) * ase.units.Hartree / 2
    )
    np.testing.assert_allclose(frames[2].lattice, ATOMS[0].cell.array)


BROKEN = {
    "flat positions": ({"particles/atoms/position": (np.zeros((3, 9)), "")}, "three numbers"),
    "species in words": ({"particles/atoms/species": ([b"Na"], "")}, "not atomic numbers"),
    "species of types": ({"particles/atoms/species": (np.full((3, 3), 120), "")}, "H to Pu"),
    "cells of other frames": ({"particles/atoms/box/edges": (np.zeros((2, 3)), "")}, "2 frames of"),
    "no energies": ({"observables/atoms/potential_energy": (None, "")}, "no key that looks like"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_read_is_told(tmp_path: Path, name: str):
    changed, why = BROKEN[name]
    with pytest.raises(LabError, match=why):
        read(write(tmp_path / "a.h5", **changed))
