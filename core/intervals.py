"""Intervals that say nothing: the one rule by which a number reads "not determined"."""

import math
from typing import Final

NOT_DETERMINED: Final = "not determined"

WIDEST: Final = 10.0
"""An interval of a positive quantity whose ends differ by a larger factor leaves its order of
magnitude open."""


def spans(low: float, high: float, *, widest: float = WIDEST) -> bool:
    """Return whether an interval determines a positive quantity, such as a number of frames.

    Args:
        low: lower end.
        high: upper end; may be infinite.
        widest: largest factor between the ends.
    """
    return 0 < low <= high < math.inf and high <= widest * low


def bounds(low: float, high: float) -> bool:
    """Return whether an interval of a ratio tells something: both ends, or that it is above 1."""
    return spans(low, high) or low > 1


def around(value: float, half_width: float, *, scale: float) -> bool:
    """Return whether an interval determines a quantity that may be zero, such as a reference.

    Its half-width must not exceed the value or, if that is larger, the scale of the quantity.

    Args:
        value: the estimate.
        half_width: half the width of its interval; NaN where there is none.
        scale: what counts as a large value, in the same unit.
    """
    return half_width <= max(abs(value), scale)


def significant(value: float, digits: int = 2) -> float:
    """Return a number rounded to significant digits."""
    return float(f"{value:.{digits - 1}e}")
