"""Which elements a model's training never saw."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.elements import INDEX, SYMBOLS
from core.potential.models import atomref_of, read_extra
from core.potential.released import MODELS

_NOTHING = 1e-6
"""eV/atom; what the r2SCAN model's AtomRef holds for elements that never occurred."""

_ABSENT = {"chgnet-0.3.0": {"Po", "At", "Rn", "Fr", "Ra"}}
"""Elements without a frame where AtomRef does not tell: MPtrj holds the other 89 of H to Pu (Deng
et al., Nat. Mach. Intell. 5, 1031 (2023), doi:10.1038/s42256-023-00716-3)."""


def never_seen(model_name: str, fractions: NDArray[np.float64]) -> list[str]:
    """Return the elements of some structures that a model's training never saw.

    Of a run's checkpoint, which names the elements of its training frames, those that these lack:
    the pretrained model may know them, in its own functional. Of a released model, those that its
    training data lack. Of other checkpoints nothing is known.

    Args:
        model_name: a released model's name, or the path of a checkpoint.
        fractions: compositions of the structures, (n, 94).
    """
    present = [SYMBOLS[i] for i in np.flatnonzero((fractions > 0).any(axis=0))]
    if model_name in MODELS:
        if model_name in _ABSENT:
            return [symbol for symbol in present if symbol in _ABSENT[model_name]]
        atomref = atomref_of(model_name)
        return [symbol for symbol in present if abs(atomref[INDEX[symbol]]) < _NOTHING]
    seen = read_extra(Path(model_name)).get("elements")
    return [] if seen is None else [symbol for symbol in present if symbol not in seen]


def never_seen_text(elements: Iterable[str]) -> str:
    """Return one sentence on elements that training never saw; empty for none."""
    names = ", ".join(elements)
    return (
        f"This model's training frames hold no {names}; its energies and forces there are those of "
        "the model it started from, or unknown."
        if names
        else ""
    )
