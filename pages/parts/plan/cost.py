"""The controls for the cost of a calculation, which two views share."""

import streamlit as st

from core.scaling.cost import Cost
from pages.parts.shared.views import one_of

KINDS = {"hours": "Same for each", "atoms3": "By atoms³"}


def choose_cost() -> Cost:
    """Show the controls for the cost of a calculation."""
    left, middle, right, end = st.columns([3, 2, 2, 2], vertical_alignment="bottom")
    kind = one_of(
        left,
        "Cost of a calculation",
        list(KINDS),
        format_func=KINDS.__getitem__,
        default="hours",
        key="cost",
        wrap=True,
        help="One calculation labels one frame. For large cells the time of plane-wave codes rises "
        "with about the cube of the number of atoms; logs of your own calculations give either "
        "number.",
    )
    hours = per_atom3 = None
    if kind == "hours":
        hours = middle.number_input(
            "Core-hours each",
            min_value=0.001,
            max_value=1e6,
            value=20.0,
            step=1.0,
            format="%g",
            key="hours",
            bind="query-params",
            help="Of one calculation of the frames to come, on average.",
        )
    else:
        per_atom3 = middle.number_input(
            "Core-hours per atom³",
            min_value=1e-9,
            max_value=1e3,
            value=0.01,
            format="%g",
            key="atoms3",
            bind="query-params",
            help="0.01 means 10 core-hours for 10 atoms and 80 for 20.",
        )
    price = right.number_input(
        "Price per core-hour",
        min_value=0.0,
        max_value=1e6,
        value=0.0,
        format="%g",
        key="price",
        bind="query-params",
        help="0 leaves money out.",
    )
    currency = end.text_input(
        "Currency",
        value="€",
        max_chars=8,
        key="currency",
        bind="query-params",
        disabled=not price,
        help="Only a word beside the costs.",
    )
    return Cost(
        hours=hours,
        per_atom3=per_atom3,
        price=price or None,
        currency=currency if price else "",
    )
