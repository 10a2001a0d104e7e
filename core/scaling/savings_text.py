"""Frames saved and crossings in words, for the page and the command line."""

import math
from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from core.intervals import NOT_DETERMINED, spans
from core.scaling.analysis import Pair
from core.scaling.extrapolation import FACTOR
from core.scaling.plan_text import BY_THIS_SWEEP, count, interval


def saving_text(row: Mapping[Hashable, Any]) -> tuple[str, str]:
    """Return how many times fewer frames a method needs, as far as an interval tells.

    Args:
        row: a row of `frames_saved`.

    Returns:
        The number, such as "3.2 × fewer" or "not determined", and its interval in a sentence, empty
        where there is none.
    """
    ratio, low, high = row["ratio"], row["ratio_low"], row["ratio_high"]
    if math.isnan(ratio) or math.isnan(low):
        return NOT_DETERMINED, ""
    if not spans(low, high):
        # One end may tell something all the same.
        if low > 1:
            return f"at least {low:.2g} × fewer", "The other end of the interval is not determined."
        return NOT_DETERMINED, "The 95 % interval leaves its order of magnitude open."
    if high < 1:
        return f"{1 / ratio:.2g} × more", f"95 %: {1 / high:.2g} to {1 / low:.2g} times more."
    sentence = f"95 %: {low:.2g} to {high:.2g} times fewer."
    if low <= 1:
        return "no clear difference", f"{sentence} The difference is not larger than chance."
    return f"{'at least ' if row['at_least'] else ''}{ratio:.2g} × fewer", sentence


def crossing_sentences(table: pd.DataFrame, pair: Pair, unit: str) -> list[str]:
    """Return where the laws of two methods cross, as far as their intervals tell.

    Args:
        table: as `core.scaling.savings.crossing` returns it.
        pair: the two methods.
        unit: unit of the errors.
    """
    if table.empty:
        where = f"over the sizes fitted to both, nor up to {FACTOR} times the largest"
        return [f"the laws do not cross {where}."]
    first, second = pair
    sentences = []
    for row in table.to_dict("records"):
        if not spans(row["low"], row["high"]):
            sentences.append(f"where the laws cross is {BY_THIS_SWEEP}.")
            continue
        ends = interval(row["n_frames"], row["low"], row["high"])
        better = first if row["a_better_beyond"] else second
        outside = "" if row["inside"] else " This is extrapolated: it lies beyond the sizes fitted."
        sentences.append(
            f"the laws cross at about {count(row['n_frames'])} frames (95 %: {ends}) and "
            f"{row['error']:.3g} {unit}; with more, {better} is better.{outside}"
        )
    return sentences
