"""Columns of nested lists in Arrow as one numpy array per row."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa


def is_list(kind: pa.DataType) -> bool:
    """Return whether a column's type is a list of any form."""
    return bool(
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )


def depth_of_numbers(kind: pa.DataType) -> int:
    """Return how deep lists of numbers are nested, 0 for a type that is no list of numbers."""
    depth = 0
    while is_list(kind):
        kind, depth = kind.value_type, depth + 1
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    return depth if is_number else 0


def arrays(column: pa.Array) -> Iterator[np.ndarray | None]:
    """Yield one array per row of a column of nested lists of numbers.

    Args:
        column: lists of numbers, nested once or more; numbers that are null become NaN.

    Yields:
        An array with one axis per level; one axis less where the inner lists of a row differ in
        length; None for a row that is null, empty, or null in all its numbers.
    """
    levels, values = [], column
    while is_list(values.type):
        levels.append(_offsets(values))
        values = _flat(values)
    numbers = values.to_numpy(zero_copy_only=False)
    if numbers.dtype == object:
        numbers = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
    has_nulls = bool(values.null_count)
    missing = column.is_null().to_numpy(zero_copy_only=False)
    for row in range(len(column)):
        begin, end = levels[0][row], levels[0][row + 1]
        shape = [end - begin]
        for offsets in levels[1:]:
            sizes = np.diff(offsets[begin : end + 1])
            begin, end = offsets[begin], offsets[end]
            same = len(sizes) > 0 and bool((sizes == sizes[0]).all())
            shape = [*shape, sizes[0]] if same else [end - begin]
        array = numbers[begin:end]
        if missing[row] or not array.size or (has_nulls and np.isnan(array).all()):
            yield None
        else:
            yield array.reshape(shape) if array.size == np.prod(shape) else array


def _offsets(lists: pa.Array) -> np.ndarray:
    """Return where the lists begin and end in the values that `_flat` returns."""
    if pa.types.is_fixed_size_list(lists.type):
        sizes = np.full(len(lists), lists.type.list_size)
        sizes[lists.is_null().to_numpy(zero_copy_only=False)] = 0
    else:
        sizes = lists.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _flat(lists: pa.Array) -> pa.Array:
    """Return the values of all lists that are not null, one after the other."""
    return lists.flatten()
