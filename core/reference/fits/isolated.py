"""Energies of isolated atoms among the frames of a data set."""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from core.elements import SYMBOLS
from core.errors import LabError
from core.frames.schema import Frame, Structures
from core.frames.store import FrameSet
from core.frames.tables.structures import REACH

ISOLATED = "isolated"
"""Stands for the isolated atoms of a data set where reference energies are named."""


def is_isolated(frame: Frame) -> bool:
    """Return whether a frame is one atom that has no image within 6 Å."""
    if len(frame) != 1:
        return False
    steps = np.array([step for step in product((-1, 0, 1), repeat=3) if any(step)])
    return bool(np.linalg.norm(steps @ frame.lattice, axis=1).min() >= REACH)


def has_isolated_atoms(frame_set: FrameSet) -> bool:
    """Return whether any frame is an isolated atom."""
    rows = np.flatnonzero(frame_set.n_atoms() == 1)
    return any(is_isolated(frame) for frame in frame_set.frames(rows))


def isolated_rows(frame_set: FrameSet, rows: NDArray[np.integer]) -> NDArray[np.integer]:
    """Return those of some rows whose frames are isolated atoms."""
    ones: NDArray[np.integer] = rows[frame_set.n_atoms()[rows] == 1]
    alone = np.array([is_isolated(frame) for frame in frame_set.frames(ones)], dtype=bool)
    isolated: NDArray[np.integer] = ones[alone]
    return isolated


def isolated_energies(
    structures: Structures,
    fractions: NDArray[np.float64],
    energies: NDArray[np.float64],
    *,
    rows: NDArray[np.integer] | None = None,
    name: str,
) -> dict[str, float]:
    """Return the energy of each element's isolated atom; of several frames the lowest.

    Args:
        structures: the data set.
        fractions: composition fractions (n, 94) of the rows.
        energies: total energies (n,) of the rows, eV/atom; NaN where missing.
        rows: row numbers in the data set (n,); None for all.
        name: name of the data set in the message.

    Returns:
        eV by symbol.

    Raises:
        LabError: if there is no isolated atom with an energy.
    """
    places = np.flatnonzero((fractions.max(axis=1) == 1) & np.isfinite(energies))
    taken = places if rows is None else np.asarray(rows)[places]
    found: dict[str, float] = {}
    for place, row in zip(places, taken, strict=True):
        # One at a time: a large data set has many frames of pure elements.
        (frame,) = structures.frames([int(row)])
        if frame is None or not is_isolated(frame):
            continue
        symbol = SYMBOLS[int(frame.atomic_numbers[0]) - 1]
        found[symbol] = min(found.get(symbol, np.inf), float(energies[place]))
    if not found:
        raise LabError(
            f"{name} holds no isolated atom with an energy (one atom, {REACH:g} Å or more from "
            "its images); add such frames, or give a file of reference energies."
        )
    return found
