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
    sizes = [np.diff(offsets) for offsets in levels[1:]]
    if all(len(one) and (one == one[0]).all() for one in sizes):
        # Inner lists of one length, as vectors are, need no look at every row.
        numbers = numbers.reshape(-1, *(int(one[0]) for one in sizes))
        sizes = []
    bounds = levels[0].tolist()
    for row, is_missing in enumerate(missing.tolist()):
        begin, end = bounds[row], bounds[row + 1]
        array = _nested(numbers, levels, sizes, begin, end) if sizes else numbers[begin:end]
        if is_missing or not array.size or (has_nulls and np.isnan(array).all()):
            yield None
        else:
            yield array


def _nested(
    numbers: np.ndarray, levels: list[np.ndarray], sizes: list[np.ndarray], begin: int, end: int
) -> np.ndarray:
    """Return a row whose inner lists may differ in length, flat below the level where they do."""
    shape = [end - begin]
    for offsets, lengths in zip(levels[1:], sizes, strict=True):
        own = lengths[begin:end]
        begin, end = int(offsets[begin]), int(offsets[end])
        same = len(own) > 0 and bool((own == own[0]).all())
        shape = [*shape, int(own[0])] if same else [end - begin]
    array = numbers[begin:end]
    return array.reshape(shape) if array.size == np.prod(shape) else array


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
