"""Formation energies against pymatgen's own arithmetic, and what a user's table may hold."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.analysis.phase_diagram import PhaseDiagram
from pymatgen.core import Composition
from pymatgen.entries.computed_entries import ComputedEntry

from core.elements import INDEX, N_ELEMENTS, fractions_from_formulas
from core.errors import LabError
from core.reference.fits.facts import facts
from core.reference.formation.energies import (
    ElementReferences,
    embedded_references,
    formation_energies,
    missing,
    own_references,
    paired_references,
    references_from_table,
)
from core.reference.shifts.pairs import PairedEnergies


def references(**energies):
    values = np.full(N_ELEMENTS, np.nan)
    for symbol, energy in energies.items():
        values[INDEX[symbol]] = energy
    return ElementReferences(kind="table", functional="PBE", energies=values, origin="test")


def pairs_of(formulas, source, target, functionals=("PBE", "r2SCAN")):
    return PairedEnergies(
        material_id=np.array([f"m-{i}" for i in range(len(formulas))]),
        formula=np.array(formulas),
        fractions=fractions_from_formulas(formulas),
        source=np.array(source, dtype=float),
        target=np.array(target, dtype=float),
        index=np.arange(len(formulas)),
        source_functional=functionals[0],
        target_functional=functionals[1],
    )


def test_formation_energies_are_those_of_a_phase_diagram():
    formulas = ["Li", "Li2O", "Li2O2", "O2", "Fe", "Fe2O3", "LiFeO2", "Fe", "O2"]
    energies = np.array([-1.9, -4.8, -4.7, -4.9, -8.4, -6.7, -5.9, -8.1, -4.95])
    fractions = fractions_from_formulas(formulas)
    entries = [
        ComputedEntry(Composition(formula), energy * Composition(formula).num_atoms)
        for formula, energy in zip(formulas, energies, strict=True)
    ]
    diagram = PhaseDiagram(entries)
    expected = [diagram.get_form_energy_per_atom(entry) for entry in entries]
    own = own_references(fractions, energies, "PBE")
    np.testing.assert_allclose(formation_energies(fractions, energies, own), expected, atol=1e-12)
    assert own.energies[INDEX["O"]] == -4.95
    assert own.energies[INDEX["Fe"]] == -8.4


def test_own_references_need_a_finite_energy():
    fractions = fractions_from_formulas(["Li", "Li", "O2", "LiO"])
    own = own_references(fractions, np.array([np.nan, -1.0, np.nan, -9.0]), "PBE")
    assert own.energies[INDEX["Li"]] == -1.0
    assert np.isfinite(own.energies).sum() == 1


def test_an_element_without_reference_is_named_and_its_materials_are_left_out():
    fractions = fractions_from_formulas(["NaCl", "NaF", "LiF"])
    known = references(Na=-1.0, Cl=-2.0)
    values = formation_energies(fractions, np.array([-3.0, -4.0, -5.0]), known)
    np.testing.assert_allclose(values, [-1.5, np.nan, np.nan])
    assert missing(fractions, known) == ["Li", "F"]
    assert missing(fractions, known, references(Na=0.0)) == ["Li", "F", "Cl"]


@settings(max_examples=40)
@given(st.lists(st.floats(-50, 50), min_size=3, max_size=3), st.floats(0.01, 10))
def test_energies_that_are_linear_in_composition_form_nothing(elements, factor):
    fractions = fractions_from_formulas(["NaCl", "Na3Cl2O7", "O2", f"NaO{factor:.3f}"])
    known = references(Na=elements[0], Cl=elements[1], O=elements[2])
    energies = fractions @ np.nan_to_num(known.energies)
    assert np.abs(formation_energies(fractions, energies, known)).max() < 1e-10


def test_embedded_references_are_materials_projects_alone():
    table = facts()
    mp = table[table["family"] == "mp"].set_index("element")
    for functional, column in (
        ("GGA/GGA+U", "e_crystal_pbe"),
        ("PBE", "e_crystal_pbe"),
        ("r2SCAN", "e_crystal_r2scan"),
        ("R2SCAN ", "e_crystal_r2scan"),
    ):
        known = embedded_references(functional)
        assert known.energies[INDEX["Fe"]] == mp.loc["Fe", column]
        assert known.energies[INDEX["Na"]] == mp.loc["Na", column]
        # MatPES has molybdenum; it is not filled in.
        assert np.isnan(known.energies[INDEX["Mo"]])
        assert np.isfinite(known.energies).sum() == len(mp)
    with pytest.raises(LabError, match="HSE06 are not embedded"):
        embedded_references("HSE06")


def test_a_users_table_is_read(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("Symbol,Energy\nNa,-1.3\nCl,-1.8\n")
    known = references_from_table(path, "HSE06")
    assert (known.kind, known.functional) == ("table", "HSE06")
    assert known.energies[INDEX["Na"]] == -1.3
    assert np.isfinite(known.energies).sum() == 2
    frame = pd.DataFrame({"symbol": ["Na"], "energy": [-1.0]})
    assert references_from_table(frame, "PBE").energies[INDEX["Na"]] == -1.0


def test_a_table_may_hold_several_functionals(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("symbol,energy,functional\nNa,-1,PBE\nNa,-2,r2scan\nCl,-3,r2scan\n")
    pairs = pairs_of(["NaCl"], [-4.0], [-5.0])
    source, target = paired_references(pairs, str(path))
    assert source.energies[INDEX["Na"]] == -1
    assert target.energies[INDEX["Na"]] == -2
    assert missing(pairs.fractions, source, target) == ["Cl"]
    with pytest.raises(LabError, match="no row of HSE06"):
        references_from_table(path, "HSE06")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,energy\nNa,-1\n", "no column 'symbol'"),
        ("symbol,value\nNa,-1\n", "no column 'energy'"),
        ("symbol,energy\nNa,-1\nXx,-2\n", "line 3: 'Xx' is not an element"),
        ("symbol,energy\nNa,low\n", "line 2: 'low' is not an energy"),
        ("symbol,energy\nNa,\n", "line 2: '' is not an energy"),
        ("symbol,energy\nNa,inf\n", "line 2: 'inf' is not an energy"),
        ("symbol,energy\nNa,-1\nNa,-2\n", "line 3: Na occurs twice"),
        ("symbol,energy\n", "contains no element"),
        ("", "is not a CSV table"),
    ],
)
def test_a_wrong_table_is_told_with_its_line(tmp_path, text, message):
    path = tmp_path / "mine.csv"
    path.write_text(text)
    with pytest.raises(LabError, match=message):
        references_from_table(path, "PBE")


def test_files_that_are_no_tables_are_told(tmp_path):
    with pytest.raises(LabError, match="cannot be read"):
        references_from_table(tmp_path / "none.csv", "PBE")
    (tmp_path / "binary.csv").write_bytes(bytes(range(256)) * 8)
    with pytest.raises(LabError, match=r"not a CSV table|no column"):
        references_from_table(tmp_path / "binary.csv", "PBE")


def test_one_nameless_table_does_not_serve_two_functionals(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("symbol,energy\nNa,-1\nCl,-2\n")
    pairs = pairs_of(["NaCl"], [-4.0], [-5.0])
    with pytest.raises(LabError, match="add a column functional"):
        paired_references(pairs, str(path))
    same = pairs_of(["NaCl"], [-4.0], [-5.0], functionals=("PBE", "PBE"))
    source, target = paired_references(same, str(path))
    np.testing.assert_array_equal(source.energies, target.energies)


def test_own_references_of_pairs_take_each_functionals_energies():
    pairs = pairs_of(["Na", "Na", "Cl2", "NaCl"], [-1, -2, -3, -4], [-10, -9, -13, -14])
    source, target = paired_references(pairs, "own")
    assert (source.energies[INDEX["Na"]], target.energies[INDEX["Na"]]) == (-2, -10)
