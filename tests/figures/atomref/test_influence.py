import numpy as np
import pytest

from core.figures.atomref.influence import MOST_POINTS, influence


def drawn(n=30, **options):
    rng = np.random.default_rng(0)
    leverage = rng.uniform(0.001, 0.9, n)
    residual = rng.normal(0, 0.5, n)
    cook = residual**2 * leverage
    names = [f"Na<{i}>\nmp-{i}" for i in range(n)]
    ids = [f"{i}.mp-{i}" for i in range(n)]
    options = {"names": names, "ids": ids, "dark": False} | options
    return leverage, residual, cook, influence(leverage, residual, cook, **options)


@pytest.mark.parametrize("dark", [False, True])
def test_points_can_be_clicked_and_the_worst_lie_on_top(dark):
    leverage, residual, cook, figure = drawn(dark=dark)
    (points,) = figure.data
    order = np.argsort(cook, kind="stable")
    assert list(points.customdata) == [f"{i}.mp-{i}" for i in order]
    np.testing.assert_allclose(points.x, np.log10(leverage[order]))
    np.testing.assert_allclose(points.y, residual[order])
    assert points.marker.color[-1] == points.marker.cmax == pytest.approx(np.log10(cook.max()))
    assert min(points.marker.color) >= points.marker.cmin
    assert "Na&lt;" in points.hovertext[0]
    assert "0.1" in figure.layout.xaxis.ticktext
    assert "eV/atom" in figure.layout.yaxis.title.text


def test_the_picked_point_is_ringed():
    leverage, residual, _, figure = drawn(picked="7.mp-7")
    ring = figure.data[-1]
    assert ring.name == "picked"
    assert (ring.x[0], ring.y[0]) == (np.log10(leverage[7]), residual[7])
    assert len(drawn(picked="99.mp-99")[-1].data) == 1


def test_many_points_become_an_image_with_the_worst_on_it():
    _, _, cook, figure = drawn(n=500, density_above=400)
    image, points = figure.data
    assert image.type == "heatmap"
    assert np.nansum(image.customdata) == 500
    assert len(points.x) == MOST_POINTS
    assert points.customdata[-1] == f"{np.argmax(cook)}.mp-{np.argmax(cook)}"


def test_what_cannot_be_left_out_is_not_drawn():
    names = ids = ["a", "b", "c", "d"]
    figure = influence(
        np.array([0.1, 1.0, 0.0, 0.2]),
        np.array([0.5, np.nan, 0.3, 0.1]),
        np.array([0.1, np.nan, 0.0, 0.0]),
        names=names,
        ids=ids,
        dark=False,
    )
    assert sorted(figure.data[0].customdata) == ["a", "d"]
    nothing = influence(
        np.ones(1), np.full(1, np.nan), np.ones(1), names=["a"], ids=["a"], dark=False
    )
    assert "No material can be left out" in nothing.layout.annotations[0].text
