"""Ionic steps of a VASP calculation, as vasprun.xml and OUTCAR both give them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

KBAR_PER_EV_A3: Final = 1602.17733
"""Pressure of 1 eV/Å³ in kBar, by the constants that VASP computes P·V with."""

_GLUED: Final = re.compile(r"(?<=[0-9])-(?=[0-9.])")
"""Where a negative number fills its columns up to the number before it."""


class StepError(Exception):
    """Why a step cannot be a frame; the end of a sentence."""


@dataclass(kw_only=True, slots=True)
class Step:
    """One ionic step.

    Attributes:
        index: its place among the steps of the calculation, from 0.
        lattice: lattice vectors as rows, (3, 3), Å.
        frac_coords: fractional coordinates, (n, 3); None where `positions` are given.
        positions: Cartesian coordinates, (n, 3), Å; None where `frac_coords` are given.
        energy: the energy extrapolated to zero smearing, with dispersion, without P·V, eV.
        added: what the calculation added to the energy of its last electronic step, eV.
        forces: (n, 3), eV/Å.
        stress: (3, 3), kBar, with VASP's sign.
        magmoms: (n,), or (n, 3) where they are not collinear, μB.
        n_electronic: electronic steps.
        problem: why it cannot be a frame, None if it can.
        is_unconverged: whether its electronic loop ended without convergence.
        is_learned: whether VASP's machine-learned force field made it instead of DFT.
    """

    index: int
    lattice: np.ndarray | None = None
    frac_coords: np.ndarray | None = None
    positions: np.ndarray | None = None
    energy: float | None = None
    added: float = 0.0
    forces: np.ndarray | None = None
    stress: np.ndarray | None = None
    magmoms: np.ndarray | None = None
    n_electronic: int = 0
    problem: str | None = None
    is_unconverged: bool = False
    is_learned: bool = False


def rows_of(texts: Sequence[str], columns: int, what: str, *, begin: int = 0) -> np.ndarray:
    """Return rows of numbers as an array.

    Args:
        texts: one row each.
        columns: numbers of a row that are kept.
        what: name of the numbers, for the error.
        begin: numbers of a row that are dropped before these.

    Raises:
        StepError: if they are not finite numbers, as **** where they do not fit their columns.
    """
    end = begin + columns
    for text_of in (str, _unglued):
        try:
            rows = [text_of(text).split()[begin:end] for text in texts]
            array = np.array(rows, dtype=np.float64).reshape(-1, columns)
        except ValueError:
            continue
        if not np.isfinite(array).all():
            raise StepError(f"its {what} have values that are not finite")
        return array
    if any("*" in text for text in texts):
        raise StepError(f"its {what} have numbers that VASP wrote as ****")
    raise StepError(f"its {what} are not numbers")


def _unglued(text: str) -> str:
    return _GLUED.sub(" -", text)


def number_of(text: str) -> float:
    """Return a number, NaN where VASP wrote **** or nothing."""
    try:
        return float(text)
    except ValueError:
        return np.nan
