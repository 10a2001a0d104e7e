import numpy as np
import pandas as pd
import pytest

from core.figures.base.theme import METHOD_COLORS, OTHER_COLOR
from core.figures.training.learning_curves import Curve, learning_curves


def history(scale=1.0, epochs=5):
    steps = np.arange(1, 10 * epochs + 1) / 10
    train = pd.DataFrame({"epoch": steps, "split": "train", "value": scale * (1 + 1 / steps)})
    ends = np.arange(1, epochs + 1, dtype=float)
    validation = pd.DataFrame({"epoch": ends, "split": "validation", "value": scale * 2 / ends})
    return pd.concat([train, validation], ignore_index=True)


def draw(runs, **options):
    return learning_curves(
        runs, **{"metric": "Energy MAE", "unit": "meV/atom", "dark": False} | options
    )


def lines(figure):
    return [trace for trace in figure.data if trace.meta != "key"]


def test_each_method_keeps_its_colour_and_splits_their_dash():
    figure = draw([Curve(label=key, method=key, epochs=history()) for key in METHOD_COLORS])
    assert len(lines(figure)) == 10
    for trace in lines(figure):
        assert trace.line.color == METHOD_COLORS[trace.name]
        assert trace.line.dash == {"train": "dash", "validation": "solid"}[trace.meta]
        assert bool(trace.showlegend) == (trace.meta == "validation")
    assert {t.name for t in figure.data if t.meta == "key"} == {"training", "validation"}
    assert figure.layout.yaxis.title.text == "Energy MAE (meV/atom)"
    assert figure.layout.xaxis.title.text == "Epoch"


def test_runs_of_one_method_differ_in_form():
    runs = [Curve(label=f"run {i}", method="residual", epochs=history(i + 1)) for i in range(3)]
    traces = [t for t in lines(draw(runs)) if t.meta == "validation"]
    assert {t.line.color for t in traces} == {METHOD_COLORS["residual"]}
    assert len({t.marker.symbol for t in traces}) == 3
    assert len({t.line.width for t in traces}) == 3
    assert len({t.legendgroup for t in traces}) == 3


def test_values_reach_the_figure_and_gaps_do_not():
    epochs = history()
    epochs.loc[3, "value"] = None
    epochs.loc[4, "value"] = np.inf
    (train, validation) = lines(draw([Curve(label="a", method="refit", epochs=epochs)]))
    kept = epochs[epochs["split"] == "train"].drop(index=[3, 4])
    assert np.allclose(train.x, kept["epoch"])
    assert np.allclose(train.y, kept["value"])
    assert len(validation.x) == 5
    assert validation.hovertext[0] == "<b>a</b><br>validation, epoch 1: 2 meV/atom"


def test_logarithmic_axis_leaves_out_zeros_and_labels_in_full():
    epochs = pd.DataFrame(
        {"epoch": [1, 2, 3], "split": "validation", "value": [0.0, 40.0, 12_000.0]}
    )
    figure = draw([Curve(label="a", method="x", epochs=epochs)], log_y=True)
    (trace,) = lines(figure)
    assert list(trace.y) == [40.0, 12_000.0]
    assert trace.line.color == OTHER_COLOR
    assert figure.layout.yaxis.type == "log"
    assert {"20", "50", "1,000", "20,000"} <= set(figure.layout.yaxis.ticktext)


@pytest.mark.parametrize("log_y", [False, True])
def test_empty_input_gives_a_note(log_y):
    empty = pd.DataFrame({"epoch": [], "split": [], "value": []})
    for runs in ([], [Curve(label="a", method="refit", epochs=empty)]):
        figure = draw(runs, log_y=log_y)
        assert figure.layout.annotations[0].text == "No data yet"


def test_labels_are_text():
    figure = draw([Curve(label="<b>x</b>", method="refit", epochs=history())])
    assert lines(figure)[0].name == "&lt;b&gt;x&lt;/b&gt;"


def test_live_updates_keep_the_zoom():
    few, many = (
        draw([Curve(label="a", method="refit", epochs=history(epochs=n))]).layout.uirevision
        for n in (2, 9)
    )
    assert few == many
    assert (
        few
        != draw([Curve(label="a", method="refit", epochs=history())], metric="F").layout.uirevision
    )
