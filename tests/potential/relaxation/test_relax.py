"""Relaxations against ASE's FIRE and FrechetCellFilter, what cannot be relaxed, what is kept."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from ase.filters import FrechetCellFilter
from ase.optimize import FIRE
from pymatgen.io.ase import AseAtomsAdaptor

from core.frames.schema import Frame
from core.potential.calculator import CHGNetCalculator
from core.potential.forward import Prediction
from core.potential.models import model_fingerprint
from core.potential.relaxation import evaluation
from core.potential.relaxation.batched import relaxations
from core.potential.relaxation.kept import kept_relaxations
from core.potential.relaxation.relax import relax
from core.potential.relaxation.settings import RelaxSettings


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))
    return tmp_path


def frame_of(atoms, name="one"):
    return Frame(
        frame_id=name,
        material_id=name,
        atomic_numbers=atoms.numbers,
        frac_coords=atoms.cell.scaled_positions(atoms.positions),
        lattice=atoms.cell.array,
        pbc=tuple(bool(one) for one in atoms.pbc),
    )


def rattled(seed, amount=0.06, scale=1.0):
    atoms = bulk("MgO", "rocksalt", a=4.3 * scale)
    atoms.rattle(amount, seed=seed)
    return atoms


@pytest.fixture(scope="module")
def cases(structures):
    return [
        rattled(0),
        AseAtomsAdaptor.get_atoms(structures["perovskite"]),
        rattled(1, scale=0.97),
        AseAtomsAdaptor.get_atoms(structures["one atom, primitive face-centred cell"]),
    ]


def by_ase(atoms, settings, model):
    atoms = atoms.copy()
    atoms.calc = CHGNetCalculator(model, device="cpu")
    optimizer = FIRE(FrechetCellFilter(atoms) if settings.relax_cell else atoms, logfile=None)
    optimizer.run(fmax=settings.fmax, steps=settings.steps)
    return atoms, optimizer.nsteps


@pytest.mark.parametrize("relax_cell", [True, False])
def test_equals_ase(cases, released, relax_cell):
    settings = RelaxSettings(fmax=0.1, steps=8, relax_cell=relax_cell)
    found = relax(released, [frame_of(atoms) for atoms in cases], settings)
    for atoms, relaxed in zip(cases, found, strict=True):
        expected, n_steps = by_ase(atoms, settings, released)
        assert relaxed.steps == n_steps
        assert relaxed.energy == pytest.approx(expected.get_potential_energy() / len(atoms), 1e-5)
        np.testing.assert_allclose(relaxed.structure.lattice, expected.cell.array, atol=1e-4)
        positions = relaxed.structure.frac_coords @ relaxed.structure.lattice
        np.testing.assert_allclose(positions, expected.positions, atol=1e-4)
        np.testing.assert_allclose(relaxed.forces, expected.get_forces(), atol=1e-3)
        assert relaxed.volume_change == pytest.approx(
            expected.get_volume() / atoms.get_volume() - 1, abs=1e-5
        )
        assert relaxed.converged == (relaxed.max_force < settings.fmax)
        assert relaxed.state == ("converged" if relaxed.converged else "not converged")
        assert bool(relaxed.reason) == (not relaxed.converged)


def test_the_batch_changes_nothing(cases, released):
    """Alone, in twos, or all at once: the same steps and the same end."""
    frames = [frame_of(atoms) for atoms in cases]
    settings = RelaxSettings(steps=4)
    packed = dict(relaxations(released, frames, settings))
    alone = dict(relaxations(released, frames, settings, budget=1))
    for row, relaxed in packed.items():
        assert relaxed.steps == alone[row].steps
        assert relaxed.energy == pytest.approx(alone[row].energy, abs=1e-5)
        np.testing.assert_allclose(
            relaxed.structure.frac_coords, alone[row].structure.frac_coords, atol=1e-5
        )


HOPELESS = {
    "isolated": (Atoms("Xe", cell=[20] * 3, pbc=True), "no neighbour"),
    "beyond Pu": (Atoms(numbers=[95], cell=[3] * 3, pbc=True), "95"),
    "flat": (Atoms("Cu", cell=[[3, 0, 0], [0, 3, 0], [3, 3, 0]], pbc=True), "no volume"),
    "coinciding": (Atoms("Cu2", [[0, 0, 0]] * 2, cell=[3] * 3, pbc=True), "same place"),
}


def test_what_cannot_be_represented_is_refused_and_the_others_go_on(released):
    frames = [
        replace(frame_of(rattled(0)), frame_id=name)
        if atoms is None
        else Frame(
            frame_id=name,
            material_id=name,
            atomic_numbers=atoms.numbers,
            frac_coords=np.zeros((len(atoms), 3)),
            lattice=atoms.cell.array,
        )
        for name, (atoms, _) in {**HOPELESS, "salt": (None, "")}.items()
    ]
    *refused, salt = relax(released, frames, RelaxSettings(steps=1))
    for relaxed, (_, reason) in zip(refused, HOPELESS.values(), strict=True):
        assert relaxed.state == "refused"
        assert reason in relaxed.reason
        assert np.isnan(relaxed.energy)
        assert relaxed.forces is None
    assert salt.steps == 1
    assert salt.structure.frame_id == "salt"


def stub(monkeypatch, energy=0.0, force=0.0, stress=0.0, fails_beyond=None):
    """Replace the network by constants; return the numbers of structures it is asked about."""
    asked = []

    def forward(model, batch, wanted):
        asked.append(batch.n_frames)
        if fails_beyond is not None and batch.n_frames > fails_beyond:
            raise torch.OutOfMemoryError
        forces = torch.zeros(batch.n_atoms, 3)
        forces[:, 0] = force
        return Prediction(
            energy=torch.full((batch.n_frames,), energy),
            interaction=torch.zeros(batch.n_frames),
            forces=forces,
            stress=stress * torch.eye(3).repeat(batch.n_frames, 1, 1),
            magmoms=None,
        )

    monkeypatch.setattr(evaluation, "forward", forward)
    return asked


@pytest.mark.parametrize(
    ("constants", "reason"),
    [
        ({"energy": float("nan")}, "not a finite number"),
        ({"force": float("inf")}, "not a finite number"),
        ({"stress": float("nan")}, "not a finite number"),
        ({"force": 2e3}, "a force is 2,000 eV/Å"),
        ({"stress": -300.0}, "its volume is "),
        ({"stress": 300.0}, "its volume is 0.1"),
    ],
)
def test_explosions_say_what_happened(released, monkeypatch, constants, reason):
    stub(monkeypatch, **constants)
    (relaxed,) = relax(released, [frame_of(rattled(0))], RelaxSettings(steps=200))
    assert relaxed.state == "exploded"
    assert reason in relaxed.reason
    assert np.isnan(relaxed.energy)
    np.testing.assert_array_equal(relaxed.structure.lattice, rattled(0).cell.array)


def test_atoms_that_lose_their_neighbours_explode(released, monkeypatch):
    """Two atoms that are pulled apart in a box too large for either to see its images."""

    def forward(model, batch, wanted):
        forces = torch.tensor([[-30.0, 0, 0], [30.0, 0, 0]])
        return Prediction(
            energy=torch.zeros(1),
            interaction=torch.zeros(1),
            forces=forces,
            stress=torch.zeros(1, 3, 3),
            magmoms=None,
        )

    monkeypatch.setattr(evaluation, "forward", forward)
    pair = Atoms("H2", [[9, 9, 9], [11, 9, 9]], cell=[20] * 3, pbc=True)
    (relaxed,) = relax(released, [frame_of(pair)])
    assert relaxed.state == "exploded"
    assert "no neighbour" in relaxed.reason


def test_out_of_memory_halves_the_batch(released, monkeypatch):
    asked = stub(monkeypatch, fails_beyond=2)
    frames = [frame_of(rattled(seed)) for seed in range(8)]
    found = relax(released, frames)
    assert all(relaxed.converged for relaxed in found)
    assert asked == [8, 4, 2, 2, 2, 2]


def test_a_structure_too_large_for_the_device_is_refused_and_not_kept(released, monkeypatch):
    stub(monkeypatch, fails_beyond=0)
    for _ in range(2):
        (relaxed,) = relax(released, [frame_of(rattled(0))])
        assert relaxed.state == "refused"
        assert "memory" in relaxed.reason
    stub(monkeypatch)
    assert relax(released, [frame_of(rattled(0))])[0].converged


def test_a_molecule_keeps_its_box(released):
    water = Atoms("OH2", [[0, 0, 0.6], [0, 0.76, 0], [0, -0.76, 0]], cell=[9] * 3, pbc=False)
    (relaxed,) = relax(released, [frame_of(water)], RelaxSettings(steps=60))
    assert relaxed.converged
    assert "cell was kept" in relaxed.reason
    np.testing.assert_array_equal(relaxed.structure.lattice, 9 * np.eye(3))
    assert relaxed.stress is None


def test_one_atom_relaxes_its_cell(released):
    copper = bulk("Cu", a=3.5)
    (relaxed,) = relax(released, [frame_of(copper)], RelaxSettings(fmax=0.01))
    assert relaxed.converged
    lattice = (4 * abs(np.linalg.det(relaxed.structure.lattice))) ** (1 / 3)
    assert lattice == pytest.approx(3.6, abs=0.05)
    assert relaxed.volume_change == pytest.approx((lattice / 3.5) ** 3 - 1)


class Cancelled(Exception):  # noqa: N818
    pass


def test_an_ended_call_goes_on_where_it_was(released, monkeypatch):
    frames = [frame_of(bulk("Cu", a=3.6 + 0.01 * i), str(i)) for i in range(3)]
    frames.append(replace(frames[0], frame_id="again"))

    def end_after_one(share, what):
        if share >= 1 / 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        relax(released, frames, progress=end_after_one)
    asked = stub(monkeypatch)
    found = relax(released, frames)
    assert 1 <= sum(asked) <= 2, "at least one of the three different ones had been relaxed"
    assert [relaxed.structure.frame_id for relaxed in found] == ["0", "1", "2", "again"]
    assert found[0].energy == found[3].energy
    asked.clear()
    again = relax(released, frames)
    assert not asked
    for one, other in zip(found, again, strict=True):
        assert (one.state, one.reason, one.steps, one.energy) == (
            other.state,
            other.reason,
            other.steps,
            other.energy,
        )
        np.testing.assert_array_equal(one.forces, other.forces)
        np.testing.assert_array_equal(one.structure.lattice, other.structure.lattice)


def test_results_are_on_the_disk_before_the_end(released, monkeypatch):
    """Another process, as one that is started after this one was killed, finds what is done."""
    monkeypatch.setattr("core.potential.relaxation.kept._PAUSE", 0.0)
    frames = [frame_of(bulk("Cu", a=3.6)), frame_of(rattled(0, 0.3))]
    settings, model = RelaxSettings(steps=3), model_fingerprint(released)
    seen = []

    def look(share, what):
        with kept_relaxations(model, settings) as kept:
            found = [kept.get(kept.key(frame), frame, with_trajectory=False) for frame in frames]
            seen.append(sum(one is not None for one in found))

    relax(released, frames, settings, progress=look)
    assert (seen[0], seen[-1]) == (0, 1), "one of the two ended before the last step"


def test_results_are_kept_by_settings_and_by_model(released, double, monkeypatch):
    asked = stub(monkeypatch)
    frame = frame_of(rattled(0))
    relax(released, [frame])
    relax(released, [frame], RelaxSettings(fmax=0.05))
    relax(double, [frame])
    assert asked == [1, 1, 1]


@pytest.mark.parametrize("content", [b"", b"not a database " * 100])
def test_a_damaged_cache_is_begun_anew(released, monkeypatch, home, content):
    asked = stub(monkeypatch)
    (home / "cache").mkdir()
    (home / "cache" / "relaxations.sqlite").write_bytes(content)
    for _ in range(2):
        assert relax(released, [frame_of(rattled(0))])[0].converged
    assert asked == [1]


def test_trajectories_lead_from_the_given_to_the_last_structure(released):
    atoms = rattled(2)
    settings = RelaxSettings(steps=5)
    (plain,) = relax(released, [frame_of(atoms)], settings)
    assert plain.trajectory is None
    for _ in range(2):  # computed, then kept
        (relaxed,) = relax(released, [frame_of(atoms)], settings, keep_trajectories=True)
        way = relaxed.trajectory
        assert len(way) == relaxed.steps + 1 == len(way.frac_coords) == len(way.lattices)
        np.testing.assert_allclose(way.lattices[0], atoms.cell.array)
        np.testing.assert_allclose(way.lattices[-1], relaxed.structure.lattice)
        np.testing.assert_allclose(way.frac_coords[-1], relaxed.structure.frac_coords, atol=1e-6)
        assert way.energies[-1] == pytest.approx(relaxed.energy)
        assert way.max_forces[-1] == pytest.approx(relaxed.max_force)
        assert way.energies[0] > way.energies[-1]


def test_nothing_to_relax(released):
    assert relax(released, []) == []
