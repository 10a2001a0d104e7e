"""Nested lists come out as numpy makes them of what pyarrow gives as Python lists."""

import numpy as np
import pyarrow as pa
import pytest

from core.frames.sources.arrow_lists import arrays, depth_of_numbers

VECTORS = [[[1.0, 2, 3], [4, 5, 6]], None, [], [[7.0, 8, 9]], [[None, 1.0, 2]], [[None] * 3]]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([[1, 2], [3], None, []]),
        pa.array([[True, False], [True]]),
        pa.array(VECTORS),
        pa.array(VECTORS, pa.large_list(pa.large_list(pa.float32()))),
        pa.array(VECTORS, pa.list_(pa.list_(pa.float64(), 3))),
        pa.array(VECTORS).slice(1, 4),
        pa.array([[[1.0], [2, 3]], [[4.0, 5], [6, 7]], [[8.0]]]),
        pa.array([[[[1.0, 2]], [[3, 4]]], [[[5.0, 6]]]]),
        pa.array([[1.0, 2, 3, 4, 5, 6]], pa.list_(pa.float64(), 6)),
    ],
)
def test_rows_are_those_of_python_lists(column):
    assert depth_of_numbers(column.type)
    for array, value in zip(arrays(column), column.to_pylist(), strict=True):
        flat = np.array([one for one in _flat(value or []) if one is not None], dtype=float)
        if not len(flat):
            assert array is None
            continue
        assert array is not None
        values = np.ravel(array).astype(float)
        np.testing.assert_array_equal(values[~np.isnan(values)], flat)
        try:
            expected = np.array(value, dtype=float).shape
        except ValueError:
            continue
        assert array.shape == expected


def _flat(value):
    return [one for inner in value for one in _flat(inner)] if isinstance(value, list) else [value]
