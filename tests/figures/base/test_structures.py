"""Drawn structures, checked with the geometry of rock salt, ASE and Jmol's table of colours."""

import numpy as np
import pytest
from ase.build import bulk, molecule
from ase.neighborlist import build_neighbor_list, natural_cutoffs

from core.figures.base.structures import bonded, shown_atoms, structure_figure
from core.figures.base.theme import DARK, LIGHT
from core.frames.schema import Frame

JMOL = {"Na": "#AB5CF2", "Cl": "#1FF01F"}


def frame_of(atoms):
    return Frame(
        frame_id="f",
        material_id="m",
        atomic_numbers=atoms.numbers,
        frac_coords=atoms.get_scaled_positions(),
        lattice=np.asarray(atoms.cell),
    )


@pytest.fixture
def rock_salt():
    """Rock salt in its cubic cell: 27 atoms at 0, ½ and 1 along each axis."""
    return frame_of(bulk("NaCl", "rocksalt", a=5.64, cubic=True))


def test_atoms_on_a_face_are_drawn_on_both(rock_salt):
    numbers, places, _ = shown_atoms(rock_salt)
    assert np.unique(numbers, return_counts=True)[1].tolist() in ([14, 13], [13, 14])
    grid = np.round(places / 2.82).astype(int)
    np.testing.assert_allclose(places, 2.82 * grid, atol=1e-9)
    assert sorted(map(tuple, grid.tolist())) == sorted(np.ndindex(3, 3, 3))


def test_bonds_of_rock_salt_are_the_lines_of_the_grid(rock_salt):
    numbers, places, _ = shown_atoms(rock_salt)
    pairs = bonded(numbers, places)
    assert len(pairs) == 3 * 2 * 9
    assert (numbers[pairs[:, 0]] != numbers[pairs[:, 1]]).all()


@pytest.mark.parametrize("name", ["C6H6", "CH3CH2OH", "SiH4"])
def test_bonds_are_those_of_ases_neighbour_list(name):
    atoms = molecule(name)
    cutoffs = natural_cutoffs(atoms, mult=1.15)
    neighbours = build_neighbor_list(atoms, cutoffs, skin=0, self_interaction=False)
    expected = neighbours.get_connectivity_matrix(sparse=False).sum()
    assert len(bonded(atoms.numbers.astype(np.intp), atoms.positions)) == expected


@pytest.mark.parametrize(("dark", "background"), [(False, LIGHT), (True, DARK)])
def test_figure_has_jmols_colours_and_stays_inside_the_cell(rock_salt, dark, background):
    figure = structure_figure(rock_salt, dark=dark)
    assert figure.layout.template.layout.paper_bgcolor == background.background
    meshes = {trace.name: trace for trace in figure.data if trace.type == "mesh3d"}
    assert {name: mesh.color for name, mesh in meshes.items()} == JMOL
    for mesh in meshes.values():
        centres = np.stack([mesh.x, mesh.y, mesh.z], axis=-1).reshape(-1, 200, 3).mean(axis=1)
        assert (np.abs(centres / 2.82 - np.round(centres / 2.82)) < 0.01).all()
    cell = next(trace for trace in figure.data if trace.name == "cell")
    corners = np.stack([cell.x, cell.y, cell.z], axis=-1)
    corners = corners[np.isfinite(corners).all(axis=1)]
    assert len(corners) == 24
    lengths = np.linalg.norm(corners[::2] - corners[1::2], axis=1)
    np.testing.assert_allclose(lengths, 5.64)


def test_faces_of_balls_look_outward(rock_salt):
    mesh = next(
        trace for trace in structure_figure(rock_salt, dark=False).data if trace.name == "Cl"
    )
    points = np.stack([mesh.x, mesh.y, mesh.z], axis=-1)
    faces = np.stack([mesh.i, mesh.j, mesh.k], axis=-1)
    centre = points[:200].mean(axis=0)
    a, b, c = points[faces[faces.max(axis=1) < 200]].transpose(1, 0, 2) - centre
    assert (np.einsum("nk,nk->n", np.cross(b - a, c - a), a) > 0).all()


def test_many_atoms_take_coarse_balls_and_no_bond_breaks_nothing():
    many = frame_of(bulk("Fe", cubic=True) * (6, 6, 6))
    assert sum(len(trace.x) for trace in structure_figure(many, dark=True).data) < 60_000
    one = frame_of(bulk("Fe", cubic=True, a=9.0))
    bonds = next(t for t in structure_figure(one, dark=True).data if t.name == "bonds")
    assert len(bonds.x) == 0


def test_forces_are_arrows_in_their_direction(rock_salt):
    forces = np.zeros((len(rock_salt), 3))
    forces[0], forces[1] = (0.5, 0, 0), (0, 0, -1.0)
    lines, tips = (t for t in structure_figure(rock_salt, forces=forces, dark=True).data[-2:])
    numbers, places, atoms = shown_atoms(rock_salt)
    ends = np.stack([lines.x, lines.y, lines.z], axis=1).reshape(-1, 3, 3)
    for begin, end, _ in ends:
        (atom,) = np.unique(atoms[np.isclose(places, begin).all(axis=1)])
        np.testing.assert_allclose(end - begin, 2.0 * forces[atom], atol=1e-6)
    assert len(ends) == np.isin(atoms, [0, 1]).sum() == len(tips.x) / 13
    assert len(numbers) == len(atoms)
    none = structure_figure(rock_salt, forces=np.zeros_like(forces), dark=True)
    assert "forces" not in {trace.name for trace in none.data}
