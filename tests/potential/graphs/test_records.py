from dataclasses import fields, replace

import numpy as np
import pytest
from pymatgen.core import Structure

from core.potential.batch import collate
from core.potential.graphs.records import decode, encode


def assert_same(ours, theirs):
    for field in fields(theirs):
        np.testing.assert_array_equal(getattr(ours, field.name), getattr(theirs, field.name))


def test_a_graph_comes_back_as_it_was(structure, pack):
    graph = pack(structure)
    size, record = encode(graph)
    assert len(record) % 4 == 0
    behind = np.concatenate([record, np.full(99, 255, np.uint8)])
    back = decode(behind, size, graph)
    assert_same(back, graph)
    assert back.cost == graph.cost
    assert np.shares_memory(back.bond_image, behind)


def test_a_batch_of_records_is_the_batch_of_graphs(structures, pack):
    graphs = [pack(structure) for structure in structures.values()]
    records = [decode(record, size, g) for g in graphs for size, record in [encode(g)]]
    ours, theirs = collate(records), collate(graphs)
    for field in fields(theirs):
        mine, other = getattr(ours, field.name), getattr(theirs, field.name)
        assert mine.dtype == other.dtype
        assert mine.equal(other)


@pytest.mark.parametrize("repeats", [(2, 2, 2), (4, 4, 3), (7, 6, 6)])
def test_cells_of_every_size_fit_their_types(structures, pack, repeats):
    """Up to 1,260 atoms and more than 65,535 angles."""
    graph = pack(Structure.copy(structures["perovskite"]) * repeats)
    size, record = encode(graph)
    assert_same(decode(record, size, graph), graph)
    assert len(record) < 0.35 * sum(getattr(graph, field.name).nbytes for field in fields(graph))


def test_far_images_are_kept(structures, pack):
    graph = pack(structures["perovskite"])
    graph = replace(graph, bond_image=graph.bond_image * 1000)
    size, record = encode(graph)
    assert_same(decode(record, size, graph), graph)


def test_angles_out_of_order_are_refused(structures, pack):
    graph = pack(structures["rock salt"])
    with pytest.raises(ValueError, match="not sorted"):
        encode(replace(graph, angle_first=graph.angle_first[::-1]))
