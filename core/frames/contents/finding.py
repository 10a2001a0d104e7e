"""Structures of a data set by formula or chemical system."""

import re

import numpy as np

from core.elements import INDEX, N_ELEMENTS, SYMBOLS, fractions_from_formula
from core.errors import LabError
from core.frames.contents.filters import elements_in
from core.frames.pairs import PairSet
from core.frames.store import FrameSet

_SAME = 1e-3
"""Fraction of atoms by which equal compositions differ at most."""

_SEPARATOR = re.compile(r"[\s,;–-]")


def rows_of_formula(data: FrameSet | PairSet, text: str) -> np.ndarray:
    """Return the rows with a structure of a composition, or of a chemical system, (m,) integers.

    Args:
        data: frames or pairs.
        text: a formula such as LiFePO4 or Fe4O6, or a system such as Li-Fe-O.

    Raises:
        LabError: if it is neither, or nothing is found.
    """
    text = text.strip()
    fractions = data.fractions()
    if _SEPARATOR.search(text):
        wanted = np.zeros(N_ELEMENTS, dtype=bool)
        wanted[[INDEX[symbol] for symbol in elements_in(text)]] = True
        found = ((fractions > 0) == wanted).all(axis=1)
        what = "in the chemical system"
    else:
        found = (np.abs(fractions - fractions_from_formula(text)) < _SAME).all(axis=1)
        what = "with the composition"
    if isinstance(data, PairSet):
        found &= data.structure_flags()
    if not found.any():
        near = _near(fractions, text)
        raise LabError(
            f"{data.card.name} holds no structure {what} {text}{near}; paste or upload a structure."
        )
    return np.flatnonzero(found)


def _near(fractions: np.ndarray, text: str) -> str:
    """Return how many structures have the elements of a formula, in words."""
    if _SEPARATOR.search(text):
        return ""
    wanted = fractions_from_formula(text) > 0
    n = int(((fractions > 0) == wanted).all(axis=1).sum())
    system = "-".join(SYMBOLS[i] for i in np.flatnonzero(wanted))
    return f", but {n:,} in {system}" if n else ""
