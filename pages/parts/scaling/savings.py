"""How many fewer frames transfer needs than scratch, and residual than refit, at equal error."""

import math
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.figures.base.theme import OTHER_COLOR, method_color
from core.figures.scaling.savings import Saving, savings
from core.scaling.law import Law
from core.scaling.savings import COMPARED, crossing, frames_saved
from pages.parts.scaling.laws import LEVEL, REACH, Shown, name_of
from pages.parts.shared.figure import show
from pages.parts.shared.page import is_dark, plain

_GRID = 61
_MOST_TIMES = 1e6
"""Ends of intervals beyond it tell nothing but that nothing is known."""


def show_saved(shown: Shown) -> None:
    """Show the view."""
    pairs = [pair for pair in COMPARED if all(one in shown.laws for one in pair)]
    if shown.results is None:
        st.info(
            "Frames saved compare two methods of a sweep, and a table of points holds one: choose "
            "a sweep above."
        )
        return
    if not pairs:
        st.info(
            "Frames saved compare two methods, and fewer than two of scratch, refit and residual "
            "have a law here: see the view Curves for the reasons, or grow the sweep by a method."
        )
        return
    lowest, highest = _range(shown)
    errors = tuple(np.geomspace(lowest, highest, _GRID))
    tables = {pair: _saved(shown.key, pair, errors, shown.laws) for pair in pairs}
    _answers(shown, pairs, _wanted(shown, tables, lowest, highest))
    near = {pair: _near(table, pair, shown.laws) for pair, table in tables.items()}
    show(
        savings(
            [
                Saving(name=_title(pair), color=_color(pair), table=table)
                for pair, table in near.items()
            ],
            title=shown.title,
            unit=shown.unit,
            level=LEVEL,
            dark=is_dark(),
        ),
        name="frames-saved",
        caption="At each error, the frames that the other method needs over those that this one "
        "needs. Solid: both numbers lie within the sizes that were fitted. Dotted: this one is "
        "better already with the smallest of them, so it saves at least so much. Dashed: a law is "
        f"extrapolated, by a factor of {REACH:g} at most; nothing is drawn beyond. Below one, the "
        "method needs more frames.",
        source=shown.source,
        labels=shown.labels,
        table=lambda: pd.concat(
            [table.assign(better=pair[0], worse=pair[1]) for pair, table in tables.items()]
        ),
    )
    st.markdown("**Where do the curves cross?**")
    for pair in pairs:
        st.markdown(plain(_crossing(shown.key, pair, shown.unit, shown.laws)))


def _range(shown: Shown) -> tuple[float, float]:
    """Return the smallest and the largest error seen with any of the methods."""
    compared = {method for pair in COMPARED for method in pair if method in shown.laws}
    seen = np.concatenate([shown.points[method].error for method in compared])
    return float(seen.min()), float(seen.max())


def _near(table: pd.DataFrame, pair: tuple[str, str], laws: dict[str, Law]) -> pd.DataFrame:
    """Return the rows for which no law is extrapolated by more than REACH.

    Where both methods are good enough already with their smallest sizes, there is nothing to say.
    """
    near = np.ones(len(table), dtype=bool)
    for column, method in zip(("n_better", "n_worse"), pair, strict=True):
        law = laws[method]
        near &= table[column].between(law.smallest / REACH, law.largest * REACH).to_numpy()
    both = table["at_least"] & (table["n_worse"] < laws[pair[1]].smallest)
    return table[near & ~both.to_numpy()]


def _wanted(
    shown: Shown, tables: dict[tuple[str, str], pd.DataFrame], lowest: float, highest: float
) -> float:
    seen = np.concatenate([table.loc[table["inside"], "error"] for table in tables.values()])
    middle = float(np.median(seen)) if len(seen) else math.sqrt(lowest * highest)
    value = st.number_input(
        f"{shown.title} to be reached, {shown.unit}",
        min_value=lowest / 100,
        max_value=highest * 100,
        value=float(f"{middle:.2g}"),
        step=float(f"{middle / 10:.1g}"),
        format="%.4g",
        key=f"wanted-{shown.metric}-{shown.split}",
        bind="query-params",
        width=320,
        help="Any error; beyond those seen in training, laws are extrapolated.",
    )
    return float(value)


def _title(pair: tuple[str, str]) -> str:
    better, worse = pair
    return f"{better} instead of {worse}"


def _color(pair: tuple[str, str]) -> str:
    return OTHER_COLOR if pair == ("residual", "refit") else method_color(pair[0])


@st.cache_data(max_entries=256, show_spinner=False)
def _saved(
    key: tuple[Any, ...],  # noqa: ARG001  part of the cache's key
    pair: tuple[str, str],
    errors: tuple[float, ...],
    _laws: dict[str, Law],
) -> pd.DataFrame:
    better, worse = pair
    return frames_saved(_laws[better], _laws[worse], np.array(errors), LEVEL)


def _answers(shown: Shown, pairs: list[tuple[str, str]], wanted: float) -> None:
    for pair, column in zip(pairs, st.columns(len(pairs)), strict=True):
        found = _saved(shown.key, pair, (wanted,), shown.laws)
        near = len(_near(found, pair, shown.laws)) > 0
        big, small = _answer(found.to_dict("records")[0], pair, shown.laws, near=near)
        with column:
            st.metric(
                f"{pair[0].capitalize()} instead of {pair[1]}",
                big,
                border=True,
                help=f"{name_of(pair[0])} against {name_of(pair[1])}, {wanted:g} {shown.unit}.",
            )
            st.caption(plain(small))


def _answer(
    row: Mapping[Hashable, Any], pair: tuple[str, str], laws: dict[str, Law], *, near: bool
) -> tuple[str, str]:
    """Return a number and a sentence on how many fewer frames the first of a pair needs."""
    better, worse = (laws[one] for one in pair)
    n_better, n_worse = row["n_better"], row["n_worse"]
    if n_better > better.largest * REACH:
        return "–", (
            f"{pair[0].capitalize()} does not reach this error within {REACH:g} times its largest "
            f"size, {better.largest:,.0f} frames."
        )
    if n_worse < worse.smallest / REACH or (row["at_least"] and n_worse < worse.smallest):
        return "–", (
            f"{pair[1].capitalize()} is better than this already with the smallest size fitted, "
            f"{worse.smallest:,.0f} frames."
        )
    interval = f"95 %: {_end(row['ratio_low'])} to {_end(row['ratio_high'])} times fewer."
    if not near:
        # What was trained bounds the ratio, whatever the law does beyond.
        return f"at least {worse.largest / n_better:.3g} × fewer", (
            f"{pair[0].capitalize()} is this good with {n_better:,.0f} frames, {pair[1]} not with "
            f"{worse.largest:,.0f}, nor by its law with {REACH:g} times as many."
        )
    if row["at_least"]:
        return f"at least {row['ratio']:.3g} × fewer", (
            f"{pair[0].capitalize()} is better than this already with the smallest size fitted, "
            f"{n_better:,.0f} frames; {pair[1]} needs {n_worse:,.0f}. {interval}"
        )
    text = f"{n_better:,.0f} instead of {n_worse:,.0f} frames. {interval}"
    ratio = row["ratio"]
    big = f"{ratio:.3g} × fewer" if ratio >= 1 else f"{1 / ratio:.3g} × more"
    return big, text if row["inside"] else f"{text} Extrapolated, at most fourfold."


def _end(value: float) -> str:
    if value > _MOST_TIMES:
        return "any number of"
    return f"{value:.3g}" if value > 1 / _MOST_TIMES else "0"


@st.cache_data(max_entries=128, show_spinner=False)
def _crossing(
    key: tuple[Any, ...],  # noqa: ARG001  part of the cache's key
    pair: tuple[str, str],
    unit: str,
    _laws: dict[str, Law],
) -> str:
    first, second = pair
    found = crossing(_laws[first], _laws[second], LEVEL)
    lead = f"{first.capitalize()} and {second}: "
    if found.empty:
        return f"{lead}the laws do not cross, even a thousand times beyond the sizes fitted."
    told = [
        f"the laws cross at {one['n_frames']:,.0f} frames (95 %: {_size(one['low'])} to "
        f"{_size(one['high'])}) and {float(format(one['error'], '.3g')):,g} {unit}; with more, "
        f"{first if one['a_better_beyond'] else second} is better"
        + ("." if one["inside"] else ". That is extrapolated: it lies beyond the sizes fitted.")
        for one in found.to_dict("records")
    ]
    return lead + " ".join(told)


def _size(n_frames: float) -> str:
    if not n_frames:
        return "none"
    return f"{n_frames:,.0f}" if np.isfinite(n_frames) else "never"
