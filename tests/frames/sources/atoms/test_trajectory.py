"""Trajectories of ASE against ASE, and damaged ones."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointDFTCalculator
from ase.constraints import FixAtoms

from core.errors import LabError
from core.frames.schema import Card, Frame
from core.frames.sources.atoms.trajectory import AseTrajectory
from core.frames.sources.opening import open_source
from core.frames.sources.record_frames import RecordFrames
from core.frames.units import EV_PER_A3
from core.progress import silent


def frames(path: Path, **settings: Any) -> tuple[list[Frame], list[str]]:
    source = open_source(path)
    assert isinstance(source, AseTrajectory)
    table = RecordFrames(source, **settings)
    own = list(table.frames(silent))
    report = table.describe(Card(name="x", kind="frames", n=len(own))).report
    assert report is not None
    return own, [f"{one.where}: {one.why}" for one in report.refused]


@pytest.fixture
def trajectory(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    images = []
    for number in range(6):
        atoms = Atoms("Li2O", rng.normal(size=(3, 3)), cell=rng.normal(size=(3, 3)) * 9, pbc=True)
        results = {"energy": rng.normal(), "forces": rng.normal(size=(3, 3))}
        if number != 2:
            results["stress"] = rng.normal(size=6)
        if number == 4:
            atoms.numbers[0] = 19
        atoms.set_constraint(FixAtoms([0]))
        atoms.calc = SinglePointDFTCalculator(atoms, **results)
        images.append(atoms)
    path = tmp_path / "md.traj"
    ase.io.write(path, images)
    return path


def test_frames_are_read_as_ase_reads_them(trajectory: Path):
    own, reasons = frames(trajectory)
    assert not reasons
    for atoms, frame in zip(ase.io.read(trajectory, ":"), own, strict=True):
        np.testing.assert_array_equal(frame.atomic_numbers, atoms.numbers)
        np.testing.assert_allclose(frame.frac_coords @ frame.lattice, atoms.positions, atol=1e-9)
        assert frame.energy_per_atom == pytest.approx(atoms.get_potential_energy() / 3)
        np.testing.assert_allclose(frame.forces, atoms.get_forces(apply_constraint=False))
        if frame.stress is not None:
            np.testing.assert_allclose(frame.stress, atoms.get_stress(voigt=False) * EV_PER_A3)
    assert [frame.stress is None for frame in own] == [False, False, True, False, False, False]


def test_a_trajectory_of_a_model_is_labelled_as_one():
    path = Path(__file__).parents[3] / "data" / "formats" / "ase" / "pydmclab_chgnet_md.traj"
    source = AseTrajectory(path)
    assert source.labels == "dft"
    list(source.records(silent))
    assert source.labels == "chgnet"


def test_a_trajectory_without_energies_says_so(tmp_path: Path):
    path = tmp_path / "positions.traj"
    ase.io.write(path, [Atoms("He", cell=[5, 5, 5], pbc=True)])
    with pytest.raises(LabError, match="structures without any labels"):
        frames(path)


def test_damaged_trajectories_give_what_can_be_read(trajectory: Path):
    data = trajectory.read_bytes()
    for share in (0.1, 0.3, 0.5, 0.8, 0.99):
        trajectory.write_bytes(data[: int(len(data) * share)])
        with suppress(LabError):
            own, reasons = frames(trajectory)
            assert len(own) + len(reasons) <= 6
            assert reasons
    # What ASE's library says of a header is nothing to a reader.
    trajectory.write_bytes(data.replace(b'{"version', b'{"\1ersion', 1))
    with pytest.raises(LabError, match="incomplete or damaged; no structure could be read"):
        frames(trajectory)
    rng = np.random.default_rng(0)
    for _ in range(20):
        damaged = bytearray(data)
        for place in rng.integers(48, len(data), size=30):
            damaged[place] = rng.integers(256)
        trajectory.write_bytes(damaged)
        with suppress(LabError):
            frames(trajectory)
