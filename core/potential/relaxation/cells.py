"""A cell before and after a relaxation, in numbers."""

import numpy as np
import pandas as pd
from ase.cell import Cell

from core.frames.schema import Frame

_NAMES = ("a (Å)", "b (Å)", "c (Å)", "α (°)", "β (°)", "γ (°)", "Volume per atom (Å³)")


def cell_table(given: Frame, relaxed: Frame | None = None) -> pd.DataFrame:
    """Return lengths, angles and volume per atom: quantity, given, relaxed, change (relative).

    Args:
        given: the structure before.
        relaxed: after; None leaves the columns relaxed and change empty.
    """
    before = _cell(given)
    after = np.full(len(before), np.nan) if relaxed is None else _cell(relaxed)
    return pd.DataFrame(
        {"quantity": _NAMES, "given": before, "relaxed": after, "change": after / before - 1}
    )


def _cell(frame: Frame) -> np.ndarray:
    cell = Cell(frame.lattice)
    return np.append(cell.cellpar(), abs(cell.volume) / len(frame))
