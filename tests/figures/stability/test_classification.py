import numpy as np
import pandas as pd
import pytest

from core.figures.stability.classification import Line, confusion, roc, score_curves
from core.figures.stability.systems import worst_systems

CURVE = pd.DataFrame({"fpr": [0.0, 0.1, 1.0], "tpr": [0.0, 0.9, 1.0]})
SCORES = pd.DataFrame(
    {"threshold": [0.0, 50.0], "f1": [0.5, 0.7], "precision": [0.6, 0.7], "recall": [0.4, 0.7]}
)
SYSTEMS = pd.DataFrame({"system": ["Li-O", "Fe-O"], "n": [5, 1200], "mae": [33.3, 20.0]})


def line(table, name="refit", color="#0072B2", **options):
    return Line(name=name, color=color, table=table, **options)


def test_roc_keeps_each_models_colour():
    figure = roc([line(CURVE), line(CURVE, "<i>residual", "#009E73", dash="dash")], dark=False)
    assert [t.name for t in figure.data] == ["by chance", "refit", "&lt;i&gt;residual"]
    assert [t.line.color for t in figure.data[1:]] == ["#0072B2", "#009E73"]
    assert "Stable phases found: 90.0%" in figure.data[1].hovertext[1]
    undefined = CURVE.assign(fpr=np.nan, tpr=np.nan)
    assert "stable and unstable" in roc([line(undefined)], dark=True).layout.annotations[0].text


def test_scores_against_the_threshold():
    figure = score_curves([line(SCORES)], threshold=25.0, dark=False)
    drawn = {t.line.dash: list(t.y) for t in figure.data if t.meta != "key"}
    assert drawn == {"solid": [0.5, 0.7], "dash": [0.6, 0.7], "dot": [0.4, 0.7]}
    assert figure.layout.shapes[0].x0 == 25.0
    assert figure.layout.xaxis.title.text == "Threshold above the hull (meV/atom)"
    assert score_curves([], threshold=0.0, dark=False).layout.annotations


def test_confusion_counts_and_shares():
    figure = confusion(np.array([[90, 10], [40, 1860]]), title="refit", dark=False)
    (cells,) = figure.data
    assert np.array(cells.z) == pytest.approx(np.array([[0.9, 0.1], [40 / 1900, 1860 / 1900]]))
    assert [a.text for a in figure.layout.annotations] == [
        "<b>90</b><br>90.0% of row",
        "<b>10</b><br>10.0% of row",
        "<b>40</b><br>2.1% of row",
        "<b>1,860</b><br>97.9% of row",
    ]
    assert "93.0% of all" in cells.hovertext[1][1]
    # Rows read from the top: stable first.
    assert figure.layout.yaxis.autorange == "reversed"
    assert confusion(np.zeros((2, 2)), title="refit", dark=True).layout.annotations[0].text


def test_systems_are_drawn_in_the_given_order_and_report_a_click():
    figure = worst_systems(
        [line(SYSTEMS), line(SYSTEMS.iloc[:1], "residual", "#009E73")], ["Fe-O", "Li-O"], dark=False
    )
    assert list(figure.layout.yaxis.categoryarray) == ["Fe-O", "Li-O"]
    assert list(figure.data[0].customdata) == ["Li-O", "Fe-O"]
    assert "33.300 meV/atom, mean of 5 phases" in figure.data[0].hovertext[0]
    assert figure.layout.showlegend is not False
    assert worst_systems([line(SYSTEMS)], [], dark=False).layout.annotations
