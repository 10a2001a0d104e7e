"""Held-out frames with an element that training never saw, which decide many comparisons.

Where AtomRef is fitted to the training frames alone, it has no energy for such an element, and the
error of a frame that holds one is that of a missing reference: several eV/atom beside some tens of
meV/atom. A mean over all frames then says who had the element in training, not which method is
better, so errors are given with and without these frames.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.elements import SYMBOLS
from core.errors import LabError
from core.frames.registry import open_frame_set
from core.frames.store import FrameSet
from core.runs.record.directory import Run
from core.runs.record.status import Errors
from core.training.scoring.error_rows import TEST, VALIDATION, ErrorRows
from core.training.settings.config import RunConfig
from core.training.settings.methods import METHODS
from core.training.settings.metrics import MetricSums
from core.training.settings.partition import partition

FILES = {"validation": VALIDATION, "test": TEST}
"""The file with the errors per frame of each held-out split."""


@dataclass(kw_only=True, frozen=True, slots=True)
class Unseen:
    """Held-out frames of a run with an element that no training frame has.

    Attributes:
        elements: these elements, by atomic number.
        n: frames with one.
        of: all frames evaluated.
        without: errors on the frames without one.
        only: errors on the frames with one.
    """

    elements: tuple[str, ...]
    n: int
    of: int
    without: Errors
    only: Errors

    @property
    def count(self) -> str:
        """The frames in words, such as "6 of 240 frames (He, Pa)"."""
        return f"{self.n:,} of {self.of:,} frames ({', '.join(self.elements)})"


def unseen_of(run: Run, split: str) -> Unseen | None:
    """Return the held-out frames with an element that a run's training never saw.

    Args:
        run: a finished run.
        split: "validation" or "test".

    Returns:
        None where there is no such frame, or it is not known: without the errors per frame, or
        without the data that the run was trained on.
    """
    path = run.checkpoints / FILES[split]
    with suppress(LabError, OSError):
        return _unseen(run.path, path, path.stat().st_mtime_ns)
    return None


@lru_cache(maxsize=512)
def _unseen(directory: Path, path: Path, stamp: int) -> Unseen | None:  # noqa: ARG001  cache's key
    run, errors = Run(directory), ErrorRows.load(path)
    data = open_frame_set(run.config.dataset)
    if data.fingerprint != errors.fingerprint:
        return None
    flags, symbols = unseen_frames(run.config, data, errors.rows)
    # Frames that could not be evaluated have no sums.
    flags &= errors.sums[:, 0] > 0
    if not flags.any():
        return None
    without, only = (
        MetricSums.from_vector(errors.sums[rows].sum(axis=0)).result() for rows in (~flags, flags)
    )
    return Unseen(
        elements=tuple(symbols),
        n=only["n_frames"],
        of=only["n_frames"] + without["n_frames"],
        without=dict(without),  # type: ignore[arg-type]
        only=dict(only),  # type: ignore[arg-type]
    )


def unseen_frames(
    config: RunConfig, data: FrameSet, rows: NDArray[np.integer]
) -> tuple[NDArray[np.bool_], list[str]]:
    """Return which frames have an element that no training frame with an energy has.

    Args:
        config: settings of a run.
        data: its data set.
        rows: rows of the data set, (n,).

    Returns:
        Flags (n,), and these elements.

    Raises:
        LabError: if the data set no longer fits the run.
    """
    train = partition(config, data).train
    labelled = np.isfinite(data.energies()[train])
    present = data.fractions() > 0
    known = present[train[labelled] if labelled.any() else train].any(axis=0)
    missing = present[rows] & ~known
    return missing.any(axis=1), [SYMBOLS[i] for i in np.flatnonzero(missing.any(axis=0))]


def unseen_rows(
    run: Run, rows: NDArray[np.integer], *, functional: str = ""
) -> tuple[NDArray[np.bool_], list[str]]:
    """Return `unseen_frames` of a run; no frame is flagged where its data set is gone.

    Args:
        run: the run.
        rows: rows of its data set.
        functional: a further functional of the run, none of whose frames is flagged; else empty.
    """
    with suppress(LabError):
        if functional:
            return np.zeros(len(rows), dtype=bool), []
        return unseen_frames(run.config, open_frame_set(run.config.dataset), rows)
    return np.zeros(len(rows), dtype=bool), []


def unseen_note(runs: Sequence[Run], split: str) -> str:
    """Return in a sentence how many held-out frames hold an unseen element; empty if none does.

    Args:
        runs: runs on one data set.
        split: "validation" or "test".
    """
    found = [each for run in runs if (each := unseen_of(run, split)) is not None]
    if not found:
        return ""
    counts = sorted({each.n for each in found})
    elements = {symbol for each in found for symbol in each.elements}
    number = f"{counts[0]:,}" if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,}, by seed,"
    present = {run.config.method for run in runs}
    methods = [key for key, method in METHODS.items() if key in present and not method.knows_unseen]
    blind = (
        f" The AtomRef of {' and '.join(methods)} cannot know its energy, so these frames show a "
        "missing reference, not the quality of a method."
        if methods
        else ""
    )
    return (
        f"{number} of {found[0].of:,} {split} frames hold an element that training never saw "
        f"({', '.join(sorted(elements, key=SYMBOLS.index))}).{blind}"
    )
