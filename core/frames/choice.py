"""Rows of a data set by conditions and by the part of its split."""

from typing import Literal

import numpy as np

from core.errors import LabError
from core.frames.contents import contents_of
from core.frames.filters import FrameFilter
from core.frames.pairs import PairSet
from core.frames.store import FrameSet
from core.progress import Progress, silent

Part = Literal["train", "validation", "test"]


def chosen_rows(
    data: FrameSet | PairSet,
    conditions: FrameFilter | None = None,
    part: Part | None = None,
    *,
    progress: Progress = silent,
) -> np.ndarray:
    """Return the rows that meet conditions, (m,) integers, sorted.

    Args:
        data: frames or pairs.
        conditions: None for all rows.
        part: part of the split of frames; None for all.
        progress: receives the share that is done.

    Raises:
        LabError: if no row is left, or a part is asked of pairs.
    """
    keep = np.ones(len(data), dtype=bool)
    if conditions is not None and not conditions.is_empty:
        keep = conditions.mask(contents_of(data, progress))
    if part is not None:
        if isinstance(data, PairSet):
            raise LabError(f"{data.card.name} contains pairs, which have no split; leave it out.")
        within = np.zeros(len(data), dtype=bool)
        within[getattr(data.split(), part)] = True
        keep &= within
    if not keep.any():
        words = [conditions.text if conditions else "", f"in the {part} set" if part else ""]
        raise LabError(
            f"{data.card.name} has no row {', '.join(filter(None, words))}; choose others."
        )
    return np.flatnonzero(keep)
