"""The two quantities that the views of the Energy shifts page show: shift and residual."""

import streamlit as st

from core.figures.base.canvas import Axis
from pages.parts.shared.views import one_of

QUANTITIES = {"shift": "Shift", "residual": "Residual after AtomRef"}


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


def axis_of(quantity: str) -> Axis:
    """Return the axis of a quantity."""
    return Axis(title=QUANTITIES[quantity], unit="eV/atom")
