"""Which data and whose labels, in words."""

import pytest

from core.frames.provenance import Provenance, origin


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([], ""),
        (["dft", "dft"], "DFT"),
        (["m2", "m1"], "m1, m2 (model-labelled, not DFT)"),
        (["m1", "dft"], "DFT and m1 (model-labelled, not DFT)"),
    ],
)
def test_origin(labels, words):
    assert origin(*labels) == words


def test_details_follow_the_line():
    source = Provenance(data="mine", labels={"dft"}, details="30 pairs.")
    assert source.line == "Data: mine. Labels: DFT."
    assert source.text == "Data: mine. Labels: DFT. 30 pairs."
    assert Provenance(data="points").text == "Data: points."
