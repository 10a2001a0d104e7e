import numpy as np
import pandas as pd
import pytest

from core.figures.atomref.intervals import intervals

TABLE = pd.DataFrame(
    {
        "symbol": ["H", "O", "Kr", "Xe"],
        "energy": [-3.4, -8.1, -1.0, -2.0],
        "low": [-3.5, -8.15, -40.0, np.nan],
        "high": [-3.3, -8.05, 90.0, np.nan],
        "half_width": [0.1, 0.05, 65.0, np.nan],
        "margin": [0.11, 0.06, 30.0, np.nan],
        "count": [40, 900, 3, 1],
    }
)


@pytest.mark.parametrize("dark", [False, True])
def test_dots_bars_and_widths(dark):
    figure = intervals(TABLE, title="<AtomRef>", few=10, dark=dark)
    energies, widths, rare, rare_widths = figure.data
    assert list(energies.x) == ["H", "O"]
    assert list(energies.customdata) == ["H", "O"]
    np.testing.assert_allclose(energies.error_y.array, [0.1, 0.05])
    np.testing.assert_allclose(energies.error_y.arrayminus, [0.1, 0.05])
    np.testing.assert_allclose(widths.y, [0.1, 0.05])
    assert widths.yaxis == "y2"
    assert rare.name == "in fewer than 10 materials"
    assert list(rare.x) == ["Kr", "Xe"]
    assert rare.marker.color != energies.marker.color
    assert rare_widths.y[0] == 65
    assert np.isfinite(rare_widths.y[1])
    assert rare_widths.marker.symbol == ("diamond-open", "x-thin")
    assert figure.layout.yaxis.title.text == "&lt;AtomRef&gt; (eV/atom)"
    low, high = figure.layout.yaxis.range
    assert -12 < low < -8.1
    assert -1 < high < 3
    assert figure.layout.yaxis2.type == "log"
    assert "95% interval: −3.5000 to −3.3000 eV/atom" in energies.hovertext[0]
    assert "in 900 materials" in energies.hovertext[1]
    assert "not determined" in rare.hovertext[1]


def test_few_can_be_all_or_none():
    assert len(intervals(TABLE, title="a", few=1, dark=False).data) == 2
    everything = intervals(TABLE, title="a", few=10_000, dark=False).data
    assert [trace.name for trace in everything] == ["in fewer than 10000 materials"] * 2


def test_nothing_yet():
    figure = intervals(TABLE[:0], title="a", few=10, dark=True)
    assert "No data yet" in figure.layout.annotations[0].text
