import numpy as np

from core.figures.atomref.vectors import atomref_bars, atomref_difference

SOURCE = {"Li": -3.0, "O": -8.0, "Fe": -7.0}
TARGET = {"Li": -4.5, "O": -9.0, "Pu": -20.0}


def trace(figure, name):
    return next(t for t in figure.data if t.name == name)


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
    assert [text.split("<br>")[1] for text in known.hovertext] == [
        "AtomRef, r2SCAN − PBE: −1.5000 eV/atom",
        "AtomRef, r2SCAN − PBE: −1 eV/atom",
    ]
    assert figure.layout.coloraxis.cmin == -figure.layout.coloraxis.cmax
    assert "r2SCAN − PBE (eV/atom)" in figure.layout.coloraxis.colorbar.title.text


def test_no_atomref_yet():
    figure = atomref_bars({}, {}, source_name="a", target_name="b", dark=False)
    assert "No data yet" in figure.layout.annotations[0].text
