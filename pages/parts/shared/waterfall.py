"""The waterfall of a model's error with better and better references, on two pages."""

from collections.abc import Mapping

import plotly.graph_objects as go

from core.figures.base.theme import METHOD_COLORS, OTHER_COLOR
from core.figures.shifts.waterfall import Step, waterfall
from core.reference.shifts.model_offset import STEPS
from pages.parts.shared.page import is_dark

COLORS = {
    "as_is": METHOD_COLORS["frozen"],
    "constant": OTHER_COLOR,
    "atomref": METHOD_COLORS["refit"],
    "residual": METHOD_COLORS["residual"],
}
"""Of the methods that begin with these references; no method begins with a mere constant."""


def step_name(key: str) -> str:
    """Return the name of a set of references as a label begins: with a capital."""
    return STEPS[key][0].upper() + STEPS[key][1:]


def offset_waterfall(errors: Mapping[str, float], *, unit: str) -> go.Figure:
    """Return the waterfall of energy errors.

    Args:
        errors: Energy MAE by key of STEPS.
        unit: Its unit.
    """
    steps = [Step(name=step_name(key), value=errors[key], color=COLORS[key]) for key in STEPS]
    return waterfall(steps, title="Energy MAE", unit=unit, dark=is_dark())
