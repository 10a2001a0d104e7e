"""What a calculation costs: controls that two views share."""

import streamlit as st

from core.scaling.planner import Cost

KINDS = {"hours": "Same for each", "atoms3": "By atoms³"}


def choose_cost() -> tuple[Cost, list[str]]:
    """Let the reader say what a calculation costs.

    Returns:
        The cost, and the same as options of `plan`.
    """
    left, middle, right, end = st.columns([3, 2, 2, 2], vertical_alignment="bottom")
    kind = left.segmented_control(
        "Cost of a calculation",
        list(KINDS),
        format_func=KINDS.__getitem__,
        default="hours",
        required=True,
        key="cost",
        bind="query-params",
        help="One calculation labels one frame. Plane-wave codes take about the cube of the number "
        "of atoms where cells are large; a few logs of your own give either number.",
    )
    price_box, currency_box = right, end
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
        )
        words = ["--hours", f"{hours:g}"]
    else:
        hours = None
        coefficient = middle.number_input(
            "Core-hours per atom³",
            min_value=1e-9,
            max_value=1e3,
            value=0.01,
            format="%g",
            key="atoms3",
            bind="query-params",
            help="0.01 makes 10 core-hours for 10 atoms and 80 for 20.",
        )
        words = ["--atoms3", f"{coefficient:g}"]
    price = price_box.number_input(
        "Price of a core-hour",
        min_value=0.0,
        max_value=1e6,
        value=0.0,
        format="%g",
        key="price",
        bind="query-params",
        help="0 leaves money out.",
    )
    currency = currency_box.text_input(
        "Currency", value="€", max_chars=8, key="currency", bind="query-params", disabled=not price
    )
    if price:
        words += ["--price", f"{price:g}", "--currency", currency]
    return (
        Cost(
            hours=hours,
            per_atom3=None if kind == "hours" else coefficient,
            price=price or None,
            currency=currency if price else "",
        ),
        words,
    )
