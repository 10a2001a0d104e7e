"""Error against training frames, and frames saved: what is drawn where, and what it says."""

import numpy as np
import pandas as pd
import pytest

from core.figures.base.color import contrast
from core.figures.base.theme import METHOD_COLORS, palette
from core.figures.scaling.error_curves import Series, scaling_curves
from core.figures.scaling.savings import Saving, savings

EMPTY = pd.DataFrame(columns=["n_frames", "error", "low", "high"], dtype=float)


def series(key="refit", *, zero=(450.0, 460.0), curve=True):
    n = np.repeat([50, 100, 200, 400], 2)
    sizes = np.array([50.0, 100, 200, 400, 800, 1600])
    law = 2000 * sizes**-0.5
    return Series(
        key=key,
        name=f"{key} <b>",
        points=pd.DataFrame(
            {"n_frames": n, "seed": [0, 1] * 4, "error": 2000 * n**-0.5 * np.array([0.8, 1.25] * 4)}
        ),
        zero=pd.DataFrame({"seed": range(len(zero)), "error": zero}),
        curve=pd.DataFrame({"n_frames": sizes, "error": law, "low": law / 1.2, "high": law * 1.2})
        if curve
        else EMPTY,
        fitted=(100.0, 400.0),
    )


def drawn(*all_series, dark=False):
    return scaling_curves(all_series, title="Energy MAE", unit="meV/atom", dark=dark)


def of(figure, meta):
    return [trace for trace in figure.data if trace.meta == meta]


@pytest.mark.parametrize("dark", [False, True])
def test_points_means_and_untrained_models(dark):
    figure = drawn(series(), dark=dark)
    (seeds,), (means,), (untrained,) = (of(figure, m) for m in ("seeds", "means", "untrained"))
    assert len(seeds.y) == 8
    # 0.8 and 1.25 times the law: their geometric mean is the law itself.
    assert np.allclose(means.y, [2000 * n**-0.5 for n in means.x])
    assert list(means.x) == [50, 100, 200, 400]
    assert means.marker.color == METHOD_COLORS["refit"]
    assert list(untrained.y) == [450, 460]
    assert "Energy MAE: 450 meV/atom" in untrained.hovertext[0]
    assert "100 training frames, seed 1" in seeds.hovertext[3]
    assert "&lt;b&gt;" in means.name
    assert figure.layout.yaxis.title.text == "Energy MAE (meV/atom)"


def test_the_untrained_model_stands_left_of_a_break():
    figure = drawn(series())
    left, right = figure.layout.xaxis2, figure.layout.xaxis
    assert left.domain[1] < right.domain[0]
    assert (left.type, right.type) == (None, "log")
    assert left.ticktext == ("0",)
    assert of(figure, "untrained")[0].xaxis == "x2"
    assert all(abs(x) < 0.5 for x in of(figure, "untrained")[0].x)
    assert {shape.xanchor for shape in figure.layout.shapes} == {left.domain[1], right.domain[0]}
    whole = drawn(series(zero=()))
    assert whole.layout.xaxis.domain == (0, 1)
    assert not whole.layout.shapes


def test_a_law_is_dashed_where_it_has_seen_no_sizes():
    (solid,), (before, beyond) = (of(drawn(series()), meta) for meta in ("law", "beyond"))
    assert list(solid.x) == [100, 200, 400]
    assert list(before.x) == [50, 100]
    assert list(beyond.x) == [400, 800, 1600]
    assert (solid.line.dash, before.line.dash, beyond.line.dash) == ("solid", "dash", "dash")
    assert "extrapolated, 800 training frames" in beyond.hovertext[1]
    assert "95% band" in beyond.hovertext[1]


def test_points_without_a_law_have_no_band():
    figure = drawn(series(curve=False))
    assert not of(figure, "band")
    assert "extrapolated" not in {trace.name for trace in figure.data}


def test_a_wild_band_does_not_squeeze_the_points():
    wild = series()
    wild.curve["high"] *= 1e6
    wild.curve["low"] = 0.0
    low, high = drawn(wild).layout.yaxis.range
    assert high - low < 3
    assert low < np.log10(50)
    assert high > np.log10(460)


def test_methods_differ_in_colour_and_marker():
    figure = drawn(*(series(key) for key in METHOD_COLORS), series("points"))
    means = of(figure, "means")
    assert len({trace.marker.color for trace in means}) == len(METHOD_COLORS) + 1
    assert len({trace.marker.symbol for trace in means}) == len(METHOD_COLORS) + 1
    assert len({trace.x[0] for trace in of(figure, "untrained")}) == len(METHOD_COLORS) + 1


def test_nothing_yet():
    figure = drawn()
    assert "No finished run" in figure.layout.annotations[0].text
    for dark in (False, True):
        assert contrast(palette(dark=dark).muted, palette(dark=dark).background) > 4


def saving(inside, at_least=(False,) * 4):
    error = np.array([50.0, 100, 200, 400])
    return pd.DataFrame(
        {
            "error": error,
            "n_better": 1e4 / error,
            "n_worse": 1e5 / error,
            "ratio": np.full(4, 10.0),
            "ratio_low": [5.0, 6, 7, 8],
            "ratio_high": [np.inf, 20, 15, 12],
            "inside": inside,
            "at_least": at_least,
        }
    )


def saved(table):
    line = Saving(name="refit instead of scratch", color="#0072B2", table=table)
    return savings([line], title="Energy MAE", unit="meV/atom", dark=False)


def test_frames_saved_are_dashed_where_extrapolated():
    figure = saved(saving([False, True, True, False]))
    (solid,) = of(figure, "seen")
    before, beyond = of(figure, "beyond")
    assert list(solid.x) == [100, 200]
    assert list(before.x) == [50, 100], "they meet"
    assert list(beyond.x) == [200, 400]
    assert [trace.showlegend for trace in (before, solid, beyond)] == [False, True, False]
    assert "100 instead of 1,000 training frames: 10 times fewer" in solid.hovertext[0]
    assert "5 or more" in before.hovertext[0]
    assert "extrapolated" in before.hovertext[0]


def test_a_bound_is_dotted():
    figure = saved(saving([True, True, False, False], [False, False, False, True]))
    (bound,) = of(figure, "bound")
    assert bound.line.dash == "dot"
    assert list(bound.x) == [200, 400]
    assert "at least 10 times fewer" in bound.hovertext[1]
    assert "extrapolated" not in bound.hovertext[1]


def test_an_open_end_runs_out_of_the_figure():
    figure = saved(saving([True] * 4))
    (band,) = of(figure, "band")
    assert np.isfinite(band.y).all()
    assert np.log10(band.y[0]) > figure.layout.yaxis.range[1]


def test_errors_never_reached_are_left_out():
    table = saving([True] * 4)
    table["ratio"] = [np.inf, np.nan, 10, 10]
    assert list(of(saved(table), "seen")[0].x) == [200, 400]
    table["ratio"] = np.nan
    assert "no two methods" in saved(table).layout.annotations[0].text
