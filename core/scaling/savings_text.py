"""Frames saved and crossings in words, for the page and the command line."""

import math
from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from core.intervals import NOT_DETERMINED, spans
from core.scaling.analysis import Pair
from core.scaling.extrapolation import FACTOR, holds
from core.scaling.law import Law
from core.scaling.plan_text import BY_THIS_SWEEP, count, interval


def answer_text(
    better: Law, worse: Law, pair: Pair, row: Mapping[Hashable, Any]
) -> tuple[str, str]:
    """Return how many fewer frames the first of a pair of methods needs.

    Args:
        better: law of the first method.
        worse: law of the second.
        pair: the two methods.
        row: a row of `frames_saved`.

    Returns:
        A number, such as "3.2 × fewer" or "not determined", and a sentence.
    """
    error, n_better, n_worse = row["error"], row["n_better"], row["n_worse"]
    if worse.smallest_error <= error:
        return NOT_DETERMINED, (
            f"{pair[1].capitalize()} is better than this already with the smallest size fitted, "
            f"{worse.smallest:,.0f} frames."
        )
    if math.isnan(n_better):
        return NOT_DETERMINED, (
            f"{pair[0].capitalize()} does not reach this error within {FACTOR} times its largest "
            f"size, {better.largest:,.0f} frames."
        )
    if math.isnan(n_worse):
        if n_better > worse.largest:
            return NOT_DETERMINED, (
                f"{pair[1].capitalize()} does not reach this error within {FACTOR} times its "
                f"largest size, {worse.largest:,.0f} frames."
            )
        # The sizes that were trained bound the ratio, whatever the law does beyond.
        most = max(better.frames_interval(error)[1], better.smallest)
        upper = f"95 %: at most {count(most)}" if holds(better, most) else "at most: not determined"
        ratio = worse.largest / most
        number = f"at least {ratio:.2g} × fewer" if ratio > 1 else NOT_DETERMINED
        return number, (
            f"{pair[0].capitalize()} reaches this error with {count(n_better)} frames ({upper}), "
            f"{pair[1]} not with {worse.largest:,.0f}, nor by its law with {FACTOR} times as many."
        )
    number, interval = _ratio_text(row)
    if row["at_least"]:
        return number, (
            f"{pair[0].capitalize()} is better than this already with the smallest size fitted, "
            f"{n_better:,.0f} frames; {pair[1]} needs {count(n_worse)}. {interval}"
        )
    text = f"{count(n_better)} instead of {count(n_worse)} frames. {interval}"
    return number, text if row["inside"] else f"{text} Extrapolated by up to {FACTOR} times."


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


def _ratio_text(row: Mapping[Hashable, Any]) -> tuple[str, str]:
    """Return how many times fewer, as far as an interval tells, and the interval in a sentence."""
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
