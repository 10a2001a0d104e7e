"""Predictions against labels: points, and a density image of many."""

import numpy as np
import pandas as pd
import pytest

from core.figures.training.run_parity import run_parity


def table(n):
    label = np.linspace(-3, 2, n)
    return pd.DataFrame({"frame": np.arange(n) % 4, "label": label, "predicted": label + 0.1})


def draw(data, **options):
    names = ["f0", "f1 <i>", "f2", "f3"]
    return run_parity(
        data, names, **({"title": "Energy", "unit": "eV/atom", "dark": True} | options)
    )


def test_points_name_their_frames():
    points, diagonal = draw(table(8)).data
    np.testing.assert_allclose(points.y - np.array(points.x), 0.1, rtol=1e-5)
    assert points.hovertext[:2] == ("f0", "f1 &lt;i&gt;")
    assert diagonal.x == diagonal.y
    assert diagonal.x[0] < -3
    assert diagonal.x[1] > 2.1


def test_marked_frames_have_a_color_of_their_own():
    flags = np.array([False, True, False, False])
    *groups, _ = draw(table(8), marked={"with Xe, unseen in training": flags}).data
    assert {one.name: len(one.x) for one in groups} == {
        "other frames": 6,
        "with Xe, unseen in training": 2,
    }
    assert len({one.marker.color for one in groups}) == 2
    far = table(8).assign(label=lambda rows: rows["label"] - 50 * (rows["frame"] == 1))
    low, high = draw(far, marked={"with Xe": flags}, around_others=True).layout.xaxis.range
    assert -4 < low < high < 3
    assert draw(far, marked={"with Xe": flags}).layout.xaxis.range[0] < -50
    assert len(draw(table(8), marked={"with Xe": np.zeros(4, dtype=bool)}).data) == 2


def test_axes_are_the_same():
    layout = draw(table(8)).layout
    assert layout.xaxis.range == layout.yaxis.range
    assert layout.yaxis.scaleanchor == "x"
    assert layout.xaxis.title.text == "Energy, label (eV/atom)"


def test_many_values_become_an_image():
    image, _ = draw(table(500), density_above=499).data
    assert image.type == "heatmap"
    assert np.nansum(image.customdata) == 500
    assert "Values in this bin" in image.hovertemplate
    assert draw(table(500), density_above=499).layout.coloraxis.colorbar.title.text == (
        "values per bin"
    )
    assert draw(table(500)).data[0].type == "scatter"


@pytest.mark.parametrize("data", [table(0), table(3).assign(label=np.nan)])
def test_no_labels(data):
    assert "None of these frames" in draw(data).layout.annotations[0].text


def test_intervals_are_bars_of_the_points_and_in_their_hover():
    intervals = np.array([0.1, 0.2, 0.3, 0.4])
    points, bars, _ = draw(table(8), intervals=intervals).data
    np.testing.assert_allclose(bars.error_y.array, np.tile(intervals, 2))
    np.testing.assert_allclose(bars.y, points.y, rtol=1e-5)
    assert points.hovertext[1] == "f1 &lt;i&gt;, 90 &#37;: ± 0.2 eV/atom"
    assert len(draw(table(8), intervals=intervals, density_above=5).data) == 2
