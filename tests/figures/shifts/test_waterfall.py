"""The waterfall: what remains and what is taken away add up; groups on a logarithmic axis."""

import pandas as pd
import pytest

from core.figures.shifts.waterfall import Step, by_group, waterfall

STEPS = [
    Step(name="as it is", value=10.0, color="#111111"),
    Step(name="a <b>constant</b>", value=12.0, color="#222222"),
    Step(name="AtomRef", value=0.5, color="#333333"),
]


@pytest.mark.parametrize("dark", [False, True])
def test_each_step_begins_where_the_last_ended(dark):
    figure = waterfall(STEPS, title="Energy MAE", dark=dark)
    away, remains = figure.data
    assert (away.name, remains.name) == ("taken away", "remains")
    assert list(remains.y) == [10.0, 12.0, 0.5]
    assert list(away.base) == [10.0, 10.0, 0.5]
    assert list(away.y) == [0.0, 2.0, 11.5]
    assert "adds 2" in away.hovertext[1]
    assert "takes away 11.5" in away.hovertext[2]
    assert "<b>constant" not in remains.x[1]
    assert list(figure.layout.xaxis.tickvals) == list(remains.x)
    assert figure.layout.xaxis.ticktext[::2] == ("as it is", "AtomRef")
    assert figure.layout.xaxis.ticktext[1].startswith("a<br>&lt;b")
    assert remains.text[2] == "<b>0.500</b><br>5.0%"
    assert figure.layout.yaxis.title.text == "Energy MAE (eV/atom)"


def test_without_steps_it_says_so():
    assert waterfall([], title="Energy MAE", dark=False).layout.annotations


def test_groups_keep_their_order_and_their_values():
    table = pd.DataFrame({"group": ["oxide", "halide"], "count": [20, 3], "a": [1.0, 9.0],
                          "b": [0.01, 0.3]})  # fmt: skip
    figure = by_group(table, [("a", "As it is", "#111111"), ("b", "After", "#222222")],
                      title="Energy MAE", dark=False)  # fmt: skip
    dots = [trace for trace in figure.data if trace.mode == "markers"]
    assert [list(trace.x) for trace in dots] == [[1.0, 9.0], [0.01, 0.3]]
    assert list(dots[0].y) == ["oxide (20)", "halide (3)"]
    assert figure.layout.xaxis.type == "log"
    assert figure.layout.yaxis.autorange == "reversed"
