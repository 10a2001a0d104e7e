"""Folds: whole materials, even sizes, independent of row order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import LabError
from core.reference.fits.folds import folds

ids = st.lists(st.integers(0, 30).map("mp-{}".format), min_size=5, max_size=60)


@settings(max_examples=50)
@given(ids, st.integers(2, 5), st.integers(0, 3), st.randoms())
def test_materials_stay_whole_and_folds_even(names, k, seed, random):
    groups = np.array(names, dtype=object)
    distinct = sorted(set(names))
    if len(distinct) < k:
        with pytest.raises(LabError, match="choose a larger data set"):
            folds(groups, k=k, seed=seed)
        return
    found = folds(groups, k=k, seed=seed)
    fold_of = {}
    for name, fold in zip(names, found, strict=True):
        assert fold_of.setdefault(name, fold) == fold
    sizes = np.bincount(list(fold_of.values()), minlength=k)
    assert sizes.max() - sizes.min() <= 1
    order = list(range(len(names)))
    random.shuffle(order)
    np.testing.assert_array_equal(folds(groups[order], k=k, seed=seed), found[order])


def test_another_seed_deals_otherwise():
    groups = np.array([f"mp-{i}" for i in range(100)], dtype=object)
    assert (folds(groups, seed=0) != folds(groups, seed=1)).any()
