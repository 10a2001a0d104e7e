import json
from dataclasses import replace

import numpy as np
import pytest

from core.figures.base.clicks import picked
from core.figures.base.theme import palette
from core.figures.stability.hulls import hull_figure
from tests.figures.stability.example import BINARY, QUATERNARY, TERNARY, hull_view


def draw(view, **options):
    return hull_figure(view, **{"energies": (-3.0, 1.0), "above": 0.2, "dark": False} | options)


def trace(figure, name):
    (found,) = (t for t in figure.data if t.name == name and t.meta != "key")
    return found


def test_a_binary_hull_goes_through_the_stable_phases():
    figure = draw(hull_view(BINARY, elsewhere=["LiO3"]), selected="p-3")
    line, stable = trace(figure, "hull"), trace(figure, "stable")
    assert np.all(np.diff(line.x) > 0)
    assert sorted(line.x) == pytest.approx(sorted(stable.x))
    assert set(stable.text) == {"Li", "O2", "Li2O", "Li2O2", "LiO2"}
    beside = trace(figure, "elsewhere")
    assert beside.customdata == ("p-5",)
    # LiO3: 0.75 O, −0.5 eV/atom.
    assert (beside.x[0], beside.y[0]) == pytest.approx((0.75, -0.5))
    ring = trace(figure, "picked")
    assert ring.x[0] == pytest.approx(0.5)
    assert "decomposition energy" in [t.name for t in figure.data]
    assert figure.layout.xaxis.title.text == "Fraction of O in Li–O"
    assert figure.layout.yaxis.title.text == "Formation energy (eV/atom)"
    assert "picked" not in [t.name for t in draw(hull_view(BINARY), selected="none").data]


def test_the_distance_to_the_competing_phases_is_drawn():
    figure = draw(hull_view(BINARY), selected="p-5")
    # The line has the height of what pymatgen decomposes LiO3 into.
    line, distance = trace(figure, "competing phases"), trace(figure, "decomposition energy")
    assert np.interp(0.75, line.x, line.y) == pytest.approx(distance.y[0])
    assert distance.y[1] == -0.5
    text = f"<b>+{1000 * (distance.y[1] - distance.y[0]):.0f} meV/atom</b>"
    assert text in [a.text for a in draw(hull_view(BINARY), selected="p-5").layout.annotations]
    assert sorted(trace(figure, "competing with it").x) == pytest.approx(sorted(line.x))
    solid = draw(hull_view(QUATERNARY), selected="p-5")
    assert len(trace(solid, "competing with it").x) == 2


def test_a_triangle_has_its_corners_where_the_elements_are():
    figure = draw(hull_view(TERNARY))
    stable = trace(figure, "stable")
    places = dict(zip(stable.customdata, zip(stable.x, stable.y, strict=True), strict=True))
    assert places["p-0"] == (0, 0)  # Li
    assert places["p-1"] == (1, 0)  # O
    assert places["p-6"] == pytest.approx((0.5, 3**0.5 / 2))  # V
    unstable = trace(figure, "unstable")
    assert np.all(np.diff(unstable.marker.color) <= 0)
    assert max(unstable.marker.color) <= figure.layout.coloraxis.cmax == 200
    assert [a.text for a in figure.layout.annotations[:3]] == ["<b>Li</b>", "<b>O</b>", "<b>V</b>"]


def test_a_tetrahedron_has_equal_edges_and_all_phases():
    view = hull_view(QUATERNARY, elsewhere=["LiO3"])
    figure = draw(view, selected="p-2")
    names = trace(figure, "elements")
    corners = np.array([names.x, names.y, names.z]).T
    lengths = np.linalg.norm(corners[:, None] - corners, axis=-1)[np.triu_indices(4, 1)]
    assert lengths == pytest.approx(lengths[0])
    kinds = [trace(figure, kind).customdata for kind in ("stable", "unstable", "elsewhere")]
    drawn = [name for names in kinds for name in names]
    assert sorted(drawn) == sorted(view.table["id"])
    assert json.loads(figure.to_json())


@pytest.mark.parametrize("dark", [False, True])
def test_legend_entries_are_readable_and_clicks_keep_the_look(dark):
    figure = draw(hull_view(TERNARY), dark=dark)
    entries = [t for t in figure.data if t.meta == "key"]
    assert [t.name for t in entries] == ["unstable", "stable"]
    assert entries[0].marker.color == palette(dark=dark).muted
    event = {"selection": {"points": [{"customdata": trace(figure, "stable").customdata[0]}]}}
    assert picked(event)[0].startswith("p-")


def test_nothing_to_draw_says_so():
    view = hull_view(BINARY)
    figure = draw(replace(view, table=view.table.iloc[:0]))
    assert "No phase" in figure.layout.annotations[0].text
