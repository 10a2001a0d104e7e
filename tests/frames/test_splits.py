import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import LabError
from core.frames.splits import split_by_material, training_subset

ids = st.lists(st.integers(0, 40).map("m{}".format), min_size=1, max_size=120).map(np.array)
seeds = st.integers(0, 5)


@given(ids, seeds)
def test_split_is_a_partition_by_material(material_ids, seed):
    split = split_by_material(material_ids, seed=seed)
    parts = [split.train, split.validation, split.test]
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(len(material_ids)))
    materials = [set(material_ids[part]) for part in parts]
    assert sum(map(len, materials)) == len(set(material_ids))
    if len(set(material_ids)) >= 3:
        assert all(materials)


@given(ids, seeds, st.randoms())
def test_split_does_not_depend_on_row_order(material_ids, seed, random):
    order = list(range(len(material_ids)))
    random.shuffle(order)
    one = split_by_material(material_ids, seed=seed)
    other = split_by_material(material_ids[order], seed=seed)
    for part in ("train", "validation", "test"):
        rows = np.array(order, dtype=int)[getattr(other, part)]
        assert np.array_equal(np.sort(rows), getattr(one, part))


def test_split_has_the_shares_asked_for_and_follows_the_seed():
    material_ids = np.array([f"mp-{i}" for i in range(1000)])
    split = split_by_material(material_ids, seed=0)
    assert [len(split.train), len(split.validation), len(split.test)] == [800, 100, 100]
    assert not np.array_equal(split.test, split_by_material(material_ids, seed=1).test)
    halves = split_by_material(material_ids, seed=0, fractions=(0.5, 0.0, 0.5))
    assert [len(halves.train), len(halves.validation), len(halves.test)] == [500, 0, 500]


@given(ids, seeds, st.data())
def test_training_subsets_are_nested(material_ids, seed, data):
    train = split_by_material(material_ids, seed=seed).train
    large = data.draw(st.integers(1, len(train)))
    small = data.draw(st.integers(1, large))
    chosen = training_subset(material_ids, train, large, seed=seed)
    fewer = training_subset(material_ids, train, small, seed=seed)
    assert len(chosen) == large
    assert len(fewer) == small
    assert set(fewer) <= set(chosen) <= set(train)
    # No material has a frame more than another that still had some to give.
    taken = {m: int((material_ids[chosen] == m).sum()) for m in set(material_ids[train])}
    given = {m: int((material_ids[train] == m).sum()) for m in taken}
    most = max(taken.values())
    assert all(n >= most - 1 for m, n in taken.items() if n < given[m])


def test_more_frames_than_there_are_is_refused():
    with pytest.raises(LabError, match="choose between 1 and 2"):
        training_subset(np.array(["a", "b", "c"]), np.array([0, 2]), 3, seed=0)
