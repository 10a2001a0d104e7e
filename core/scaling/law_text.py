"""Parameters of a law with their intervals as text, for the page and the command line."""

from core.intervals import NOT_DETERMINED, around
from core.scaling.law import Law

_EXPONENT = 0.5
"""An exponent known to no better than ± 0.5 may be any that occurs."""


def exponent_text(law: Law) -> str:
    """Return the exponent with its 95 % interval."""
    low, high = law.exponent_interval()
    if not around(law.exponent, (high - low) / 2, scale=_EXPONENT):
        return NOT_DETERMINED
    return f"{law.exponent:.2f}  [{low:.2f}, {high:.2f}]".replace("-", "−")


def floor_text(law: Law) -> str:
    """Return the floor with its 95 % interval, in the law's unit."""
    low, high = law.floor_interval()
    if not around(law.floor, (high - low) / 2, scale=0.0):
        return NOT_DETERMINED
    return f"{law.floor:,.3g}  [{low:,.3g}, {high:,.3g}]"
