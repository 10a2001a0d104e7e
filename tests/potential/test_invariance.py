"""What physics demands of any potential, on random structures."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from core.potential.graph import convert
from core.potential.models import load_model
from core.potential.prediction import predict

CASES = settings(max_examples=12)
seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module")
def predicted():
    model = load_model("chgnet-0.3.0").double()
    return lambda *structures: predict(model, [convert(*structure) for structure in structures])


def _random(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One to six atoms on a jittered grid in a random cell: numbers, coordinates, lattice."""
    rng = np.random.default_rng(seed)
    n = rng.integers(1, 7)
    grid = np.array(np.unravel_index(rng.permutation(8)[:n], (2, 2, 2))).T / 2
    lattice = np.diag(rng.uniform(3.2, 4.6, 3)) + rng.normal(0, 0.3, (3, 3))
    return rng.integers(1, 95, n), grid + rng.normal(0, 0.04, (n, 3)), lattice


def _assert_same(one, other, *, order=slice(None), rotation=None) -> None:
    rotation = np.eye(3) if rotation is None else rotation
    near = {"rtol": 1e-8, "atol": 1e-8}
    np.testing.assert_allclose(one.energy, other.energy, **near)
    np.testing.assert_allclose(one.interaction, other.interaction, **near)
    np.testing.assert_allclose(one.forces[order] @ rotation, other.forces, **near)
    np.testing.assert_allclose(rotation.T @ one.stress @ rotation, other.stress, **near)
    np.testing.assert_allclose(one.magmoms[order], other.magmoms, **near)


@CASES
@given(seed=seeds, mirror=st.booleans())
def test_rotation(predicted, seed, mirror):
    numbers, frac, lattice = _random(seed)
    rotation = Rotation.random(random_state=seed).as_matrix() * (-1 if mirror else 1)
    one, other = predicted((numbers, frac, lattice), (numbers, frac, lattice @ rotation))
    _assert_same(one, other, rotation=rotation)


@CASES
@given(seed=seeds)
def test_translation_and_cells(predicted, seed):
    numbers, frac, lattice = _random(seed)
    rng = np.random.default_rng(seed)
    moved = frac + rng.uniform(-3, 3, 3) + rng.integers(-4, 5, frac.shape)
    _assert_same(*predicted((numbers, frac, lattice), (numbers, moved, lattice)))


@CASES
@given(seed=seeds)
def test_choice_of_lattice_vectors(predicted, seed):
    numbers, frac, lattice = _random(seed)
    change = np.array([[1, 1, 0], [0, 1, -1], [0, 0, 1]])
    other = numbers, frac @ np.linalg.inv(change), change @ lattice
    _assert_same(*predicted((numbers, frac, lattice), other))


@CASES
@given(seed=seeds)
def test_permutation(predicted, seed):
    numbers, frac, lattice = _random(seed)
    order = np.random.default_rng(seed).permutation(len(numbers))
    one, other = predicted((numbers, frac, lattice), (numbers[order], frac[order], lattice))
    _assert_same(one, other, order=order)


@CASES
@given(seed=seeds, repeats=st.tuples(*[st.integers(1, 2)] * 3))
def test_supercell(predicted, seed, repeats):
    numbers, frac, lattice = _random(seed)
    cells = np.array(list(np.ndindex(repeats)))
    tiled = ((frac[None] + cells[:, None]) / repeats).reshape(-1, 3)
    larger = np.tile(numbers, len(cells)), tiled, np.array(repeats)[:, None] * lattice
    one, other = predicted((numbers, frac, lattice), larger)
    _assert_same(one, other, order=np.tile(np.arange(len(numbers)), len(cells)))


@CASES
@given(seed=seeds)
def test_neighbours_in_a_batch(predicted, seed):
    some = [_random(seed + step) for step in range(4)]
    order = np.random.default_rng(seed).permutation(4)
    shuffled = predicted(*[some[index] for index in order])
    for place, index in enumerate(order):
        _assert_same(predicted(some[index])[0], shuffled[place])


@CASES
@given(seed=seeds)
def test_forces_and_stress_are_derivatives_of_the_energy(predicted, seed):
    numbers, frac, lattice = _random(seed)
    rng = np.random.default_rng(seed)
    move, strain = rng.normal(size=frac.shape), rng.normal(size=(3, 3))
    # So short that the third derivatives of the steepest structures do not show.
    step = 1e-6
    points = [
        (numbers, frac + sign * step * move @ np.linalg.inv(lattice), lattice) for sign in (-1, 1)
    ] + [(numbers, frac, lattice @ (np.eye(3) + sign * step * strain)) for sign in (-1, 1)]
    here, back, forth, small, large = predicted((numbers, frac, lattice), *points)
    slope = (forth.energy - back.energy) * len(numbers) / (2 * step)
    np.testing.assert_allclose(slope, -(here.forces * move).sum(), rtol=1e-3, atol=1e-3)
    per_volume = len(numbers) / abs(np.linalg.det(lattice)) * 160.21766208
    slope = (large.energy - small.energy) * per_volume / (2 * step)
    np.testing.assert_allclose(slope, (here.stress * strain).sum(), rtol=1e-3, atol=0.05)


def test_double_is_double(predicted):
    assert predicted(_random(0))[0].forces.dtype == np.float64
    assert torch.get_default_dtype() == torch.float32
