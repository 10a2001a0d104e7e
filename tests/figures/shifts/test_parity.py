import json

import numpy as np
import pytest

from core.figures.base.cloud import DENSITY_ABOVE
from core.figures.shifts.parity import POINTS_AT_MOST, parity


def pairs(n, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(-6, 2, n)
    return x, 0.9 * x + rng.normal(0, 0.3, n)


def draw(x, y, **options):
    options = {"x_title": "GGA energy", "y_title": "r2SCAN energy", "dark": False} | options
    return parity(x, y, **options)


def points(figure):
    return [t for t in figure.data if t.type == "scatter" and t.mode == "markers"]


def lines(figure):
    return [t for t in figure.data if t.type == "scatter" and t.mode == "lines"]


def bars(figure, orientation):
    return [t for t in figure.data if t.type == "bar" and t.orientation == orientation]


def edges(trace, letter):
    centres = np.asarray(trace[letter])
    return np.append(centres - trace.width / 2, centres[-1] + trace.width / 2)


def test_axis_titles_carry_units():
    figure = draw(*pairs(50), y_title="r2SCAN (eV/atom)")
    assert figure.layout.xaxis.title.text == "GGA energy (eV/atom)"
    assert figure.layout.yaxis.title.text == "r2SCAN (eV/atom)"


def test_histograms_count_like_numpy_and_share_axes():
    x, y = pairs(1324)
    figure = draw(x, y)
    (above,), (right,) = bars(figure, "v"), bars(figure, "h")
    for trace, values, position, count in ((above, x, "x", "y"), (right, y, "y", "x")):
        limits = edges(trace, position)
        axis = figure.layout[f"{position}axis"]
        assert np.allclose([limits[0], limits[-1]], axis.range)
        assert np.array_equal(trace[count], np.histogram(values, limits)[0])
        assert np.sum(trace[count]) == 1324
    assert figure.layout.xaxis2.matches == "x"
    assert figure.layout.yaxis3.matches == "y"
    assert (above.xaxis, above.yaxis, right.xaxis, right.yaxis) == ("x2", "y2", "x3", "y3")


def test_equal_units_and_diagonal():
    figure = draw(*pairs(200))
    assert figure.layout.xaxis.range == figure.layout.yaxis.range
    (line,) = lines(figure)
    assert line.line.dash == "dash"
    assert list(line.x) == list(line.y) == list(figure.layout.xaxis.range)
    assert "y = x" in line.name
    assert line.showlegend


def test_very_different_spreads_keep_their_own_ranges():
    x, _ = pairs(500)
    figure = draw(x, 5 * x - 20)
    assert figure.layout.xaxis.range[0] > figure.layout.yaxis.range[0]
    assert figure.layout.xaxis.range[0] < x.min()
    far = draw(np.array([-5.0, -4.0]), np.array([-50.0, -49.0]))
    (line,) = lines(far)
    assert "outside" in line.name


def test_user_text_is_escaped():
    x, y = pairs(3)
    hover = ["<b>mp-1</b>", "mp-2", "%{x} & <i>"]
    figure = draw(x, y, hover=hover, x_title="<b>E</b>", y_title="%{y}", title="<b>Total")
    (trace,) = points(figure)
    assert list(trace.hovertext) == [
        "&lt;b&gt;mp-1&lt;/b&gt;", "mp-2", "&#37;{x} &amp; &lt;i&gt;",
    ]  # fmt: skip
    assert "<b>E" not in trace.hovertemplate
    assert "%{y}" not in trace.hovertemplate
    assert figure.layout.xaxis.title.text == "&lt;b&gt;E&lt;/b&gt; (eV/atom)"
    assert figure.layout.annotations[0].text == "<b>&lt;b&gt;Total</b>"
    assert [float(text) for text in trace.text] == pytest.approx(y - x, abs=6e-4)


def test_points_that_are_not_finite_are_left_out_with_their_texts():
    figure = draw(
        np.array([1.0, np.nan, 3.0, 4.0]),
        np.array([1.0, 2.0, np.inf, 4.0]),
        hover=list("abcd"),
    )
    (trace,) = points(figure)
    assert list(trace.hovertext) == ["a", "d"]


def test_lengths_must_agree():
    with pytest.raises(ValueError, match="one entry per point"):
        draw(*pairs(4), hover=["a"])


def test_groups_have_colours_a_legend_and_stacked_histograms():
    x, y = pairs(900)
    names = np.array(["oxide", "halide", "<i>nitride"])[np.arange(900) % 3]
    figure = draw(x, y, groups=list(names))
    traces = points(figure)
    assert sorted(t.name for t in traces) == ["&lt;i&gt;nitride", "halide", "oxide"]
    assert len({t.marker.color for t in traces}) == 3
    assert all(t.showlegend for t in traces)
    assert sum(np.sum(t.y) for t in bars(figure, "v")) == 900
    assert figure.layout.barmode == "stack"


def test_many_groups_join_as_other():
    x, y = pairs(400)
    names = [f"g{int(i**0.5)}" for i in range(400)]
    traces = points(draw(x, y, groups=names))
    assert len(traces) == 8
    assert traces[-1].name == "other"
    assert sum(len(t.x) for t in traces) == 400


def test_density_image_only_above_the_threshold():
    x, y = pairs(DENSITY_ABOVE + 1)
    groups = ["oxide"] * len(x)
    assert draw(x[:POINTS_AT_MOST], y[:POINTS_AT_MOST]).data[0].type == "scatter"
    assert draw(x[: POINTS_AT_MOST + 1], y[: POINTS_AT_MOST + 1]).data[0].type == "heatmap"
    assert draw(x[:-1], y[:-1], groups=groups[:-1]).data[0].type == "scatter"
    figure = draw(x, y, hover=[f"no {i}\n" for i in range(len(x))], groups=groups)
    image = figure.data[0]
    assert image.type == "heatmap"
    # Bins of up to three points name them.
    named = [text.count("<br>no ") for text in np.ravel(image.hovertext)]
    few = np.where(image.customdata <= 3, image.customdata, 0)
    assert named == few.ravel().tolist()
    assert "hovertext" in image.hovertemplate
    assert not points(figure)
    assert np.sum(image.customdata) == len(x)
    assert np.nansum(10.0 ** np.asarray(image.z, dtype=float)) == pytest.approx(len(x), rel=1e-5)
    assert sum(np.sum(t.y) for t in bars(figure, "v")) == len(x)


def test_density_image_matches_numpy_and_is_small():
    x, y = pairs(240_000)
    figure = draw(x, y)
    image = figure.data[0]
    (low, high), (bottom, top) = figure.layout.xaxis.range, figure.layout.yaxis.range
    counts, _, _ = np.histogram2d(x, y, bins=len(image.x), range=((low, high), (bottom, top)))
    assert np.array_equal(image.customdata, counts.T)
    assert len(figure.to_json()) < 400_000
    assert figure.layout.coloraxis.colorbar.title.text == "pairs per bin"


@pytest.mark.parametrize("dark", [False, True])
def test_nothing_to_show(dark):
    none = np.array([])
    assert "No data yet" in draw(none, none, dark=dark).layout.annotations[0].text


def test_one_point_and_json():
    figure = draw(np.array([-3.0]), np.array([-3.0]))
    low, high = figure.layout.xaxis.range
    assert low < -3.0 < high
    assert json.loads(figure.to_json())["layout"]["uirevision"]
