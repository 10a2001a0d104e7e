"""Curves with bands and means with intervals."""

import numpy as np
import pandas as pd
import pytest

from core.figures.base.bands import COLORS, curves_with_bands, forest
from core.figures.base.canvas import Axis
from core.figures.base.theme import SMALL_FONT_SIZE

AXIS = Axis(title="Shift", unit="eV/atom")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("log_y", [False, True])
def test_each_curve_has_its_band(dark, log_y):
    x = np.array([10.0, 100, 1000])
    curve = np.stack([x, [3, 2, 1], [2, 1, 0.5], [4, 3, 2]])
    figure = curves_with_bands(
        {"lstsq": curve, "ridge": curve / 2},
        colors=COLORS,
        names={"lstsq": "Least <b>squares", "ridge": "Ridge"},
        x_title="Materials",
        y_axis=AXIS,
        log_y=log_y,
        dark=dark,
    )
    band, line = figure.data[:2]
    assert list(band.y) == [4, 3, 2, 0.5, 1, 2]
    assert list(line.y) == [3, 2, 1]
    assert line.name == "Least &lt;b&gt;squares"
    assert line.line.color == COLORS["lstsq"]
    assert figure.layout.xaxis.type == "log"
    assert figure.layout.yaxis.type == ("log" if log_y else "linear")
    assert figure.layout.yaxis.title.text == "Shift (eV/atom)"


def table(n=7):
    mean = np.arange(n, dtype=float)[::-1]
    return pd.DataFrame(
        {
            "symbol": ["H", "He", "Li", "Be", "B", "C", "N"][:n],
            "rare": [i == 1 for i in range(n)],
            "shift": mean,
            "shift_low": np.where(np.arange(n) == 1, np.nan, mean - 0.5),
            "shift_high": np.where(np.arange(n) == 1, np.nan, mean + 0.25),
        }
    )


def test_forest_orders_elements_and_marks_rare_ones():
    figure = forest(table(), value="shift", axis=AXIS, hover=[str(i) for i in range(7)], dark=True)
    known = [trace for trace in figure.data if trace.name == "element"]
    rare = [trace for trace in figure.data if trace.name == "in few materials"]
    assert [symbol for trace in known for symbol in trace.y] == ["N", "C", "B", "Be", "Li", "H"]
    assert [symbol for trace in rare for symbol in trace.y if symbol] == ["He"]
    assert rare[0].marker.symbol == "circle-open"
    assert list(known[0].error_x.array) == [0.25] * 4
    assert list(known[0].error_x.arrayminus) == [0.5] * 4
    assert known[0].hovertext[0] == "6"
    rows = max(len(known[0].y), len(known[1].y))
    assert figure.layout.height / rows > SMALL_FONT_SIZE, "every symbol has its line"


def test_long_intervals_of_rare_elements_do_not_squeeze_the_others():
    wide = table()
    wide.loc[1, ["shift_low", "shift_high"]] = [-500.0, 500.0]
    figure = forest(wide, value="shift", axis=AXIS, hover=[""] * 7, dark=False)
    for axis in (figure.layout.xaxis, figure.layout.xaxis2):
        assert axis.range[1] - axis.range[0] < 10


@pytest.mark.parametrize("n", [0, 1])
def test_forest_of_next_to_nothing(n):
    figure = forest(table(n), value="shift", axis=AXIS, hover=[""] * n, dark=False)
    assert figure.layout.height
