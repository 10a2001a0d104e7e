"""How long it takes to judge a model's stability; imports no torch."""

import numpy as np
from numpy.typing import NDArray

from core.frames.store import FrameSet
from core.stability.phases import of_materials, phases_of, with_their_systems

_SECONDS_PER_ATOM = {"static": 1e-3, "relaxed": 2e-2}
"""On one core of the reference machine; a relaxation takes some twenty steps."""

_ATOMS = 20
"""Of an ordinary structure."""


def seconds_per_structure(*, relaxed: bool) -> float:
    """Return roughly how long a model's energy of one structure takes whose size is not known.

    Args:
        relaxed: whether it is relaxed.
    """
    return _ATOMS * _SECONDS_PER_ATOM["relaxed" if relaxed else "static"]


def stability_seconds(data: FrameSet, rows: NDArray[np.integer], *, relaxed: bool) -> float:
    """Return roughly how long a model's energies of some materials and their systems take.

    Args:
        data: labelled frames.
        rows: rows of it whose materials are scored.
        relaxed: whether each structure is relaxed.
    """
    phases = phases_of(data)
    scored = of_materials(phases, data, rows)
    taking_part = phases.rows[with_their_systems(phases.fractions, scored)]
    n_atoms = int(data.n_atoms()[taking_part].sum())
    return n_atoms * _SECONDS_PER_ATOM["relaxed" if relaxed else "static"]
