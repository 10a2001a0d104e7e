"""Panels of gradients: one a probe, one line a method, mean and range over its runs."""

import pandas as pd
import pytest

from core.figures.base.theme import METHOD_COLORS, METHOD_SYMBOLS
from core.figures.training.gradients import gradient_panels

ROWS = [
    ("frozen", epoch, probe, scale * (1 + run))
    for probe, scale in (("AtomEmb", 10.0), ("MLP_Layer0", 1.0))
    for epoch in (0.1, 0.2)
    for run in (0, 1)
] + [("refit", 0.1, "AtomEmb", 0.5)]
TABLE = pd.DataFrame(ROWS, columns=["method", "epoch", "probe", "norm"])


@pytest.mark.parametrize("dark", [False, True])
def test_mean_and_range(dark):
    figure = gradient_panels(
        TABLE, probes=["MLP_Layer0", "AtomRef", "AtomEmb"], methods=["frozen", "refit"], dark=dark
    )
    lines = [trace for trace in figure.data if trace.name != "band"]
    assert [(line.name, line.xaxis) for line in lines] == [
        ("frozen", "x"), ("frozen", "x2"), ("refit", "x2"),
    ]  # fmt: skip
    assert list(lines[1].y) == [15.0, 15.0]
    assert lines[1].line.color == METHOD_COLORS["frozen"]
    band = next(trace for trace in figure.data if trace.fill and trace.xaxis == "x2")
    assert (min(band.y), max(band.y)) == (10.0, 20.0)
    titles = [note.text for note in figure.layout.annotations]
    assert titles[:2] == ["<b>MLP_Layer0</b>", "<b>AtomEmb</b>"]
    assert figure.layout.yaxis2.type == "log"


def test_nothing_yet():
    empty = gradient_panels(TABLE.iloc[:0], probes=["AtomEmb"], methods=["refit"], dark=False)
    assert "No gradients yet" in empty.layout.annotations[0].text


def test_methods_differ_without_colours():
    methods = list(METHOD_SYMBOLS)
    table = pd.DataFrame({"method": methods, "epoch": 1.0, "probe": "AtomEmb", "norm": 2.0})
    figure = gradient_panels(table, probes=["AtomEmb"], methods=methods, dark=False)
    assert len({trace.marker.symbol for trace in figure.data}) == len(methods)
