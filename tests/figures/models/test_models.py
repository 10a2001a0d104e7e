"""Figures of relaxations and equations of state: what is drawn is what was given."""

import pandas as pd
import pytest

from core.figures.models.equation_of_state import EnergyCurve, energy_by_volume
from core.figures.models.relaxation import relaxation_curves
from core.figures.stability.classification import Line

STEPS = pd.DataFrame({"step": [0, 1], "change_mev_per_atom": [0.0, -5.0], "max_force": [1.0, 0.05]})
CURVE = pd.DataFrame({"volume_per_atom": [10.0, 11.0, 12.0], "above_mev_per_atom": [4.0, 0.0, 5.0]})


@pytest.mark.parametrize("dark", [True, False])
def test_energy_and_force_by_step(dark):
    line = Line(name="<b>mine", color="#123456", dash="dot", table=STEPS)
    figure = relaxation_curves([line], fmax=0.1, dark=dark)
    energy, force = figure.data
    assert list(energy.y) == [0.0, -5.0]
    assert list(force.y) == [1.0, 0.05]
    assert force.yaxis == "y2"
    assert figure.layout.yaxis2.type == "log"
    assert "&lt;b" in energy.name
    assert figure.layout.shapes[0].y0 == 0.1


def test_without_a_step_the_figure_says_so():
    empty = Line(name="m", color="#123456", table=STEPS.iloc[:0])
    for lines in ([], [empty]):
        figure = relaxation_curves(lines, fmax=0.1, dark=False)
        assert "No step" in figure.layout.annotations[0].text


def test_energy_by_volume():
    line = Line(name="m", color="#123456", table=CURVE)
    curve = EnergyCurve(line=line, points=CURVE.iloc[:2], volume=11.0)
    figure = energy_by_volume([curve], given_volume=10.5, dark=False)
    drawn, points = figure.data
    assert list(drawn.x) == [10.0, 11.0, 12.0]
    assert list(points.y) == [4.0, 0.0]
    assert figure.layout.shapes[0].x0 == 10.5
    assert "No energy" in energy_by_volume([], given_volume=1, dark=True).layout.annotations[0].text
