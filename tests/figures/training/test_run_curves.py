"""Curves of runs: recorded and smoothed, axes, differences."""

import numpy as np
import pandas as pd
import pytest

from core.figures.base.theme import METHOD_COLORS
from core.figures.training.run_curves import run_curves


def table(smooth=1.0):
    rows = [
        (run, f"<b>{run}</b>", method, x, 100.0 / (x + 1), smooth * 100.0 / (x + 1))
        for run, method in (("a", "refit"), ("b", "refit"), ("c", "residual"))
        for x in (0.0, 1.0, 10.0)
    ]
    return pd.DataFrame(rows, columns=["run", "label", "method", "x", "raw", "value"])


def draw(data, **options):
    common = {"title": "Loss", "unit": "", "x_title": "Training time", "x_unit": "s"}
    return run_curves(data, **(common | {"dark": False} | options))


def test_one_line_a_run_as_recorded():
    figure = draw(table())
    assert [trace.meta for trace in figure.data] == ["run"] * 3
    assert [trace.line.color for trace in figure.data] == [
        METHOD_COLORS[method] for method in ("refit", "refit", "residual")
    ]
    assert len({(trace.line.width, trace.marker.symbol) for trace in figure.data[:2]}) == 2
    assert figure.data[0].name == "&lt;b&gt;a&lt;/b&gt;"
    assert figure.layout.xaxis.title.text == "Training time (s)"
    assert figure.layout.yaxis.title.text == "Loss"
    assert figure.layout.yaxis.type is None


def test_training_is_dashed_and_a_run_is_in_the_legend_once():
    data = pd.concat([table().assign(split=split) for split in ("validation", "train")])
    figure = draw(data)
    lines = [trace for trace in figure.data if trace.meta != "key"]
    assert [trace.meta for trace in lines] == ["train", "validation"] * 3
    for trace in lines:
        assert trace.line.dash == {"train": "dash", "validation": "solid"}[trace.meta]
        assert bool(trace.showlegend) == (trace.meta == "validation")
        assert trace.hovertext[0].startswith(f"<b>{trace.name}</b><br>{trace.meta}")
    assert {trace.name for trace in figure.data if trace.meta == "key"} == {
        "training",
        "validation",
    }
    assert draw(data.query("split == 'train'")).data[0].showlegend


def test_smoothed_lines_lie_over_pale_ones():
    figure = draw(table(0.5))
    assert [trace.meta for trace in figure.data] == ["recorded", "run"] * 3
    recorded, smooth = figure.data[:2]
    np.testing.assert_allclose(recorded.y, [100, 50, 100 / 11])
    np.testing.assert_allclose(smooth.y, [50, 25, 50 / 11])
    assert recorded.opacity < 0.5
    assert not recorded.showlegend
    assert "recorded 100" in smooth.hovertext[0]


def test_logarithmic_axes_leave_out_zero():
    figure = draw(table(), log_x=True, log_y=True)
    assert figure.layout.xaxis.type == figure.layout.yaxis.type == "log"
    assert all(list(trace.x) == [1, 10] for trace in figure.data)
    near = table().query("x == 0")
    assert draw(near, log_y=True).layout.yaxis.type is None


def test_differences_have_a_zero_line_and_no_logarithm():
    data = table().assign(value=[-1.0, 0, 1] * 3, raw=[-1.0, 0, 1] * 3)
    figure = draw(data, baseline="a", log_y=True)
    assert figure.layout.yaxis.type is None
    assert figure.layout.shapes[0].y0 == figure.layout.shapes[0].y1 == 0
    assert figure.layout.yaxis.title.text == "Loss, minus the baseline's"
    assert list(figure.data[0].y) == [-1, 0, 1]


@pytest.mark.parametrize("data", [table().iloc[:0], table().assign(value=np.nan)])
def test_nothing_recorded(data):
    assert "Nothing recorded" in draw(data).layout.annotations[0].text


def test_live_updates_keep_the_zoom():
    revisions = {draw(table().iloc[:n]).layout.uirevision for n in (3, 9)}
    assert len(revisions) == 1
    assert draw(table(), log_x=True).layout.uirevision not in revisions
