import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plotly.colors import sample_colorscale

from core.elements import POSITION, SYMBOLS
from core.figures.base.color import contrast, sample, text_on
from core.figures.base.periodic import HEIGHT, periodic_table
from core.figures.base.scales import color_range
from core.figures.base.theme import CIVIDIS, palette

VALUES = dict(zip(SYMBOLS[:80], np.linspace(-9.5, 3.2, 80), strict=True))
ALL_OPTIONS = [(diverging, dark) for diverging in (False, True) for dark in (False, True)]


def table(values=VALUES, **options):
    options = {
        "title": "Mean shift",
        "unit": "eV/atom",
        "diverging": False,
        "dark": False,
    } | options
    return periodic_table(values, **options)


def cells(figure, name):
    return next(trace for trace in figure.data if trace.name == name)


def test_every_element_is_one_clickable_point():
    figure = table()
    known, missing = cells(figure, "elements"), cells(figure, "no data")
    assert list(known.customdata) == list(SYMBOLS[:80])
    assert list(missing.customdata) == list(SYMBOLS[80:])
    assert figure.layout.dragmode is False
    assert figure.layout.xaxis.fixedrange
    assert figure.layout.yaxis.fixedrange
    # A click must not fade the other cells.
    assert known.unselected.marker.opacity == 1


@pytest.mark.parametrize("page", [700, 900, 1200])
def test_cells_are_square_tile_and_fit(page):
    figure = table()
    trace = cells(figure, "elements")
    margin, x_range, y_range = (
        figure.layout.margin,
        *(figure.layout[axis].range for axis in ("xaxis", "yaxis")),
    )
    assert figure.layout.yaxis.scaleanchor == "x"
    unit = min(
        (page - margin.l - margin.r) / (x_range[1] - x_range[0]),
        (HEIGHT - margin.t - margin.b) / (y_range[0] - y_range[1]),
    )
    assert unit * trace.width >= 35
    assert trace.width < 1
    assert set(trace.y) == {trace.width}
    centres = {
        (float(x), round(float(base + trace.width / 2), 6))
        for part in figure.data
        for x, base in zip(part.x, part.base, strict=True)
    }
    assert len(centres) == 94
    rows = sorted({y for _, y in centres})
    assert min(np.diff(rows)) >= 1
    for x, y in centres:
        assert x_range[0] <= x - 0.5
        assert x + 0.5 <= x_range[1]
        assert y + 0.5 <= y_range[0] + 1e-6


def test_columns_are_those_of_the_elements_module():
    trace = cells(table(), "elements")
    assert [float(x) for x in trace.x] == [POSITION[s][1] for s in trace.customdata]


def test_hover_names_value_unit_and_more():
    figure = table(hover={"Fe": "312 <b>materials</b>"})
    known = cells(figure, "elements")
    value = f"{VALUES['Fe']:.4f}".replace("-", "−")
    assert known.hovertext[list(known.customdata).index("Fe")].split("<br>") == [
        "<b>Iron</b> (Fe)",
        f"Mean shift: {value} eV/atom",
        "312 &lt;b&gt;materials&lt;/b&gt;",
    ]
    assert "no data" in cells(figure, "no data").hovertext[0]


@pytest.mark.parametrize(("diverging", "dark"), ALL_OPTIONS)
def test_text_is_readable_on_every_cell(diverging, dark):
    figure = table(diverging=diverging, dark=dark)
    trace = cells(figure, "elements")
    scale = [list(stop) for stop in figure.layout.coloraxis.colorscale]
    low, high = figure.layout.coloraxis.cmin, figure.layout.coloraxis.cmax
    places = np.clip((np.array(list(VALUES.values())) - low) / (high - low), 0, 1)
    # Colours, no numbers: plotly.js takes the numbers of bars for colours, and complains.
    fills = zip(trace.marker.color, sample_colorscale(scale, places), strict=True)
    for (fill, expected), text in zip(fills, trace.textfont.color, strict=True):
        rgb = [int(fill[i : i + 2], 16) for i in (1, 3, 5)]
        np.testing.assert_allclose(rgb, [float(v) for v in expected[4:-1].split(",")], atol=1)
        assert contrast(text, fill) >= 4.5
    assert trace.textfont.size >= 13
    assert contrast(palette(dark=dark).muted, palette(dark=dark).background) >= 4.5


@given(st.lists(st.tuples(*[st.floats(0, 1)] * 3), min_size=1, max_size=20))
def test_the_better_of_black_and_white(colors):
    rgb = np.array(colors)
    for fill, text in zip(np.round(rgb * 255).astype(int), text_on(rgb), strict=True):
        color = "#" + "".join(f"{v:02X}" for v in fill)
        assert contrast(text, color) >= 4.5


def test_sampled_colours_are_plotlys():
    places = np.linspace(0, 1, 33)
    expected = sample_colorscale(list(CIVIDIS), places, colortype="tuple")
    stops = [tuple(int(c[i : i + 2], 16) for i in (1, 3, 5)) for c in CIVIDIS]
    reference = np.stack(
        [np.interp(places, np.linspace(0, 1, len(stops)), [s[k] for s in stops]) for k in range(3)],
        axis=-1,
    )
    assert len(expected) == 33
    assert np.allclose(sample(CIVIDIS, places) * 255, reference)


def test_colour_bar_carries_the_unit_and_balances_at_zero():
    figure = table(diverging=True)
    axis = figure.layout.coloraxis
    assert axis.colorbar.title.text == "Mean shift (eV/atom)"
    assert axis.cmin == -axis.cmax
    assert axis.cmax == pytest.approx(9.5)
    sequential = table().layout.coloraxis
    assert (sequential.cmin, sequential.cmax) == pytest.approx((-9.5, 3.2))


def test_extremes_saturate_and_the_colour_bar_says_so():
    rng = np.random.default_rng(0)
    values = rng.normal(size=92)
    values[3] = 40.0
    span = color_range(values, diverging=True, log=False)
    assert span.high < 4
    assert span.labels[-1].startswith("≥ ")
    assert span.labels[0].startswith("≤") == (values.min() < span.low)
    values[4] = -60.0
    span = color_range(values, diverging=False, log=False)
    assert span.labels[0].startswith("≤ −")
    assert span.ticks[0] == span.low
    assert span.ticks[-1] == span.high
    assert list(span.ticks) == sorted(span.ticks)


@given(
    st.lists(
        st.floats(-1e4, 1e4).filter(lambda v: abs(v) > 1e-3 or v == 0), min_size=1, max_size=94
    ),
    st.booleans(),
)
def test_ranges_hold_for_any_values(values, diverging):
    numbers = np.array(values)
    span = color_range(numbers, diverging=diverging, log=False)
    assert span.low < span.high
    assert len(span.ticks) == len(span.labels) == len(set(span.labels))
    beyond = (numbers < span.low) | (numbers > span.high)
    assert beyond.sum() <= np.ceil(0.04 * len(numbers))
    assert any("≥" in s or "≤" in s for s in span.labels) == bool(beyond.any())
    positions = span.positions(numbers)
    assert positions.min() >= 0
    assert positions.max() <= 1


def test_logarithmic_counts():
    figure = table({"H": 5, "O": 120_000, "Fe": 900, "He": 0}, title="Frames", unit="", log=True)
    trace = cells(figure, "elements")
    assert list(trace.customdata) == ["H", "O", "Fe"]
    low, high = figure.layout.coloraxis.cmin, figure.layout.coloraxis.cmax
    assert (low, high) == pytest.approx(np.log10([5, 120_000]))
    place = np.log10(900 / 5) / np.log10(120_000 / 5)
    (middle,) = sample(CIVIDIS, np.array([place])) * 255
    assert [trace.marker.color[i] for i in (0, 1)] == [CIVIDIS[0], CIVIDIS[-1]]
    assert trace.marker.color[2] == "#" + "".join(f"{round(v):02X}" for v in middle)
    assert list(figure.layout.coloraxis.colorbar.ticktext) == ["10", "100", "1k", "10k", "100k"]
    assert "He" in cells(figure, "no data").customdata
    assert figure.layout.coloraxis.colorbar.title.text == "Frames"
    flat = color_range(np.array([7.0]), diverging=False, log=True)
    assert flat.low < np.log10(7) < flat.high
    small = color_range(np.array([1e-4, 3e-2]), diverging=False, log=True)
    assert list(small.labels) == ["0.0001", "0.001", "0.01"]


def test_missing_and_selected_elements():
    figure = table({"Fe": 1.0, "O": float("nan"), "Li": 2.0}, selected=["Fe", "Xe"])
    known, missing = cells(figure, "elements"), cells(figure, "no data")
    assert list(known.customdata) == ["Li", "Fe"]
    assert "O" in missing.customdata
    assert list(known.marker.line.width) == [0.75, 3.5]
    assert known.marker.line.color[1] == palette(dark=False).text
    assert missing.marker.line.width[list(missing.customdata).index("Xe")] == 3.5
    assert missing.marker.color == "rgba(0,0,0,0)"


@pytest.mark.parametrize("log", [False, True])
def test_without_values(log):
    figure = table({}, log=log)
    assert len(figure.data) == 1
    assert len(figure.data[0].x) == 94
    assert any("no data yet" in note.text for note in figure.layout.annotations)


def test_symbols_only():
    trace = cells(table(show_values=False), "elements")
    assert trace.text[0] == "<b>H</b>"
    assert cells(table(), "elements").text[0] == "<b>H</b><br>−9.50"
