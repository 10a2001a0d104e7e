"""Words that the tables of a plan have in common."""

import numpy as np

from core.runs.results.comparison import method_label
from core.scaling.planner import Cost
from core.training.settings.methods import METHODS

_MANY = 1e9
_ROUGH = 1e5
"""From here on three digits are more than a law knows."""


def name_of(method: str) -> str:
    """Return what a method, or a table of points, is called."""
    return method_label(method) if method in METHODS else "Your points"


def count(value: float) -> str:
    """Write a number of frames or core-hours that may be infinite, or beyond all sense."""
    if np.isinf(value):
        return "never"
    if value >= _MANY:
        return "over a billion"
    return f"{value if value < _ROUGH else float(format(value, '.3g')):,.0f}"


def between(low: float, high: float) -> str:
    """Write an interval of such numbers."""
    return f"{count(low)} to {count(high)}"


def times(value: float) -> str:
    """Write how far beyond the largest size a number of frames lies."""
    if np.isinf(value):
        return "–"
    return "within" if value <= 1 else f"{value:,.1f}×"


def money(value: float, cost: Cost) -> str:
    """Write an amount in the cost's currency."""
    if np.isnan(value):
        return "–"
    return "never" if np.isinf(value) else f"{value:,.0f} {cost.currency}".strip()
