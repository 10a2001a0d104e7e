"""The AtomRef that each method starts with."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.elements import INDEX, SYMBOLS
from core.errors import LabError
from core.frames.store import FrameSet
from core.potential.models import UNKNOWN, atomref_of, source_functional
from core.progress import Progress, silent
from core.reference.fits.atomref import AtomRef, fit_lstsq
from core.reference.shifts.labelled import LabelledEnergies
from core.transfer.atomref_fits import Strength, fit_atomref
from core.transfer.named_atomrefs import energies_named
from core.transfer.source_model import SourceModel

FROM_RESIDUALS = frozenset({"residual", "linearised", "multifidelity"})
"""Methods whose AtomRef needs the pretrained network's interaction energies."""


def unseen_elements(frame_set: FrameSet, rows: NDArray[np.integer]) -> list[str]:
    """Return the elements that the data set contains and the training frames lack.

    Args:
        frame_set: the data set.
        rows: rows of the training frames.
    """
    fractions = frame_set.fractions()
    lacking = (fractions > 0).any(axis=0) & ~(fractions[rows] > 0).any(axis=0)
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
    rows: NDArray[np.integer],
    source: SourceModel,
    *,
    strength: Strength,
    own: str | None = None,
    progress: Progress = silent,
) -> AtomRef:
    """Return the AtomRef that a method starts with; for `linearised`, before it is solved.

    Rank, condition and counts always describe the training frames; for `trainable` and `frozen`,
    where nothing is fitted, `n` is 0.

    Args:
        method: key in `core.training.settings.methods.METHODS`.
        frame_set: the target data set.
        rows: rows to fit on; those without an energy are left out.
        source: the pretrained model.
        strength: pull toward the prior in `residual`, as of `fit_atomref`.
        own: reference energies of the user's own, as of
            `core.transfer.named_atomrefs.energies_named`: `residual` and `linearised` are pulled
            toward them, other methods start with them; None for those of the method.
        progress: reports the interaction energies computed.

    Raises:
        LabError: if the source model cannot be read, no training frame has an energy, or own
            references lack an element of the training frames.
    """
    if method in {"trainable", "frozen"} or (own is not None and method == "scratch"):
        fixed = replace(
            composition_fit(frame_set, rows),
            functional=source_functional(source.name),
            energies=atomref_of(source.name),
            n=0,
            prior_used=f"AtomRef of {source.name}",
        )
        return fixed if own is None else _with_own(fixed, own, frame_set)
    card = frame_set.card
    target = LabelledEnergies(
        data=frame_set,
        rows=rows,
        energies=frame_set.energies()[rows],
        functional=card.functional or UNKNOWN,
        labels=card.labels,
        corrections=card.corrections,
    )
    pulled = method in FROM_RESIDUALS
    return fit_atomref(
        target,
        method="residual" if pulled else "lstsq",
        source=source,
        start=own if own is not None and pulled else "shifted",
        strength=strength,
        progress=progress,
    ).atomref


def _with_own(fixed: AtomRef, own: str, frame_set: FrameSet) -> AtomRef:
    """Return an AtomRef with reference energies of the user's own."""
    functional = frame_set.card.functional or UNKNOWN
    known = energies_named(own, functional=functional, data=frame_set)
    lacking = [symbol for symbol in fixed.fitted_energies() if symbol not in known]
    if lacking:
        raise LabError(
            f"{own} has no reference energy of {', '.join(lacking)}, which the training frames "
            "contain; add it, or choose the method residual, which fits what is missing."
        )
    energies = fixed.energies.copy()
    energies[[INDEX[symbol] for symbol in known]] = list(known.values())
    return replace(
        fixed,
        functional=functional,
        method="given",
        energies=energies,
        prior_used=f"AtomRef of {Path(own).name}",
    )
