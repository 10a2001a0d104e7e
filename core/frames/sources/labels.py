"""Forces, stresses and magmoms out of table cells: nested lists, or the same as JSON text."""

from typing import Any

import numpy as np
import orjson


class LabelError(ValueError):
    """What is wrong with a label; the caller adds the place and the remedy."""


def parse_label(value: Any, *, name: str, shape: tuple[int, ...]) -> np.ndarray | None:
    """Read one array.

    Args:
        value: Nested lists or JSON text; None or an empty text where missing.
        name: What it is, for the error: "forces", "stress" or "magmoms".
        shape: What it must have.

    Raises:
        LabelError: Not numbers, not finite, or of another shape.
    """
    if isinstance(value, str):
        if not value.strip():
            return None
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            raise LabelError(f"the {name} cannot be read as JSON") from None
    if value is None:
        return None
    try:
        array = np.array(value, dtype=np.float64)
    except (ValueError, TypeError):
        raise LabelError(f"the {name} cannot be read as an array of numbers") from None
    if array.shape != shape:
        raise LabelError(f"the shape of the {name} is {array.shape} where {shape} is needed")
    if not np.isfinite(array).all():
        raise LabelError(f"a value of the {name} is not finite")
    return array
