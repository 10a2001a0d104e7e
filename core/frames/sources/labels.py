"""Forces, stresses and magmoms from table cells: nested lists, or the same as JSON text."""

from typing import Any

import numpy as np
import orjson

from core.frames.sources.tabular import CellError


def parse_label(value: Any, *, name: str, shape: tuple[int, ...]) -> np.ndarray | None:
    """Read one array.

    Args:
        value: nested lists or JSON text; None or an empty text where missing.
        name: name of the label for the error: "forces", "stress" or "magmoms".
        shape: required shape.

    Raises:
        CellError: if the values are not finite numbers or have another shape.
    """
    if isinstance(value, str):
        if not value.strip():
            return None
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            raise CellError(f"the {name} cannot be read as JSON") from None
    if value is None:
        return None
    try:
        array = np.array(value, dtype=np.float64)
    except (ValueError, TypeError):
        raise CellError(f"the {name} cannot be read as an array of numbers") from None
    if array.shape != shape:
        raise CellError(f"the shape of the {name} is {array.shape}, but must be {shape}")
    if not np.isfinite(array).all():
        raise CellError(f"a value of the {name} is not finite")
    return array
