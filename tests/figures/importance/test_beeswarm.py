import json

import numpy as np
import pytest

from core.figures.importance.beeswarm import BINS, MOST_PER_PLACE, MOST_POINTS, beeswarm, dependence


@pytest.fixture
def made():
    rng = np.random.default_rng(0)
    fractions = rng.random((500, 2)) * (rng.random((500, 2)) < 0.5)
    shap = fractions * [0.2, -0.1] + rng.normal(0, 0.001, (500, 2))
    return shap, fractions, [f"<b>{i}</b>\nm-{i}" for i in range(500)]


@pytest.mark.parametrize("dark", [False, True])
def test_a_swarm_puts_each_value_on_its_elements_row(made, dark):
    shap, fractions, names = made
    figure = beeswarm(["O", "Fe"], shap, fractions, names=names, title="SHAP value", dark=dark)
    absent, present = figure.data
    assert (absent.name, present.name) == ("does not contain the element", "contains the element")
    rows = {"O": (1, 0), "Fe": (0, 1)}
    drawn = 0
    for trace in figure.data:
        for symbol, (middle, column) in rows.items():
            here = np.array(trace.customdata) == symbol
            assert np.abs(np.array(trace.y)[here] - middle).max() < 0.45
            assert set(np.array(trace.x)[here]) <= set(shap[:, column].astype(np.float32))
            drawn += here.sum()
    assert drawn == len(
        set(zip(*[np.concatenate([t[k] for t in figure.data]) for k in "xy"], strict=True))
    )
    assert min(present.marker.color) > 0
    assert figure.layout.coloraxis.cmin == 0
    assert figure.layout.xaxis.title.text == "SHAP value (eV/atom)"
    assert figure.layout.yaxis.ticktext == ("<b>Fe</b>", "<b>O</b>")
    assert "&lt;b&gt;" in absent.hovertext[0]
    assert figure.layout.font.size is None or figure.layout.font.size >= 13


def test_crowds_are_thinned_and_extremes_are_kept():
    rng = np.random.default_rng(1)
    shap = np.concatenate([rng.normal(0, 0.001, 50_000), [-1.0, 1.0]])[:, None]
    fractions = np.full(shap.shape, 0.5)
    figure = beeswarm(["O"], shap, fractions, names=[""] * len(shap), title="SHAP", dark=False)
    x = np.concatenate([trace.x for trace in figure.data])
    assert len(x) <= BINS * MOST_PER_PLACE
    assert {-1.0, 1.0} <= set(x)
    assert len(figure.to_json()) < 300_000


def test_a_swarm_of_nothing_says_so():
    nothing = np.zeros((0, 0))
    figure = beeswarm([], nothing, nothing, names=[], title="SHAP", dark=True)
    assert "No SHAP values" in figure.layout.annotations[0].text
    flat = beeswarm(["O"], np.zeros((3, 1)), np.zeros((3, 1)), names=["a"] * 3, title="", dark=True)
    assert sum(len(trace.x) for trace in flat.data) == 3


def test_dependence_is_coloured_by_another_element(made):
    shap, fractions, names = made
    here = fractions[:, 0] > 0
    figure = dependence(
        fractions[here, 0],
        shap[here, 0],
        symbol="O",
        names=[name for name, has in zip(names, here, strict=True) if has],
        other=("Fe", fractions[here, 1]),
        title="SHAP value of O",
        dark=False,
    )
    (points,) = figure.data
    assert sorted(points.x) == sorted(fractions[here, 0].astype(np.float32))
    slope = np.polyfit(points.x, points.y, 1)[0]
    assert slope == pytest.approx(0.2, abs=0.01)
    assert set(points.marker.color) == set(fractions[here, 1])
    assert "share of Fe" in figure.layout.coloraxis.colorbar.title.text
    assert "Fe: " in points.hovertext[0]
    assert figure.layout.xaxis.title.text == "Share of O among the atoms"


def test_dependence_is_coloured_by_groups_commonest_first(made):
    shap, fractions, names = made
    groups = ["oxide"] * 300 + ["halide"] * 200
    figure = dependence(
        fractions[:, 0], shap[:, 0], symbol="O", names=names, groups=groups, title="x", dark=True
    )
    assert [trace.name for trace in figure.data] == ["oxide", "halide"]
    assert [len(trace.x) for trace in figure.data] == [300, 200]
    many = [f"kind {min(i // 40, 10)}" for i in range(500)]
    figure = dependence(
        fractions[:, 0], shap[:, 0], symbol="O", names=names, groups=many, title="x", dark=True
    )
    assert len(figure.data) == 8
    assert figure.data[-1].name == "other"
    assert sum(len(trace.x) for trace in figure.data) == 500


def test_dependence_draws_no_more_than_a_page_bears():
    share = np.linspace(0.01, 1, 50_000)
    figure = dependence(
        share, share**2, symbol="O", names=["m"] * len(share), title="SHAP", dark=False
    )
    (points,) = figure.data
    assert len(points.x) <= MOST_POINTS
    assert points.x[0] == np.float32(0.01)
    assert points.x[-1] == 1
    assert len(json.dumps(figure.to_json())) < 800_000
    nothing = dependence(np.zeros(0), np.zeros(0), symbol="He", names=[], title="", dark=False)
    assert "He" in nothing.layout.annotations[0].text
