"""Element facts against values read off their sources, and the priors made of them."""

import json

import numpy as np
import pytest

from core.elements import INDEX, SYMBOLS
from core.errors import LabError
from core.reference.fits import facts as module
from core.reference.fits.facts import FACTS, facts, family_facts, functional_shift, other_geometry
from core.reference.fits.priors import PRIOR_KINDS, element_shift, prior

# family, element, column, value as the source file writes it
READ_OFF = [
    ("matpes", "Fe", "e_crystal_pbe", -8.260235505),
    ("matpes", "Fe", "e_atom_pbe", -3.30583367),
    ("matpes", "Fe", "e_crystal_r2scan", -14.412679855),
    ("matpes", "Fe", "e_atom_r2scan", -9.75123742),
    ("matpes", "Ag", "e_crystal_r2scan", -21.3549977225),
    ("mp", "Ac", "e_crystal_r2scan", -68.65135521),
    ("mp", "Al", "e_crystal_pbe", -3.7316022),
    ("mp", "Al", "e_crystal_r2scan", -6.7056224025),
    ("mp", "W", "e_crystal_r2scan", -51.47306542),
    ("mp", "Na", "e_crystal_pbe", -1.3153563966666666),
]


@pytest.mark.parametrize(("family", "element", "column", "value"), READ_OFF)
def test_values_of_the_sources(family, element, column, value):
    assert family_facts(family).loc[element, column] == pytest.approx(value, abs=1e-8)


def test_card_tells_what_the_table_holds():
    card = json.loads(FACTS.with_name("facts.json").read_text())
    table = facts()
    assert set(card["columns"]) == set(table.columns)
    assert card["n"] == table["family"].value_counts().to_dict() == {"matpes": 89, "mp": 81}
    assert card["labels"] == "dft"
    for family in card["families"].values():
        assert family["licence"]
        assert family["source"] in set(table["source"])
        assert all(len(file["sha256"]) == 64 for file in family["files"])


def test_table_is_whole():
    table = facts()
    assert set(table["element"]) <= set(SYMBOLS)
    assert not table.duplicated(["family", "element"]).any()
    matpes = family_facts("matpes")
    assert int(matpes["same_geometry"].sum()) == 63
    assert int(other_geometry("matpes").sum()) == 26
    assert not other_geometry("mp").any()
    assert family_facts("mp")["same_geometry"].isna().all()
    assert matpes.filter(like="e_").notna().all(axis=None)
    assert "Na" in set(table["element"])


def test_functionals_differ_element_by_element():
    same = family_facts("matpes").query("same_geometry")
    crystal = np.corrcoef(same["e_crystal_pbe"], same["e_crystal_r2scan"])[0, 1]
    assert crystal == pytest.approx(0.519, abs=5e-4)
    cohesive = [same[f"e_crystal_{f}"] - same[f"e_atom_{f}"] for f in ("pbe", "r2scan")]
    assert np.corrcoef(cohesive)[0, 1] == pytest.approx(0.992, abs=5e-4)
    assert (same["e_crystal_r2scan"] - same["e_crystal_pbe"]).mean() == pytest.approx(
        -21.76, abs=0.005
    )


def test_a_caller_cannot_spoil_the_facts():
    table = facts()
    table["element"] = "H"
    assert facts()["element"].nunique() == 89


def test_missing_table_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "FACTS", tmp_path / "facts.csv")
    module._read.cache_clear()
    with pytest.raises(LabError, match=r"facts\.csv cannot be read"):
        facts()
    module._read.cache_clear()


def test_shift_prefers_materials_project():
    shift = element_shift("GGA/GGA+U", "r2SCAN")[0]
    mp, matpes = functional_shift("mp", "crystal"), functional_shift("matpes", "crystal")
    aluminium, molybdenum = INDEX["Al"], INDEX["Mo"]
    assert shift[aluminium] == mp[aluminium] == pytest.approx(-6.7056224025 + 3.7316022)
    assert np.isnan(mp[molybdenum])
    assert shift[molybdenum] == matpes[molybdenum]
    unknown = [SYMBOLS[index] for index in np.flatnonzero(np.isnan(shift))]
    assert unknown == ["Po", "At", "Rn", "Fr", "Ra"]


def test_shift_turns_about():
    there, back = element_shift("PBE", "r2scan")[0], element_shift("r2SCAN", "GGA/GGA+U")[0]
    np.testing.assert_array_equal(there, -back)


@pytest.mark.parametrize("target", ["PBE", "HSE06", "GGA/GGA+U"])
def test_other_functionals_have_no_known_shift(target):
    assert np.isnan(element_shift("GGA/GGA+U", target)[0]).all()
    source = np.linspace(-9, -1, 94)
    expected = prior(source, "GGA/GGA+U", target)
    np.testing.assert_array_equal(expected.energies, source)
    assert set(expected.origin) == {"source"}
    assert expected.description == "source"


def test_kinds_of_priors_keep_to_their_facts():
    source = np.linspace(-9, -1, 94)
    made = {kind: prior(source, "PBE", "r2SCAN", kind) for kind in PRIOR_KINDS}
    np.testing.assert_array_equal(made["source"].energies, source)
    assert set(made["source"].origin) == {"source"}
    atom = functional_shift("matpes", "atom")
    known = ~np.isnan(atom)
    np.testing.assert_array_equal(made["atom"].energies[known], (source + atom)[known])
    assert set(made["atom"].origin) == {"source + atom shift (matpes)", "source"}
    own = functional_shift("mp", "crystal")
    other = functional_shift("matpes", "crystal")
    crystal = np.where(np.isnan(own), other, own)
    known = ~np.isnan(crystal)
    np.testing.assert_array_equal(made["crystal"].energies[known], (source + crystal)[known])
    np.testing.assert_array_equal(made["crystal"].energies[~known], source[~known])
    for name, value, from_own in zip(made["crystal"].origin, own, ~np.isnan(own), strict=True):
        assert ("(mp)" in name) == from_own, (name, value)
    assert not any("atom" in name for name in made["crystal"].origin)
    default = prior(source, "PBE", "r2SCAN")
    assert default.origin == made["shifted"].origin
    back = element_shift("r2SCAN", "PBE", "atom")[0]
    np.testing.assert_array_equal(back, -element_shift("PBE", "r2SCAN", "atom")[0])


def test_prior_is_source_plus_shift_and_says_so():
    source = np.linspace(-9, -1, 94)
    made = prior(source, "GGA/GGA+U", "r2SCAN")
    shift = element_shift("GGA/GGA+U", "r2SCAN")[0]
    known = ~np.isnan(shift)
    np.testing.assert_allclose(made.energies[known], (source + shift)[known])
    np.testing.assert_array_equal(made.energies[~known], source[~known])
    origin = dict(zip(SYMBOLS, made.origin, strict=True))
    assert origin["Fe"] == "source + crystal shift (mp)"
    assert origin["Mo"] == "source + crystal shift (matpes)"
    assert origin["Xe"] == "source + crystal shift (matpes, other geometry)"
    assert origin["Po"] == "source"
    assert made.description.startswith("source + crystal shift (mp) of 81 elements, ")
