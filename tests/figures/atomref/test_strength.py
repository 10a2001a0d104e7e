import numpy as np
import pandas as pd
import pytest

from core.figures.atomref.strength import prior_curves, strength_curve

STRENGTHS = np.array([0.01, 0.1, 1.0, 10.0])
ERROR = np.array([0.5, 0.45, 0.47, 0.6])
SPREAD = np.full(4, 0.03)


def trace(figure, start):
    return next(t for t in figure.data if (t.name or "").startswith(start))


def curve(**changes):
    options = {
        "title": "Held-out MAE",
        "best": 0.1,
        "cautious": 1.0,
        "current": 0.01,
        "lines": {"least squares": 0.55},
        "dark": False,
    } | changes
    return strength_curve(STRENGTHS, ERROR, SPREAD, **options)


@pytest.mark.parametrize("dark", [False, True])
def test_curve_band_and_choice(dark):
    figure = curve(dark=dark)
    band = trace(figure, "band")
    np.testing.assert_allclose(band.y, [*(ERROR + SPREAD), *(ERROR - SPREAD)[::-1]])
    np.testing.assert_allclose(band.x, [*STRENGTHS, *STRENGTHS[::-1]])
    assert figure.layout.xaxis.type == "log"
    best = trace(figure, "best: 0.1")
    assert (best.x[0], best.y[0]) == (0.1, pytest.approx(0.45))
    assert trace(figure, "within one standard error: 1").y[0] == pytest.approx(0.47)
    assert trace(figure, "in use: 0.01").y[0] == pytest.approx(0.5)
    assert trace(figure, "least squares: 0.55").y == (0.55, 0.55)
    assert figure.layout.yaxis.title.text == "Held-out MAE (eV/atom)"
    assert "strength 0.1" in trace(figure, "ridge").hovertext[1]


def test_strengths_elsewhere_are_not_marked():
    for current in (None, 1e3, 1e-5):
        assert not any((t.name or "").startswith("in use") for t in curve(current=current).data)


def test_a_hopeless_end_does_not_squeeze_the_rest():
    error = np.array([0.5, 0.45, 0.47, 90.0])
    figure = strength_curve(
        STRENGTHS, error, SPREAD, title="MAE", best=0.1, cautious=0.1, lines={}, dark=False
    )
    assert figure.layout.yaxis.range[1] < 5


PRIORS = pd.DataFrame(
    {
        "prior": ["shifted"] * 2 + ["source"] * 2,
        "materials": [10, 1000] * 2,
        "mae": [0.5, 0.4, 9.0, 0.5],
        "low": [0.4, 0.3, 8.0, 0.4],
        "high": [0.6, 0.5, 10.0, 0.6],
    }
)


def test_one_line_a_prior_with_its_band():
    names = {"shifted": "with <shift>", "source": "as it is"}
    figure = prior_curves(PRIORS, names=names, title="MAE", band="80 % of them", dark=True)
    bands = [t for t in figure.data if t.name == "band"]
    lines = [t for t in figure.data if t.name != "band"]
    assert [t.name for t in lines] == ["with &lt;shift&gt;", "as it is"]
    assert list(lines[1].y) == [9.0, 0.5]
    assert list(bands[1].y) == [10.0, 0.6, 0.4, 8.0]
    assert len({t.line.color for t in lines}) == 2
    assert figure.layout.xaxis.ticktext == ("10", "1,000")
    assert figure.layout.yaxis.type == figure.layout.xaxis.type == "log"
    assert "80 &#37; of them: 8 to 10 eV/atom" in lines[1].hovertext[0]


def test_nothing_yet():
    nothing = np.array([])
    figure = strength_curve(
        nothing, nothing, nothing, title="a", best=1, cautious=1, lines={}, dark=False
    )
    assert "No data yet" in figure.layout.annotations[0].text
    figure = prior_curves(PRIORS[:0], names={}, title="a", band="b", dark=False)
    assert "No data yet" in figure.layout.annotations[0].text
