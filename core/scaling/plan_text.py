"""A plan in words and tables, for the page and the command line."""

import math
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

import pandas as pd

from core.intervals import NOT_DETERMINED, significant, spans
from core.scaling.extrapolation import FACTOR
from core.scaling.planner import LIKELY, DataPlan

BY_THIS_SWEEP = f"{NOT_DETERMINED} by this sweep"


def count(value: float) -> str:
    """Return a number of frames or core-hours with two digits; a law knows no more."""
    if not math.isfinite(value):
        return NOT_DETERMINED
    rounded = significant(value)
    return f"{rounded:,.0f}" if rounded >= 10 else f"{rounded:g}"


def interval(value: float, low: float, high: float) -> str:
    """Return the interval of such a number as text: one end alone where the other is open."""
    if spans(low, high):
        return f"{count(low)} to {count(high)}"
    return f"{count(low)} or more" if spans(low, value) else NOT_DETERMINED


def money(value: float, currency: str) -> str:
    """Return an amount of money, which may be unknown, as text."""
    return "–" if math.isnan(value) else f"{value:,.0f} {currency}".strip()


def headline(plan: DataPlan, unit: str, name_of: Callable[[str], str] = str) -> list[str]:
    """Return the answer of a plan in sentences: what is enough, and which method needs least.

    Args:
        plan: the plan.
        unit: unit of the target.
        name_of: returns the name of a method.
    """
    rows = {row["method"]: row for row in plan.table().to_dict("records")}
    best, others = plan.verdict()
    target = f"{plan.target:g} {unit}".strip()
    met = [method for method in plan.laws if plan.untrained.get(method, math.inf) <= plan.target]
    sentences = [
        f"{name_of(method)} meets {target} already without training: "
        f"{plan.untrained[method]:.3g} {unit} with the AtomRef of the largest training set."
        for method in met
    ]
    if not best:
        reasons = [f"{name_of(method)}: {rows[method]['note']}" for method in plan.laws]
        return [
            *sentences,
            f"How many frames reach {target} is {BY_THIS_SWEEP}.",
            *([] if met else reasons),
        ]
    row = rows[best[0]]
    if row["reach"] == "at most":
        first = [method for method in best if rows[method]["reach"] == "at most"]
        if not set(first) <= set(met):
            sentences.append(
                f"{_joined(map(name_of, first))} {'meets' if len(first) == 1 else 'meet'} {target} "
                f"already with the smallest size fitted, {row['frames']:,.0f} training frames; "
                "fewer may do."
            )
    else:
        first = best[:1]
        ends = interval(row["frames"], row["frames_low"], row["frames_high"])
        sentences.append(
            f"{name_of(first[0])} reaches {target} with about {count(row['frames'])} training "
            f"frames (95 % interval: {ends})."
        )
    sentences.append(_enough(plan, row))
    if tied := [method for method in best if method not in first]:
        sentences.append(
            f"Whether {_joined(map(name_of, tied), 'or')} needs more is {BY_THIS_SWEEP}."
        )
    if others:
        more = [_compared(rows[method], row, name_of) for method in others]
        sentences.append(f"{_joined(more)} {'needs' if len(others) == 1 else 'need'} more.")
    return sentences


def _compared(
    other: Mapping[Hashable, Any], best: Mapping[Hashable, Any], name_of: Callable[[str], str]
) -> str:
    """Return a method's name, with the factor by which it needs more frames where it is known."""
    name = name_of(other["method"])
    if not other["reach"] == best["reach"] == "known":
        return name
    return f"{name} ({significant(other['frames'] / best['frames']):g} times as many)"


def _enough(plan: DataPlan, row: Mapping[Hashable, Any]) -> str:
    likely = row["frames_likely"]
    if math.isnan(likely):
        return (
            f"How many are enough, with a probability of {LIKELY:.0%}, is {BY_THIS_SWEEP}: more "
            f"than {FACTOR} times the largest size."
        )
    start = f"{count(likely)} are enough, with a probability of {LIKELY:.0%}"
    if row["enough"]:
        return f"{start}; {plan.have:,} exist, so nothing needs to be computed."
    price = ""
    if plan.cost.price:
        price = f", {money(significant(row['money_likely']), plan.cost.currency)}"
    besides = f" besides the existing {plan.have:,}" if plan.have else ""
    return (
        f"{start}: {count(row['to_compute_likely'])} calculations{besides}, "
        f"{count(row['core_hours_likely'])} core-hours{price}."
    )


def _joined(names: Iterable[str], word: str = "and") -> str:
    *start, last = names
    return f"{', '.join(start)} {word} {last}" if start else last


def plan_text(plan: DataPlan) -> pd.DataFrame:
    """Return `DataPlan.table` for reading; the column Money is there where a price is known."""
    table = plan.table()
    at_most = table["reach"] == "at most"
    text = pd.DataFrame(
        {
            "Method": table["method"],
            "Training frames": [
                f"at most {frames:,.0f}" if met else count(frames)
                for frames, met in zip(table["frames"], at_most, strict=True)
            ],
            "95 % interval": [
                "–" if not known else interval(*ends)
                for known, *ends in zip(
                    table["reach"] == "known",
                    *(table[f"frames{end}"] for end in ("", "_low", "_high")),
                    strict=True,
                )
            ],
            f"Enough ({LIKELY:.0%})": table["frames_likely"].map(_known),
            "To compute": table["to_compute_likely"].map(_known),
            "Core-hours": table["core_hours_likely"].map(_known),
            "Money": [
                money(value if math.isnan(value) else significant(value), plan.cost.currency)
                for value in table["money_likely"]
            ],
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
                NOT_DETERMINED if math.isnan(low) else f"{_digits(low)} to {_digits(high)}"
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
            "Frames": table["n_frames"].map("{:,.0f}".format),
            f"Actual error, {unit}": table["seen"].map(_digits),
            "Predicted": table["predicted"].map(_digits),
            "Deviation": table["relative_error"].map("{:+.0%}".format),
            "Frames for the actual error": table["frames"].map(count),
            "95 % interval": list(
                map(interval, table["frames"], table["frames_low"], table["frames_high"])
            ),
        }
    )


def _known(value: float) -> str:
    """Return a number that follows from another one: a dash where that is not determined."""
    return "–" if math.isnan(value) else count(value)


def _digits(value: float) -> str:
    return NOT_DETERMINED if math.isnan(value) else f"{significant(value, 3):g}"


def _percent(value: float) -> str:
    return NOT_DETERMINED if math.isnan(value) else f"{value:.0%}"


def _multiple(value: float) -> str:
    """Return how far a number of frames lies beyond the largest size trained at."""
    if math.isnan(value):
        return "–"
    return "within" if value <= 1 else f"{value:,.1f}×"
