"""Elements of files that have numbers of types instead."""

import numpy as np

from core.elements import INDEX
from core.errors import LabError
from core.frames.tables.tabular import CellError


def numbers_of_types(types: np.ndarray, elements: tuple[str, ...], name: str) -> np.ndarray:
    """Return the atomic numbers of atoms by their types, (n,).

    Args:
        types: type of each atom, an index into the elements, (n,) integers.
        elements: symbols in the order of the types.
        name: the file's, for the message.

    Raises:
        LabError: if the elements are not known, or one is none from H to Pu.
        CellError: if an atom has a type without an element.
    """
    if not elements:
        raise LabError(
            f"{name} has numbers of types instead of elements; name the elements in the order of "
            "the types, as in --elements Li,O."
        )
    for symbol in elements:
        if symbol not in INDEX:
            raise LabError(
                f"{symbol!r} is not the symbol of an element from H to Pu; name the elements of "
                f"{name} in the order of its types, as in --elements Li,O."
            )
    if not len(types):
        raise CellError("it has no atoms")
    wrong = types[(types < 0) | (types >= len(elements))]
    if len(wrong):
        raise CellError(
            f"it has atoms of type {int(wrong[0])}, and the elements of types 0 to "
            f"{len(elements) - 1} are known"
        )
    numbers = np.array([INDEX[symbol] + 1 for symbol in elements], dtype=np.int64)
    return np.asarray(numbers[types])
