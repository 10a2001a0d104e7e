"""The line that says where a figure comes from."""

from core.figures.base.provenance import mark
from core.figures.shifts.parity import parity


def test_a_line_is_added_and_the_figure_grows_by_it():
    figure = parity([0.0, 1.0], [0.0, 2.0], x_title="x", y_title="y", dark=False)
    height, top = figure.layout.height, figure.layout.margin.t
    mark(figure, "Data: <b>mine</b>. Labels: DFT")
    assert figure.layout.title.text == "Data: &lt;b&gt;mine&lt;/b&gt;. Labels: DFT"
    assert figure.layout.title.font.size >= 13
    mark(figure, "Data: <b>mine</b>. Labels: DFT")
    assert figure.layout.height - height == figure.layout.margin.t - top > 0


def test_a_long_line_is_broken_between_sentences_and_words():
    figure = parity([0.0, 1.0], [0.0, 2.0], x_title="x", y_title="y", dark=False)
    height = figure.layout.height
    mark(
        figure, "Data: mp-structures. Labels: chgnet-0.3.0, chgnet-r2scan: model-labelled, not DFT"
    )
    assert figure.layout.title.text.split("<br>") == [
        "Data: mp-structures.",
        "Labels: chgnet-0.3.0, chgnet-r2scan:",
        "model-labelled, not DFT",
    ]
    assert figure.layout.height >= height + 3 * figure.layout.title.font.size
