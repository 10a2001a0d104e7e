"""The two quantities that the views of the Energy shifts page show: shift and residual."""

import streamlit as st

from core.report.shifts import QUANTITIES
from pages.parts.shared.views import one_of


def choose_quantity() -> str:
    """Show the switch between the shift and its residual."""
    return one_of(
        st,
        "Of",
        list(QUANTITIES),
        format_func=QUANTITIES.__getitem__,
        default="shift",
        key="of",
        wrap=True,
        help="Shift: target minus source total energy. Residual: what remains of it after each "
        "functional's own least-squares AtomRef is subtracted. With elements selected, the page "
        "says which pairs AtomRef is fitted to.",
    )
