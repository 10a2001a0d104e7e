"""The curve of the learning-rate finder."""

import numpy as np
import pandas as pd
import pytest

from core.figures.base.theme import METHOD_COLORS
from core.figures.training.rate_finder import rate_curve

TABLE = pd.DataFrame(
    {"rate": np.geomspace(1e-7, 1, 9), "loss": np.arange(9.0), "smoothed": np.arange(9.0) / 2}
)


@pytest.mark.parametrize("dark", [False, True])
def test_losses_and_the_rate_that_was_taken(dark):
    figure = rate_curve(TABLE, suggestion=1e-3, method="residual", dark=dark)
    assert [trace.name for trace in figure.data] == ["batch", "smoothed"]
    np.testing.assert_array_equal(figure.data[1].y, TABLE["smoothed"])
    assert figure.data[1].line.color == METHOD_COLORS["residual"]
    assert figure.layout.shapes[0].x0 == 1e-3
    assert (figure.layout.xaxis.type, figure.layout.xaxis.title.text) == ("log", "Learning rate")


def test_nothing_to_draw():
    assert not rate_curve(TABLE, suggestion=None, method="residual", dark=False).layout.shapes
    empty = rate_curve(TABLE.iloc[:0], suggestion=None, method="residual", dark=False)
    assert "diverged" in empty.layout.annotations[0].text
