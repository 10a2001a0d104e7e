"""AtomRef: fits, the worked example, take-away and mistakes."""

import json

import numpy as np
import pytest

from core.elements import SYMBOLS
from core.frames.registry import open_dataset


@pytest.fixture(scope="module")
def embedded():
    return open_dataset("mp-structures")


def test_least_squares_of_embedded_data(visit, embedded):
    at = visit("atomref")
    table = at.dataframe[0].value.set_index("symbol")
    seen = embedded.fractions().any(axis=0)
    expected, *_ = np.linalg.lstsq(
        embedded.fractions()[:, seen], embedded.energy("energy_r2scan_chgnet"), rcond=None
    )
    assert list(table.index) == [s for s, here in zip(SYMBOLS, seen, strict=True) if here]
    np.testing.assert_allclose(table["target"], expected, atol=1e-6)
    assert "He" in at.warning[0].value


def test_ridge_keeps_close_to_the_prior(visit):
    at = visit("atomref", fit="Ridge toward a prior", strength="1e6")
    pulled = at.dataframe[0].value.set_index("symbol")["target"]
    free = visit("atomref").dataframe[0].value.set_index("symbol")["target"]
    assert abs(pulled["He"] - free["He"]) > 0.01
    assert any("Prior of" in caption.value for caption in at.caption)


def test_worked_example_follows_the_formula(visit):
    at = visit("atomref", formula="NaCl")
    figures = [json.loads(chart.proto.spec) for chart in at.get("plotly_chart")]
    text = json.dumps(figures[-1])
    assert "Na" in text
    assert "0.500" in text
    at.text_input(key="formula").set_value("Xx2").run()
    assert "Xx" in at.error[0].value
    at.text_input(key="formula").set_value("ArF").run()
    assert "Ar" in at.warning[-1].value


def test_command_names_column_and_pull(visit):
    at = visit("atomref", fit="Ridge toward a prior")
    assert at.code[0].value == (
        "python -m core atomref mp-structures --column energy_r2scan_chgnet --method ridge "
        "--model chgnet-0.3.0 --strength 0.01"
    )
