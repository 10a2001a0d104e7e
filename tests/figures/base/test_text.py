import html
import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.figures.base.clicks import picked, toggled
from core.figures.base.text import compact, plain, precise, with_unit

FINITE = st.floats(allow_nan=False, allow_infinity=False, min_value=-9e7, max_value=9e7)


@given(st.text(max_size=60))
def test_user_text_is_never_html(text):
    shown = plain(text)
    assert "<" not in shown.replace("<br>", "")
    assert "%{" not in shown
    assert html.unescape(shown.replace("<br>", "\n")) == "\n".join(text.splitlines())


def test_long_lines_are_cut():
    assert plain("x" * 500) == "x" * 89 + "…"


def test_unit_stands_once():
    assert with_unit("Energy", "eV/atom") == "Energy (eV/atom)"
    assert with_unit("Energy (eV/atom)", "eV/atom") == "Energy (eV/atom)"
    assert with_unit("Frames", "") == "Frames"
    assert with_unit("<b>", "Å") == "&lt;b&gt; (Å)"


@given(FINITE)
def test_compact_numbers_fit_a_cell(value):
    text = compact(value)
    assert len(text) <= 6
    factor = {"k": 1e3, "M": 1e6}.get(text[-1], 1)
    number = float(text.rstrip("kM").replace("−", "-")) * factor
    assert abs(number - value) <= max(0.0051, 0.06 * abs(value))


def test_numbers_as_print_writes_them():
    assert [compact(v) for v in (-12.345, -0.449, 0, 312, 1234, 45_600, -0.001)] == [
        "−12.3", "−0.45", "0", "312", "1.2k", "46k", "0.00",
    ]  # fmt: skip
    assert compact(0.0123, decimals=3) == "0.012"
    assert [precise(v) for v in (-9.5612345, 12_345, 0.0, 123.456, 2e-5)] == [
        "−9.5612", "12,345", "0", "123.46", "0.000020",
    ]  # fmt: skip


@given(FINITE)
def test_precise_numbers_are_right(value):
    text = precise(value)
    assert re.fullmatch(r"−?[\d,]+(\.\d+)?", text)
    number = float(text.replace("−", "-").replace(",", ""))
    assert np.isclose(number, value, rtol=1e-3, atol=1e-6)


def event(*customdata):
    return {"selection": {"points": [{"customdata": value} for value in customdata]}}


def test_picked_reads_streamlits_event():
    assert picked(None) == []
    assert picked({"selection": {"points": []}}) == []
    assert picked(event("Fe", ["O"], "Fe", None, [])) == ["Fe", "O"]
    assert picked({"selection": {"points": [{"x": 1}]}}) == []


def test_toggled_adds_and_removes():
    assert toggled([], event("Fe")) == ["Fe"]
    assert toggled(["Fe", "O"], event("Fe")) == ["O"]
    assert toggled(["Fe"], event("O", "Li")) == ["Fe", "O", "Li"]
    assert toggled(["Fe"], event()) == ["Fe"]
