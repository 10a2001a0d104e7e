"""Histograms of a data set's numbers, and the cut-off of the table of elements."""

import numpy as np
import pytest

from core.elements import SYMBOLS
from core.figures.base.periodic import periodic_table
from core.figures.data.distributions import Histogram, distributions

EDGES = np.linspace(-1.0, 1.0, 5)


def histogram(title="Energy", unit="eV/atom", **options):
    counts = {"counts": np.array([0, 1, 2, 0]), "whole": np.array([1, 10, 20, 3])}
    return Histogram(title=title, unit=unit, edges=EDGES, **(counts | options))


@pytest.mark.parametrize("dark", [False, True])
def test_each_quantity_has_its_own_axes(dark):
    many = [histogram(), histogram("<b>Force</b>", "eV/Å"), histogram("Atoms", "")] * 2
    figure = distributions(many, things="frames", selected=True, log=True, dark=dark)
    layout = figure.layout
    titles = [layout[f"xaxis{n or ''}"].title.text for n in ("", 2, 3, 4, 5, 6)]
    assert titles[:3] == ["Energy (eV/atom)", "&lt;b&gt;Force&lt;/b&gt; (eV/Å)", "Atoms"]
    assert layout.yaxis.type == "log"
    assert [trace.name for trace in figure.data] == ["all frames", "selected frames"] * 6
    assert list(figure.data[1].y) == [0, 1, 2, 0]
    assert sum(bool(trace.showlegend) for trace in figure.data) == 2
    # The highest bar is inside.
    assert 10 ** layout.yaxis.range[1] > 20


def test_bins_say_what_they_hold():
    (bars,) = distributions(
        [histogram(ends=("≤ ", "≥ "))], things="pairs", selected=False, log=False, dark=False
    ).data
    assert bars.hovertext[0] == "Energy: ≤ −0.5 eV/atom<br>selected pairs: 0"
    assert bars.hovertext[1].startswith("Energy: −0.5 to 0 eV/atom")
    assert bars.hovertext[3].startswith("Energy: ≥ 0.5")
    whole = Histogram(
        title="Atoms",
        unit="",
        edges=np.array([0.5, 1.5, 2.5]),
        counts=np.array([3, 4]),
        whole=np.array([3, 4]),
    )
    (bars,) = distributions([whole], things="frames", selected=False, log=False, dark=False).data
    assert bars.hovertext[1].startswith("Atoms: 2<br>")
    wide = Histogram(
        title="Atoms",
        unit="",
        edges=np.array([0.5, 3.5, 6.5]),
        counts=np.array([3, 4]),
        whole=np.array([3, 4]),
    )
    (bars,) = distributions([wide], things="frames", selected=False, log=False, dark=False).data
    assert bars.hovertext[1].startswith("Atoms: 4 to 6<br>")


def test_nothing_labelled_says_so():
    figure = distributions([], things="frames", selected=False, log=True, dark=False)
    assert figure.layout.annotations[0].text == "Nothing is labelled yet."


def test_elements_up_to_the_cutoff_have_the_lowest_colour():
    counts = dict(zip(SYMBOLS[:5], (10, 1000, 1500, 20_000, 100_000), strict=True))
    figure = periodic_table(
        counts, title="Frames", unit="", diverging=False, log=True, cutoff=1000, dark=False
    )
    axis = figure.layout.coloraxis
    assert axis.cmin == pytest.approx(3)
    assert axis.cmax == pytest.approx(5)
    assert axis.colorbar.ticktext[0] == "≤ 1k"
    assert axis.colorbar.ticktext[-1] == "100k"
    elements = next(trace for trace in figure.data if trace.name == "elements")
    first, second, third, *_ = elements.marker.color
    assert first == second == axis.colorscale[0][1] != third
    below = periodic_table(
        counts, title="Frames", unit="", diverging=False, log=True, cutoff=5, dark=False
    )
    assert "≤" not in "".join(below.layout.coloraxis.colorbar.ticktext)
