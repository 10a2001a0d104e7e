import numpy as np
import pandas as pd
import pytest

from core.figures.base.theme import METHOD_COLORS
from core.figures.scaling.chances import chance_curves


def chances():
    n = np.array([10.0, 100.0, 1000.0, 10_000.0])
    tables = [
        pd.DataFrame({"method": method, "n_frames": n * k, "probability": [0, 0.2, 0.9, 1]})
        for method, k in (("refit", 1), ("residual", 20_000))
    ]
    return pd.concat(tables, ignore_index=True)


def drawn(**options):
    return chance_curves(
        chances(),
        names={"refit": "Refit <b>", "residual": "Residual"},
        largest={"refit": 500.0, "residual": 500.0},
        target="30 meV/atom",
        dark=False,
        **options,
    )


def test_curves_are_dashed_beyond_the_largest_size_and_joined_there():
    solid, dashed, beyond = drawn().data
    assert (solid.line.dash, dashed.line.dash, beyond.line.dash) == ("solid", "dash", "dash")
    assert solid.x.tolist() == [10, 100]
    assert dashed.x.tolist() == [100, 1000, 10_000]
    assert len(beyond.x) == 4
    assert [one.showlegend for one in (solid, dashed, beyond)] == [True, False, True]
    assert solid.line.color == METHOD_COLORS["refit"]
    assert solid.name == "Refit &lt;b&gt;"
    assert "1,000 training frames: 90%" in dashed.hovertext[1]


def test_what_is_there_is_a_line_with_its_text_beside():
    figure = drawn(have=100)
    assert figure.layout.shapes[0].x0 == 100
    # Plotly takes a text's place on a logarithmic axis by its logarithm.
    assert figure.layout.annotations[0].x == pytest.approx(2)
    assert "30 meV/atom" in figure.layout.yaxis.title.text
    assert not drawn().layout.shapes


def test_without_a_law_it_says_so():
    nothing = pd.DataFrame(columns=["method", "n_frames", "probability"])
    figure = chance_curves(nothing, names={}, largest={}, target="", dark=True)
    assert "No law" in figure.layout.annotations[0].text
