"""The AtomRef that each method starts with."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from core.elements import SYMBOLS
from core.frames.store import FrameSet
from core.potential.models import UNKNOWN, get_atomref, load_model, source_functional
from core.progress import Progress, silent
from core.reference.fits.atomref import AtomRef, fit_lstsq
from core.transfer.atomref_fits import fit_atomref


def unseen_elements(frame_set: FrameSet, train_indices: NDArray[np.integer]) -> list[str]:
    """Name the elements that the data set has and the training frames lack.

    Args:
        frame_set: the data set.
        train_indices: rows of the training frames.
    """
    fractions = frame_set.fractions()
    lacking = (fractions > 0).any(axis=0) & ~(fractions[train_indices] > 0).any(axis=0)
    return [SYMBOLS[index] for index in np.flatnonzero(lacking)]


def composition_fit(frame_set: FrameSet, rows: NDArray[np.integer]) -> AtomRef:
    """Return rank, condition and counts of some frames' compositions, with no energies fitted.

    Args:
        frame_set: the data set.
        rows: rows of it.
    """
    return fit_lstsq(frame_set.fractions()[rows], np.zeros(len(rows)), functional=UNKNOWN)


def method_atomref(
    method: str,
    frame_set: FrameSet,
    train_indices: NDArray[np.integer],
    source_model: str,
    *,
    ridge_strength: float,
    device: str = "auto",
    threads: int | None = None,
    progress: Progress = silent,
) -> AtomRef:
    """Return the AtomRef that a method starts with.

    Rank, condition and counts always describe the training frames; for `trainable` and `frozen`,
    where nothing is fitted, `n` is 0.

    Args:
        method: key in `core.training.settings.methods.METHODS`.
        frame_set: the target data set.
        train_indices: rows to fit on; those without an energy are passed over.
        source_model: a released model's name, or the path of a checkpoint.
        ridge_strength: pull toward the prior in `residual`.
        device: where interaction energies are computed.
        threads: CPU threads for that; None takes the physical cores.
        progress: reports the interaction energies computed.

    Returns:
        The AtomRef.

    Raises:
        LabError: if the source model cannot be read or no training frame has an energy.
    """
    rows = np.asarray(train_indices, dtype=np.int64)
    functional = frame_set.card.functional or UNKNOWN
    if method in {"trainable", "frozen"}:
        composition = composition_fit(frame_set, rows)
        return replace(
            composition,
            functional=source_functional(source_model),
            energies=get_atomref(load_model(source_model)),
            n=0,
            prior_used=f"AtomRef of {source_model}",
        )
    return fit_atomref(
        frame_set,
        rows,
        frame_set.energies()[rows],
        method="residual" if method == "residual" else "lstsq",
        functional=functional,
        source_model=source_model,
        strength=ridge_strength,
        labels=frame_set.card.labels,
        corrections=frame_set.card.corrections,
        device=device,
        threads=threads,
        progress=progress,
    )
