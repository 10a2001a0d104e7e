"""A quantity against another: points, densities, running medians, boxes."""

import json

import numpy as np
import pandas as pd
import pytest

from core.figures.base.canvas import Axis
from core.figures.shifts.columns import MOST_BOXES, against, boxes

X_AXIS, Y_AXIS = Axis(title="Band gap", unit="eV"), Axis(title="Shift", unit="eV/atom")
TREND = pd.DataFrame(
    {"x": [1.0, 2.0], "median": [0.0, 1.0], "low": [-1.0, 0.0], "high": [1.0, 2.0]}
)


def draw(n=50, **options):
    rng = np.random.default_rng(0)
    x = rng.normal(size=n)
    return against(
        x,
        2 * x,
        **({"x_axis": X_AXIS, "y_axis": Y_AXIS, "trend": TREND, "dark": False} | options),
    )


def named(figure, name):
    return [trace for trace in figure.data if trace.name == name]


@pytest.mark.parametrize("dark", [False, True])
def test_points_report_their_ids_and_axes_their_units(dark):
    ids = [f"{i}.m" for i in range(50)]
    groups = ["oxide"] * 30 + ["halide"] * 20
    figure = draw(ids=ids, groups=groups, hover=["<b>x</b>"] * 50, dark=dark)
    assert figure.layout.xaxis.title.text == "Band gap (eV)"
    assert figure.layout.yaxis.title.text == "Shift (eV/atom)"
    assert list(named(figure, "oxide")[0].customdata) == ids[:30]
    assert "<b>x" not in json.dumps(figure.to_plotly_json(), default=list)
    assert named(figure, "running median")[0].y[1] == 1.0


def test_the_picked_point_is_ringed():
    ids = [str(i) for i in range(50)]
    figure = draw(ids=ids, picked="7")
    (ring,) = named(figure, "picked")
    points = named(figure, "pairs")[0]
    assert (ring.x[0], ring.y[0]) == (points.x[7], points.y[7])
    assert not named(draw(ids=ids, picked="70"), "picked")


def test_many_points_become_a_density():
    figure = draw(n=500, density_above=400, groups=["a"] * 500)
    (image,) = [trace for trace in figure.data if trace.type == "heatmap"]
    assert np.asarray(image.customdata).sum() == 500
    assert not any(trace.mode == "markers" for trace in figure.data if trace.type == "scatter")
    assert named(figure, "running median")


def test_pairs_without_a_number_are_left_out():
    figure = against(
        np.array([1.0, np.nan]),
        np.array([1.0, 2.0]),
        x_axis=X_AXIS,
        y_axis=Y_AXIS,
        trend=TREND,
        dark=False,
    )
    assert len(named(figure, "pairs")[0].x) == 1
    nothing = draw(n=0)
    assert "choose another column" in nothing.layout.annotations[0].text


def test_boxes_draw_the_quantiles_they_are_given():
    quantiles = {"low": 0.0, "first": 1.0, "median": 2.0, "third": 3.0, "high": 4.0}
    table = pd.DataFrame(
        [{"category": f"c{i} <i>", "n": 100 - i, "mean": 2.5, **quantiles} for i in range(20)]
    )
    figure = boxes(table, title="Family", axis=Y_AXIS, dark=False)
    box, points = figure.data
    assert len(box.y) == len(points.y) == MOST_BOXES
    assert box.y[0] == "c0 &lt;i&gt;"
    assert (box.lowerfence[0], box.q1[0], box.median[0], box.q3[0], box.upperfence[0]) == (
        0.0,
        1.0,
        2.0,
        3.0,
        4.0,
    )
    assert "<i>" not in points.hovertext[0]
    empty = boxes(table.head(0), title="Family", axis=Y_AXIS, dark=True)
    assert empty.layout.annotations[0].text
