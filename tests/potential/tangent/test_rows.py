"""Gradient rows against autograd through stock chgnet, in double precision."""

import numpy as np
import pytest
import torch

from core.potential.forward import Wanted
from core.potential.prediction import predict
from core.potential.tangent.rows import (
    AMPLITUDE,
    GROUPS,
    energy_rows,
    moved_model,
    tilt_labels,
    tilt_rows,
)
from tests.potential.tangent.conftest import NAMES

SOME = ("rock salt", "perovskite", "perturbed layered oxide", "one atom, no angles")


@pytest.fixture
def some(structures):
    return [structures[name] for name in SOME]


def test_rows_are_stocks_gradients(double, some, pack, stock, unseen):
    found = energy_rows(double, [pack(structure) for structure in some])
    assert list(found.gradients) == NAMES
    parameters = [double.get_parameter(name) for name in NAMES]
    for parameter in parameters:
        parameter.requires_grad_()
    for row, structure in enumerate(some):
        energy = stock(double, [structure]).energy
        gradients = torch.autograd.grad(energy.sum(), parameters, allow_unused=True)
        for name, gradient in zip(NAMES, gradients, strict=True):
            expected = 0.0 if gradient is None else unseen(name, gradient)
            np.testing.assert_allclose(found.gradients[name][row], expected, atol=1e-9)
    predictions = predict(double, [pack(structure) for structure in some], Wanted.of(()))
    np.testing.assert_allclose(found.energies, [one.interaction for one in predictions], atol=1e-10)


def test_a_small_move_changes_energies_as_the_rows_say(double, some, pack, random_move):
    graphs = [pack(structure) for structure in some]
    before = energy_rows(double, graphs)
    change = random_move(1e-6, 0)
    moved_model(double, change)
    expected = sum(before.gradients[name] @ values for name, values in change.items())
    after = energy_rows(double, graphs).energies
    np.testing.assert_allclose(after - before.energies, expected, rtol=1e-3, atol=1e-11)


def test_the_output_that_moments_are_read_from_moves_without_them(double, some, pack):
    """The rows of the last convolution before moments leave these exactly as they are."""
    graphs = [pack(structure) for structure in some]
    wanted = Wanted.of(["magmom"])
    before = predict(double, graphs, wanted)
    name = GROUPS["convolution"][2]
    moved_model(double, {name: 0.1 * energy_rows(double, graphs).gradients[name].sum(axis=0)})
    after = predict(double, graphs, wanted)
    for one, other in zip(after, before, strict=True):
        np.testing.assert_allclose(one.magmoms, other.magmoms, atol=1e-12)
    assert max(abs(a.energy - b.energy) for a, b in zip(after, before, strict=True)) > 1e-4


def test_tilts_are_changes_of_the_force_along_the_displacement(double, some, pack, random_move):
    graphs = [pack(structure) for structure in some]
    at = energy_rows(double, graphs)
    tilts = tilt_rows(double, graphs, at, copies=2, seed=3)
    change = random_move(1e-6, 1)

    def energy_of(structure, steps):
        moved = structure.copy()
        for site, step in enumerate(steps):
            moved.translate_sites(site, step, frac_coords=False)
        (one,) = predict(double, [pack(moved)], Wanted.of(()))
        return len(structure) * one.interaction

    def differences():
        return [
            (energy_of(structure, steps) - energy_of(structure, 0 * steps))
            / (AMPLITUDE * np.sqrt(3 * len(structure)))
            for copy in range(2)
            for row, structure in enumerate(some)
            for steps in [
                np.random.default_rng([3, copy, row]).normal(0, AMPLITUDE, (len(structure), 3))
            ]
        ]

    before = np.array(differences())
    moved_model(double, change)
    expected = sum(tilts[name] @ values for name, values in change.items())
    np.testing.assert_allclose(np.array(differences()) - before, expected, rtol=1e-3, atol=1e-9)


def test_labelled_forces_are_rows_along_the_displacements(
    double, some, pack, monkeypatch, random_move
):
    """A move of the network changes forces as rows and labels say, to the order of the step."""
    monkeypatch.setattr("core.potential.tangent.rows.AMPLITUDE", 1e-3)
    graphs = [pack(structure) for structure in some]
    labelled = np.array([True, False, True, True])
    at = energy_rows(double, graphs)
    rows = tilt_rows(double, graphs, at, copies=2, seed=3, paired=labelled)
    change = random_move(1e-5, 1)
    before = predict(double, graphs, Wanted.of(["force"]))
    moved_model(double, change)
    after = predict(double, graphs, Wanted.of(["force"]))
    changes = [
        one.forces - other.forces if has else None
        for one, other, has in zip(after, before, labelled, strict=True)
    ]
    said = tilt_labels(graphs, changes, copies=2, seed=3)
    expected = sum(rows[name] @ values for name, values in change.items())
    first = np.flatnonzero(labelled)
    np.testing.assert_allclose(said[first], expected[first], rtol=1e-2, atol=1e-9)
    assert abs(said[2]) > 1e-6, "the others have no force by symmetry"
    assert not said[[1, *range(4, 8)]].any()
