"""Which frames a run can use, and why others are left out."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from core.frames.store import FrameSet
from core.potential.examples import load_examples
from core.potential.graphs.store import IN_MEMORY, store_path
from core.training.settings.config import LossRatios
from core.training.settings.left_out import reasons
from core.training.settings.partition import trained_flags

_SPARSE = 40.0
"""Å³ per atom, above which a frame may hold an atom without neighbours."""

_UNKNOWN, _USABLE, _LEFT_OUT = 0, 1, 2


@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    """What is known of each frame of a data set.

    Attributes:
        state: (n,) of the numbers above.
        why: reason by row, of those left out.
    """

    state: NDArray[np.int8]
    why: dict[int, str]


def trained_rows(
    frame_set: FrameSet, rows: NDArray[np.integer], ratios: LossRatios
) -> tuple[NDArray[np.integer], dict[str, int]]:
    """Return the rows that a run trains on, and fits its AtomRef to.

    These have a label that is trained on, and a structure that CHGNet can represent. In data sets
    that are too large to convert for this alone, only frames with much room per atom are tried.

    Args:
        frame_set: the data set.
        rows: rows of it.
        ratios: weights of the loss.

    Returns:
        The rows, and how many CHGNet cannot represent, by reason.
    """
    labelled = np.any(list(trained_flags(frame_set, ratios).values()), axis=0)
    rows = rows[labelled[rows]]
    known = _known(frame_set.fingerprint, len(frame_set))
    open_rows = rows[known.state[rows] == _UNKNOWN]
    if len(open_rows) > IN_MEMORY and not store_path(frame_set).exists():
        open_rows = open_rows[frame_set.volumes_per_atom()[open_rows] > _SPARSE]
    if len(open_rows):
        examples = load_examples(frame_set, open_rows)
        out = np.setdiff1d(open_rows, examples.rows)
        known.why.update(zip(out.tolist(), examples.left_out.values(), strict=True))
        known.state[examples.rows], known.state[out] = _USABLE, _LEFT_OUT
    usable = known.state[rows] != _LEFT_OUT
    return rows[usable], reasons(known.why[row] for row in rows[~usable].tolist())


@lru_cache(maxsize=8)
def _known(fingerprint: str, n: int) -> _Known:  # noqa: ARG001 - the key of the cache
    """Return what is known of the frames of a data set, to be completed in place."""
    return _Known(np.full(n, _UNKNOWN, dtype=np.int8), {})
