"""Blocks of structures with nothing unusual as columns of the store.

What may be refused is decided frame by frame, elsewhere; here many frames are seen to be far from
all of it at once, or left to that.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from core.elements import formula_of
from core.frames.layout import Joined
from core.frames.schema import MOST_PER_VOLUME
from core.frames.sources.record_labels import LabelReader
from core.frames.sources.records import Block

_SMALL: Final = 1e-3
_LARGE: Final = 1e6
"""Å³ and Å between which no volume and no length of a cell needs a closer look."""


def structure_columns(block: Block) -> dict[str, Any] | None:
    """Return the columns of the structures, None if one of them needs a closer look."""
    members = block.members
    numbers = [np.frombuffer(one.atomic_numbers, dtype=np.uint8) for one in members]
    coords = np.frombuffer(b"".join([one.frac_coords for one in members]))
    lattices = np.frombuffer(b"".join([one.lattice for one in members])).reshape(-1, 3, 3)
    if not (np.isfinite(coords).all() and (np.abs(lattices) < _LARGE).all()):
        return None
    smallest = np.maximum(_SMALL, block.sizes() / MOST_PER_VOLUME)
    if (np.abs(np.linalg.det(lattices)) < smallest).any():
        return None
    none = np.zeros(len(members), dtype=bool)
    return {
        "formula": list(map(formula_of, numbers)),
        "atomic_numbers": Joined(values=np.concatenate(numbers), is_missing=none),
        "frac_coords": Joined(values=coords, is_missing=none),
        "lattice": Joined(values=lattices, is_missing=none),
    }


def label_columns(block: Block, readers: Sequence[LabelReader]) -> dict[str, Joined] | None:
    """Return the columns of the labels by field, None if one of them needs a closer look."""
    sizes = block.sizes()
    columns = {}
    for reader in readers:
        column = reader.read_all(block.values(reader.key), sizes)
        if column is None or (reader.field == "energy" and column.is_missing.any()):
            return None
        columns[reader.field] = column
    return columns
