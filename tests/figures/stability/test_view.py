import numpy as np
import pytest

from core.figures.stability.view import energy_range, facets, highest_above
from tests.figures.stability.example import BINARY, QUATERNARY, TERNARY, diagram, hull_view


@pytest.mark.parametrize("energies", [BINARY, TERNARY, QUATERNARY], ids=["2", "3", "4"])
def test_facets_are_pymatgens(energies):
    view = hull_view(energies)
    ours = {
        frozenset(map(tuple, view.corners[facet].round(9)))
        for facet in facets(view.corners, view.depths)
    }
    found = diagram(energies)
    theirs = {
        frozenset(
            tuple(
                round(found.qhull_entries[place].composition.get_atomic_fraction(symbol), 9)
                for symbol in view.elements
            )
            for place in facet
        )
        for facet in found.facets
    }
    assert ours == theirs


def test_a_flat_hull_still_covers_all_compositions():
    corners = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 0.5, 0], [0.2, 0.3, 0.5]])
    found = facets(corners, np.zeros(len(corners)))
    areas = [abs(np.linalg.det(corners[facet])) for facet in found]
    assert sum(areas) == pytest.approx(1.0)
    assert len(facets(np.eye(4), np.zeros(4))) == 1


def test_hover_tells_what_a_phase_is():
    view = hull_view(BINARY)
    texts = dict(zip(view.table["formula"], view.hover(), strict=True))
    assert "Formation energy: −2.000 eV/atom" in texts["Li2O"]
    assert "On the hull" in texts["Li2O"]
    assert "meV/atom above the hull" in texts["LiO3"]
    assert "0.5 Li2O + 0.5 O2" in texts["LiO3"]
    view.table.loc[0, ["formula", "above_hull"]] = "<i>%{x}", -0.0123
    assert "&lt;i&gt;&#37;{x}" in view.hover()[0]
    assert "12.3 meV/atom below the hull" in view.hover()[0]


def test_hulls_side_by_side_share_their_scales():
    first, second = hull_view(BINARY), hull_view({**BINARY, "Li2O": -3.0, "LiO3": 0.5})
    low, high = energy_range([first, second])
    assert low < -3.0
    assert high > 0.5
    assert highest_above([first, second]) == highest_above([second, first]) >= 0.05
