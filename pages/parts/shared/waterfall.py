"""The waterfall of a model's error with better and better references, on two pages."""

from collections.abc import Mapping

import plotly.graph_objects as go

from core.figures.base.theme import METHOD_COLORS, OTHER_COLOR
from core.figures.shifts.waterfall import Step, waterfall
from core.frames.provenance import Provenance
from core.reference.shifts.model_offset import STEPS, step_table
from pages.parts.shared.figure import show
from pages.parts.shared.page import is_dark

COLORS = {
    "as_is": METHOD_COLORS["frozen"],
    "constant": OTHER_COLOR,
    "atomref": METHOD_COLORS["refit"],
    "residual": METHOD_COLORS["residual"],
}
"""Colours of the methods that start from these references; none starts from a constant."""


def step_name(key: str) -> str:
    """Return the name of a set of references with a capital, as in a label."""
    return STEPS[key][0].upper() + STEPS[key][1:]


def waterfall_of(errors: Mapping[str, float], *, unit: str, dark: bool) -> go.Figure:
    """Draw the waterfall of energy errors; arguments as of `show_waterfall`."""
    steps = [Step(name=step_name(key), value=errors[key], color=COLORS[key]) for key in STEPS]
    return waterfall(steps, title="Energy MAE", unit=unit, dark=dark)


def show_waterfall(
    errors: Mapping[str, float], *, unit: str, name: str, caption: str, source: Provenance
) -> None:
    """Show the waterfall of energy errors.

    Args:
        errors: energy MAE by key of STEPS.
        unit: its unit.
        name: name of the figure, unique on the page.
        caption: one line on what to see.
        source: data and origin of the labels.
    """
    show(
        waterfall_of(errors, unit=unit, dark=is_dark()),
        name=name,
        caption=caption,
        source=source,
        table=lambda: step_table(errors, unit=unit),
    )
