"""Lists of numbers as arrays; long lists of lists in two thirds of the time that numpy takes."""

import struct
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from math import prod
from typing import Any, Final

import numpy as np

_FEW: Final = 8
"""Rows below which numpy is as fast."""


def array_of(value: Any, shape: tuple[int, ...]) -> np.ndarray | None:
    """Return a list of numbers, or of lists of equal length, as an array of a known shape.

    Args:
        value: the list.
        shape: shape of one or two dimensions.

    Returns:
        The array; None if the value is anything else, such as ragged lists.
    """
    try:
        if len(shape) == 1 or len(value) < _FEW:
            array = np.array(value, dtype=np.float64)
            return array if array.shape == shape else None
    except (TypeError, ValueError, OverflowError):
        return None
    data = packed(value, shape)
    return None if data is None else np.frombuffer(bytearray(data)).reshape(shape)


def packed(value: Any, shape: tuple[int, ...]) -> bytes | None:
    """Return a list of numbers, or of lists of equal length, as the bytes of an array.

    Args:
        value: the list.
        shape: shape of one or two dimensions.

    Returns:
        The numbers as doubles; None if the value is anything else, such as ragged lists or texts.
    """
    try:
        if len(value) != shape[0]:
            return None
        if len(shape) == 1:
            return _packer(shape[0]).pack(*value)
        if set(map(len, value)) != {shape[1]}:
            return None
        return joined(value, prod(shape))
    except (TypeError, OverflowError, struct.error):
        return None


def joined(rows: Sequence[Sequence[float]], n: int) -> bytes:
    """Return rows of numbers, n in all, as doubles."""
    return _packer(n).pack(*chain.from_iterable(rows))


@lru_cache(maxsize=1 << 10)
def _packer(n: int) -> struct.Struct:
    return struct.Struct(f"{n}d")
