import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

from core.errors import LabError
from core.potential.graph import PackedGraph, convert


def _as_stock(graph: PackedGraph) -> tuple[np.ndarray, np.ndarray]:
    """Bonds (center, neighbor, image) and sorted angles (atom, bond, reversed, bond, reversed)."""
    first, second = (graph.short_bonds[leg] for leg in (graph.angle_first, graph.angle_second))
    atom = np.where(
        graph.angle_first_reversed, graph.bond_neighbor[first], graph.bond_center[first]
    )
    other = np.where(
        graph.angle_second_reversed, graph.bond_neighbor[second], graph.bond_center[second]
    )
    assert np.array_equal(atom, other)
    bonds = np.column_stack([graph.bond_center, graph.bond_neighbor, graph.bond_image])
    angles = np.column_stack(
        [atom, first, graph.angle_first_reversed, second, graph.angle_second_reversed]
    )
    return bonds, _sorted(angles)


def _stock_graph(converter, structure: Structure) -> tuple[np.ndarray, np.ndarray]:
    graph = converter(structure)
    one_way = graph.undirected2directed.numpy()
    bonds = np.column_stack([graph.atom_graph.numpy(), graph.neighbor_image.numpy().astype(int)])
    atom, first, first_way, second, second_way = graph.bond_graph.numpy().reshape(-1, 5).T
    angles = np.column_stack(
        [atom, first, first_way != one_way[first], second, second_way != one_way[second]]
    )
    return bonds[one_way], _sorted(angles)


def _sorted(rows: np.ndarray) -> np.ndarray:
    return rows[np.lexsort(rows.T)].astype(int)


def test_graph_equals_stock(structure, converter, pack):
    bonds, angles = _as_stock(pack(structure))
    stock_bonds, stock_angles = _stock_graph(converter, structure)
    np.testing.assert_array_equal(bonds, stock_bonds)
    np.testing.assert_array_equal(angles, stock_angles)


@pytest.mark.parametrize("pbc", [(False, False, False), (True, True, False), (False, True, True)])
def test_open_directions_equal_stock(converter, pbc):
    lattice = Lattice([[3.6, 0.2, 0], [0.4, 3.9, 0.1], [0, 0.3, 4.4]], pbc=pbc)
    coords = np.random.default_rng(1).uniform(-0.2, 1.1, (4, 3))
    structure = Structure(lattice, ["O", "H", "H", "Fe"], coords)
    bonds, angles = _as_stock(convert(structure.atomic_numbers, coords, lattice.matrix, pbc))
    stock_bonds, stock_angles = _stock_graph(converter, structure)
    np.testing.assert_array_equal(bonds, stock_bonds)
    np.testing.assert_array_equal(angles, stock_angles)


@settings(max_examples=25)
@given(
    lengths=st.tuples(*[st.floats(2.3, 7.0)] * 3),
    angles=st.tuples(*[st.floats(65, 110)] * 3),
    points=st.lists(st.tuples(*[st.integers(-5, 20)] * 3), min_size=1, max_size=5),
)
def test_graph_of_random_cells_equals_stock(converter, pack, lengths, angles, points):
    coords = np.array(points) / 12
    structure = Structure(Lattice.from_parameters(*lengths, *angles), ["O"] * len(coords), coords)
    try:
        stock_bonds, stock_angles = _stock_graph(converter, structure)
    except ValueError:
        with pytest.raises(LabError, match="no neighbour within 6 Å"):
            pack(structure)
        return
    if structure.is_valid(tol=1e-6):
        bonds, found = _as_stock(pack(structure))
        np.testing.assert_array_equal(bonds, stock_bonds)
        np.testing.assert_array_equal(found, stock_angles)
    else:
        with pytest.raises(LabError, match="at the same place"):
            pack(structure)


def test_thousand_atoms(pack):
    crystal = Structure(Lattice.cubic(2.9), ["Fe", "Al"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    small, large = pack(crystal), pack(crystal * (8, 8, 8))
    assert large.n_atoms == 1024
    assert large.cost == 512 * small.cost


def test_isolated_atom_is_refused():
    with pytest.raises(LabError, match="Atom 2 of the structure has no neighbour within 6 Å"):
        convert([3, 3, 3], [[0, 0, 0], [0.5, 0.5, 0.5], [0, 0, 0.1]], np.eye(3) * 20)


def test_coincident_atoms_are_refused():
    with pytest.raises(LabError, match=r"Atoms 1 and 2 .* same place"):
        convert([3, 3], [[0, 0, 0], [1, 0, 0]], np.eye(3) * 4)


@pytest.mark.parametrize(
    ("numbers", "coords", "lattice", "message"),
    [
        ([], np.empty((0, 3)), np.eye(3), "at least one atom"),
        ([1, 1], [[0, 0, 0]], np.eye(3), "at least one atom"),
        ([95], [[0, 0, 0]], np.eye(3), "atomic number 95"),
        ([0], [[0, 0, 0]], np.eye(3), "atomic number 0"),
        ([1], [[0, 0, np.nan]], np.eye(3), "not finite"),
        ([1], [[0, 0, 0]], np.eye(2), "not finite"),
        ([1], [[0, 0, 0]], np.diag([1, 1, 0]), "no volume"),
        ([1], [[0, 0, 0]], 1e7 * np.eye(3), "too empty to look for neighbours"),
    ],
)
def test_bad_arrays_are_refused(numbers, coords, lattice, message):
    with pytest.raises(LabError, match=message):
        convert(numbers, coords, lattice)
