import numpy as np
import pytest

from core.figures.atomref.vectors import atomref_bars, atomref_difference, worked_example

SOURCE = {"Li": -3.0, "O": -8.0, "Fe": -7.0}
TARGET = {"Li": -4.5, "O": -9.0, "Pu": -20.0}


def trace(figure, name):
    return next(t for t in figure.data if t.name == name)


def test_worked_example_multiplies_and_adds():
    shares, energies = [0.25, 0.25, 0.5], [-3.4, -7.18, -8.11]
    figure = worked_example(["Li", "Co", "O"], shares, energies, dark=False)
    assert trace(figure, "composition").text == ("0.250", "0.250", "0.500")
    assert trace(figure, "AtomRef").text[2] == "O  −8.110"
    assert trace(figure, "contributions").text[2] == "0.500 × (−8.110) = −4.055"
    total = f"{np.dot(shares, energies):.3f}".replace("-", "−")
    assert trace(figure, "total").text == (f"<b>{total} eV/atom</b>",)
    notes = " ".join(note.text for note in figure.layout.annotations)
    assert "AtomRef (eV/atom)" in notes
    assert "the other 91 elements" in notes


@pytest.mark.parametrize("count", [1, 4, 10])
@pytest.mark.parametrize("dark", [False, True])
def test_worked_example_grows_with_the_formula(count, dark):
    symbols = ["H", "C", "N", "O", "F", "P", "S", "K", "Fe", "Pu"][:count]
    figure = worked_example(symbols, [1 / count] * count, list(range(count)), dark=dark)
    assert len(trace(figure, "composition").x) == count
    x_range = figure.layout.xaxis.range
    assert all(x_range[0] <= x <= x_range[1] for t in figure.data for x in t.x)
    assert min(t.textfont.size for t in figure.data) >= 13
    rectangles = [shape for shape in figure.layout.shapes if shape.type == "rect"]
    assert len(rectangles) == 2 * count


def test_worked_example_of_nothing():
    assert worked_example([], [], [], dark=True).layout.annotations[0].text.startswith("Type")


def test_bars_of_two_functionals():
    figure = atomref_bars(
        SOURCE, TARGET, source_name="<PBE>", target_name="r2SCAN", counts={"Li": 1200}, dark=False
    )
    source, target, difference = figure.data
    assert source.name == "&lt;PBE&gt;"
    assert list(source.x) == ["Li", "O", "Fe", "Pu"]
    assert np.allclose(difference.y, [-1.5, -1.0, np.nan, np.nan], equal_nan=True)
    assert difference.yaxis == "y2"
    assert figure.layout.yaxis.title.text == "AtomRef (eV/atom)"
    assert figure.layout.yaxis2.title.text == "Difference (eV/atom)"
    assert target.hovertext[0] == "<b>Li</b><br>r2SCAN: −4.5000 eV/atom<br>1,200 frames"
    assert "not fitted" in target.hovertext[2]


def test_difference_on_the_periodic_table():
    figure = atomref_difference(SOURCE, TARGET, source_name="PBE", target_name="r2SCAN", dark=True)
    known = trace(figure, "elements")
    assert list(known.customdata) == ["Li", "O"]
    assert np.allclose(known.marker.color, [-1.5, -1.0])
    assert figure.layout.coloraxis.cmin == -figure.layout.coloraxis.cmax
    assert "r2SCAN − PBE (eV/atom)" in figure.layout.coloraxis.colorbar.title.text


def test_no_atomref_yet():
    figure = atomref_bars({}, {}, source_name="a", target_name="b", dark=False)
    assert "No data yet" in figure.layout.annotations[0].text
