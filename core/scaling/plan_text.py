"""Tables of a plan as text, for the page and the command line."""

import math

import pandas as pd

from core.scaling.planner import LIKELY, DataPlan

_LARGE = 1e9
_ROUNDED = 1e5
"""Larger numbers are rounded to three digits; a law knows no more."""


def count(value: float) -> str:
    """Return a number of frames or core-hours, which may be infinite, as text."""
    if math.isinf(value):
        return "never"
    if value >= _LARGE:
        return "over a billion"
    return f"{value if value < _ROUNDED else float(format(value, '.3g')):,.0f}"


def interval(low: float, high: float) -> str:
    """Return an interval of such numbers as text."""
    return f"{count(low)} to {count(high)}"


def money(value: float, currency: str) -> str:
    """Return an amount of money, which may be infinite or unknown, as text."""
    if math.isnan(value):
        return "–"
    return "never" if math.isinf(value) else f"{value:,.0f} {currency}".strip()


def plan_text(plan: DataPlan) -> pd.DataFrame:
    """Return `DataPlan.table` for reading; the column Money is there where a price is known."""
    table = plan.table()
    text = pd.DataFrame(
        {
            "Method": table["method"],
            "Training frames": table["frames"].map(count),
            "95 % interval": list(map(interval, table["frames_low"], table["frames_high"])),
            f"For {LIKELY:.0%}": table["frames_likely"].map(count),
            "To compute": table["to_compute"].map(count),
            "Core-hours": table["core_hours"].map(count),
            "Money": [money(value, plan.cost.currency) for value in table["money"]],
            "Probability": table["probability"].map(_percent),
            "× largest": table["extrapolated"].map(_multiple),
            "Note": table["note"],
        }
    )
    return text if plan.cost.price else text.drop(columns="Money")


def budget_text(table: pd.DataFrame, unit: str) -> pd.DataFrame:
    """Return `DataPlan.budget` for reading, with errors in a unit."""
    return pd.DataFrame(
        {
            "Method": table["method"],
            f"Error, {unit}": table["error"].map(_digits),
            "95 % interval": [
                f"{_digits(low)} to {_digits(high)}"
                for low, high in zip(table["error_low"], table["error_high"], strict=True)
            ],
            "Probability of the target": table["probability"].map(_percent),
            "× largest": table["extrapolated"].map(_multiple),
        }
    )


def extrapolation_text(table: pd.DataFrame, unit: str) -> pd.DataFrame:
    """Return `ScalingAnalysis.extrapolation_table` for reading, with errors in a unit."""
    return pd.DataFrame(
        {
            "Method": table["method"],
            "Frames": table["n_frames"].map(count),
            f"Actual error, {unit}": table["seen"].map(_digits),
            "Predicted": table["predicted"].map(_digits),
            "Deviation": table["relative_error"].map("{:+.0%}".format),
            "Frames for the actual error": table["frames"].map(count),
            "95 % interval": list(map(interval, table["frames_low"], table["frames_high"])),
        }
    )


def _digits(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3g}"


def _percent(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.0%}"


def _multiple(value: float) -> str:
    """Return how far a number of frames lies beyond the largest size trained at."""
    if math.isinf(value):
        return "–"
    return "within" if value <= 1 else f"{value:,.1f}×"
