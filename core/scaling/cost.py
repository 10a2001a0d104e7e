"""Cost of a reference calculation, in core-hours and money."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from core.errors import LabError


@dataclass(kw_only=True, frozen=True, slots=True)
class Cost:
    """Cost of a calculation; one calculation is one frame.

    Attributes:
        hours: core-hours per calculation, or None.
        per_atom3: core-hours per atom³, for codes whose time rises with the cube of the number of
            atoms, or None.
        price: money per core-hour, or None to leave money out.
        currency: currency of the price.

    Raises:
        LabError: if not exactly one of `hours` and `per_atom3` is given, or a number is not above
            0.
    """

    hours: float | None = None
    per_atom3: float | None = None
    price: float | None = None
    currency: str = ""

    def __post_init__(self) -> None:
        if (self.hours is None) == (self.per_atom3 is None):
            raise LabError(
                "A calculation costs either a fixed number of core-hours or a coefficient times "
                "atoms³; give one of the two."
            )
        for name, value in (
            ("Core-hours per calculation", self.hours),
            ("Core-hours per atom³", self.per_atom3),
            ("The price of a core-hour", self.price),
        ):
            if value is not None and not (math.isfinite(value) and value > 0):
                raise LabError(f"{name} must be a number above 0; {value:g} is not.")

    def hours_each(self, n_atoms: ArrayLike) -> np.ndarray:
        """Return the core-hours of calculations with these numbers of atoms, (m,)."""
        atoms = np.asarray(n_atoms, dtype=float)
        if self.per_atom3 is not None:
            return self.per_atom3 * atoms**3
        return np.full(atoms.shape, self.hours, dtype=float)

    def mean_hours(self, n_atoms: ArrayLike) -> float:
        """Return the mean core-hours of a calculation on frames with these atoms, (m,)."""
        if np.size(n_atoms) == 0:
            raise LabError("No frame says how large a cell is; choose data with structures.")
        return float(self.hours_each(n_atoms).mean())

    def money(self, hours: float) -> float:
        """Return the price of core-hours; NaN without a price per core-hour."""
        return math.nan if self.price is None else hours * self.price

    @property
    def arguments(self) -> list[str]:
        """The same as options of the command `plan`."""
        costs = {"--hours": self.hours, "--atoms3": self.per_atom3}
        words = [w for name, value in costs.items() if value for w in (name, f"{value:g}")]
        if self.price:
            words += ["--price", f"{self.price:g}", "--currency", self.currency]
        return words
