"""How many fewer frames one method needs than another at equal error."""

from collections.abc import Hashable, Mapping
from math import isfinite
from typing import Any

import streamlit as st

from core.figures.base.theme import OTHER_COLOR, method_color
from core.figures.scaling.savings import Saving, savings
from core.scaling.analysis import Pair, ScalingAnalysis
from core.scaling.extrapolation import FACTOR
from pages.parts.scaling.words import name_of, provenance_of
from pages.parts.shared.figure import show
from pages.parts.shared.page import is_dark, plain

_MOST_TIMES = 1e6
"""Ends of intervals beyond it say only that nothing is known."""


def show_savings(analysis: ScalingAnalysis) -> None:
    """Show the view."""
    if analysis.results is None:
        st.info(
            "This view compares two methods of a sweep, and a table of points holds one method: "
            "choose a sweep above."
        )
        return
    if not analysis.pairs:
        st.info(
            "This view compares two methods, and fewer than two of scratch, refit and residual "
            "have a law here: see the view Curves for the reasons, or add a method to the sweep."
        )
        return
    error = _choose_error(analysis)
    for pair, column in zip(analysis.pairs, st.columns(len(analysis.pairs)), strict=True):
        with column:
            _answer(analysis, pair, error)
    lines = [
        Saving(
            name=f"{pair[0]} instead of {pair[1]}",
            color=OTHER_COLOR if pair == ("residual", "refit") else method_color(pair[0]),
            table=analysis.near(pair, table),
        )
        for pair, table in analysis.savings.items()
    ]
    show(
        savings(lines, title=analysis.title, unit=analysis.unit, dark=is_dark()),
        name="frames-saved",
        caption="At each error, the frames that the other method needs over those that this one "
        "needs. Solid: both numbers lie within the fitted sizes. Dotted: this method is better "
        "already with the smallest of them, so the ratio is a lower bound. Dashed: a law is "
        f"extrapolated, by a factor of {FACTOR} at most; nothing is drawn beyond. Below one, the "
        "method needs more frames.",
        source=provenance_of(analysis),
        table=analysis.savings_table,
    )
    st.markdown("**Crossings**")
    for pair in analysis.pairs:
        st.markdown(plain(_crossings(analysis, pair)))


def _choose_error(analysis: ScalingAnalysis) -> float:
    lowest, highest = analysis.error_range
    typical = analysis.typical_error
    value = st.number_input(
        f"{analysis.title} to reach, {analysis.unit}",
        min_value=lowest / 100,
        max_value=highest * 100,
        value=float(f"{typical:.2g}"),
        step=float(f"{typical / 10:.1g}"),
        format="%.4g",
        key=f"wanted-{analysis.metric}-{analysis.split}",
        bind="query-params",
        width=320,
        help="Any error; beyond those reached in training, laws are extrapolated.",
    )
    return float(value)


def _answer(analysis: ScalingAnalysis, pair: Pair, error: float) -> None:
    table = analysis.saved(pair, [error])
    (row,) = table.to_dict("records")
    number, sentence = _words(analysis, pair, row, near=len(analysis.near(pair, table)) > 0)
    st.metric(
        f"{pair[0].capitalize()} instead of {pair[1]}",
        number,
        border=True,
        help=f"{name_of(pair[0])} compared with {name_of(pair[1])} at {error:g} {analysis.unit}.",
    )
    st.caption(plain(sentence))


def _words(
    analysis: ScalingAnalysis, pair: Pair, row: Mapping[Hashable, Any], *, near: bool
) -> tuple[str, str]:
    """Return a number and a sentence on how many fewer frames the first of a pair needs."""
    better, worse = (analysis.laws[method] for method in pair)
    n_better, n_worse = row["n_better"], row["n_worse"]
    if n_better > better.largest * FACTOR:
        return "–", (
            f"{pair[0].capitalize()} does not reach this error within {FACTOR} times its largest "
            f"size, {better.largest:,.0f} frames."
        )
    if n_worse < worse.smallest / FACTOR or (row["at_least"] and n_worse < worse.smallest):
        return "–", (
            f"{pair[1].capitalize()} is better than this already with the smallest size fitted, "
            f"{worse.smallest:,.0f} frames."
        )
    interval = f"95 %: {_end(row['ratio_low'])} to {_end(row['ratio_high'])} times fewer."
    if not near:
        # The sizes that were trained bound the ratio, whatever the law does beyond.
        return f"at least {worse.largest / n_better:.3g} × fewer", (
            f"{pair[0].capitalize()} reaches this error with {n_better:,.0f} frames, {pair[1]} not "
            f"with {worse.largest:,.0f}, nor by its law with {FACTOR} times as many."
        )
    if row["at_least"]:
        return f"at least {row['ratio']:.3g} × fewer", (
            f"{pair[0].capitalize()} is better than this already with the smallest size fitted, "
            f"{n_better:,.0f} frames; {pair[1]} needs {n_worse:,.0f}. {interval}"
        )
    text = f"{n_better:,.0f} instead of {n_worse:,.0f} frames. {interval}"
    ratio = row["ratio"]
    number = f"{ratio:.3g} × fewer" if ratio >= 1 else f"{1 / ratio:.3g} × more"
    return number, text if row["inside"] else f"{text} Extrapolated by up to {FACTOR} times."


def _end(value: float) -> str:
    if value > _MOST_TIMES:
        return "any number of"
    return f"{value:.3g}" if value > 1 / _MOST_TIMES else "0"


def _crossings(analysis: ScalingAnalysis, pair: Pair) -> str:
    first, second = pair
    start = f"{first.capitalize()} and {second}: "
    table = analysis.crossings[pair]
    if table.empty:
        return f"{start}the laws do not cross, even a thousand times beyond the sizes fitted."
    return start + " ".join(
        f"the laws cross at {row['n_frames']:,.0f} frames (95 %: {_size(row['low'])} to "
        f"{_size(row['high'])}) and {float(format(row['error'], '.3g')):,g} {analysis.unit}; with "
        f"more, {first if row['a_better_beyond'] else second} is better"
        + ("." if row["inside"] else ". This is extrapolated: it lies beyond the sizes fitted.")
        for row in table.to_dict("records")
    )


def _size(n_frames: float) -> str:
    if not n_frames:
        return "none"
    return f"{n_frames:,.0f}" if isfinite(n_frames) else "never"
