"""A figure as plotly.js draws it once: nothing that a copy of it would differ in."""

import json

import numpy as np
import plotly.graph_objects as go
import pytest

from core.figures.base.canvas import canvas
from core.figures.base.resolved import resolved
from core.figures.base.theme import DARK, template


@pytest.fixture
def figure():
    figure = canvas(height=300, dark=True, x="size", yaxis={"showline": False})
    figure.update_layout(xaxis2={"title": {"text": "other"}}, coloraxis={"cmin": 0.0})
    figure.add_annotation(text="note", font={"size": 20})
    figure.add_bar(
        x=np.array([1, 2]), y=np.array([0.1, np.nan], dtype=np.float32), hovertemplate="%{x}"
    )
    figure.add_scatter(x=np.array([0.1, 88.929], dtype=np.float32), y=[1, 2], xaxis="x2")
    return figure


def test_a_copy_has_neither_template_nor_typed_arrays(figure):
    text = resolved(figure).to_json()
    layout = json.loads(text)["layout"]
    assert "bdata" not in text
    assert layout.get("template") is None
    assert layout["datarevision"] == 1
    assert "clickmode" not in layout
    assert resolved(figure, clicked=True).to_dict()["layout"]["clickmode"] == "event+select"


def test_the_template_is_filled_in_below_what_is_given(figure):
    plain = go.Figure(resolved(figure).to_dict())
    look = template(dark=True).layout
    assert plain.layout.paper_bgcolor == DARK.background
    assert plain.layout.xaxis.gridcolor == plain.layout.xaxis2.gridcolor == look.xaxis.gridcolor
    assert plain.layout.xaxis.title.text == "size"
    assert plain.layout.xaxis2.title.standoff == look.xaxis.title.standoff
    assert plain.layout.yaxis.showline is False
    assert plain.layout.xaxis.showline is True
    assert plain.layout.coloraxis.cmin == 0.0
    assert plain.layout.coloraxis.colorbar.thickness == look.coloraxis.colorbar.thickness
    (note,) = plain.layout.annotations
    assert (note.text, note.font.size, note.showarrow) == ("note", 20, False)
    assert note.font.color == DARK.text
    bar, scatter = plain.data
    assert bar.hovertemplate == "%{x}"
    assert scatter.hovertemplate == "%{hovertext}<extra></extra>"


def test_numbers_stay_and_the_figure_itself_too(figure):
    before = figure.to_json()
    bar, scatter = json.loads(resolved(figure).to_json())["data"]
    assert bar["x"] == [1, 2]
    assert bar["y"] == [0.1, None]  # as written in single precision
    assert scatter["x"] == [0.1, 88.929]
    assert figure.to_json() == before
