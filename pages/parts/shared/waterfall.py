"""The waterfall of a model's error with better and better references, on two pages."""

from collections.abc import Mapping

import streamlit as st

from core.frames.provenance import Provenance
from core.reference.shifts.model_offset import step_table
from core.report.offset import waterfall_of
from pages.parts.shared.figure import show
from pages.parts.shared.page import is_dark

_drawn = st.cache_resource(max_entries=32, show_spinner=False)(waterfall_of)


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
        _drawn(dict(errors), unit=unit, dark=is_dark()),
        name=name,
        caption=caption,
        source=source,
        table=lambda: step_table(errors, unit=unit),
    )
