"""What a file that the lab itself exported says of its frames' labels."""

from typing import Final, NamedTuple, get_args

import pyarrow as pa

from core.frames.schema import Corrections
from core.frames.tables.tabular import TableFile

_COLUMNS: Final = frozenset({"functional", "labels", "corrections"})
"""Names that stand together only in files of the lab."""


class Stated(NamedTuple):
    """What all frames of a file have in common.

    Attributes:
        labels: "dft" or the name of the model that made the labels.
        corrections: whether the energies contain MP2020 corrections.
    """

    labels: str
    corrections: Corrections


def stated_by_lab(file: TableFile) -> Stated | None:
    """Return what a file that the lab exported says of its labels, None for any other file."""
    if not set(file.columns) >= _COLUMNS:
        return None
    head = file.head()
    origins, kinds = (
        set(head.column(name).cast(pa.string()).to_pylist()) for name in ("labels", "corrections")
    )
    if len(origins) != 1 or len(kinds) != 1:
        return None
    origin, kind = origins.pop(), kinds.pop()
    known: tuple[Corrections, ...] = get_args(Corrections)
    return next((Stated(origin, one) for one in known if one == kind and origin), None)
