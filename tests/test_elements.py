import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymatgen.core import Composition, Element

from core.elements import (
    INDEX,
    N_ELEMENTS,
    POSITION,
    SYMBOLS,
    FormulaError,
    amounts_from_formulas,
    as_hydrate,
    chemistry,
    formula_of,
    fractions_from_flat,
    fractions_from_formula,
    fractions_from_formulas,
)

amounts = st.dictionaries(
    st.sampled_from(SYMBOLS), st.integers(min_value=1, max_value=99), min_size=1, max_size=6
)


def pymatgen_fractions(formula):
    expected = np.zeros(N_ELEMENTS)
    for element, fraction in Composition(formula).fractional_composition.items():
        expected[element.Z - 1] = fraction
    return expected


def test_order_is_that_of_atomic_numbers():
    assert N_ELEMENTS == 94
    assert [Element(symbol).Z for symbol in SYMBOLS] == list(range(1, 95))
    assert INDEX["H"] == 0
    assert INDEX["Pu"] == 93


def test_positions_are_those_of_the_periodic_table():
    for symbol, (row, column) in POSITION.items():
        element = Element(symbol)
        if element.is_lanthanoid or element.is_actinoid:
            assert row == element.row + 3
        else:
            assert (row, column) == (element.row, element.group)
    assert len(set(POSITION.values())) == N_ELEMENTS
    assert POSITION["La"] == (9, 3)
    assert POSITION["Pu"] == (10, 8)


@given(amounts)
def test_plain_formulas_agree_with_pymatgen(counts):
    formula = "".join(f"{symbol}{count if count > 1 else ''}" for symbol, count in counts.items())
    assert fractions_from_formula(formula) == pytest.approx(pymatgen_fractions(formula))


@pytest.mark.parametrize(
    "formula",
    ["LiCoO2", "Li0.5CoO2", "Ca(OH)2", "Ca3(PO4)2", "K4[Fe(CN)6]", "Fe2 O3", "Ca.5O", "[{(H)2}3O]"],
)
def test_other_forms_agree_with_pymatgen(formula):
    assert fractions_from_formula(formula) == pytest.approx(pymatgen_fractions(formula))


@pytest.mark.parametrize(
    ("formula", "same_as"),
    [
        ("UO4·4H2O", "UH8O8"),
        ("(2NaCl·MgCl2)", "Na2MgCl4"),
        ("CuSO4·5H2O", "CuSO9H10"),
        ("UO2SO4·3.5H2O", "U2S2O19H14"),
        ("Na2SO4 · 10 H2O", "Na2SO14H20"),
        ("2H2O", "H2O"),
        ("(CaO)3*2TiO2", "Ca3Ti2O7"),
        ("Fe₂O₃", "Fe2O3"),
        ("SO4-2", "SO4"),
        ("SO4[2-]", "SO4"),
        ("[SO4]2-", "SO4"),
        ("SO4^2-", "SO4"),
        ("SO₄²⁻", "SO4"),
        ("NH4+", "NH4"),
        ("Na+", "Na"),
        ("Na2SO4·NH4+", "Na2SO4NH4"),
        ("CuSO4.5H2O", "CuSO9H10"),
        ("CuSO4 . 5 H2O", "CuSO9H10"),
        ("CuSO4.5(H2O)", "CuSO9H10"),
        ("CuSO4.(H2O)5", "CuSO9H10"),
        ("Na2SO4.10H2O", "Na2SO14H20"),
        ("CaSO4.0.5H2O", "Ca2S2O9H2"),
        ("CaSO4.H2O", "CaSO5H2"),
        ("Ca(NO3)2.4H2O", "CaN2O10H8"),
        ("MgCl2.NaCl", "MgNaCl3"),
        ("D2O", "H2O"),
        ("CuSO4.5D2O", "CuSO9H10"),
        ("LiT", "LiH"),
        ("Fe$_{2}$O$_3$", "Fe2O3"),
        ("Fe_2O_{3}", "Fe2O3"),
        ("H<sub>2</sub>O", "H2O"),
        ("Ni0.99991Fe9e-05", "Fe0.00009Ni0.99991"),
        ("Fe9e-05Ni0.99991", "Fe0.00009Ni0.99991"),
        ("InF", "InF"),
        ("Na", "Na"),
    ],
)
def test_hydrates_subscripts_and_charges(formula, same_as):
    assert fractions_from_formula(formula) == pytest.approx(pymatgen_fractions(same_as))


@pytest.mark.parametrize("formula", ["Li0.5CoO2", "La1.85Sr0.15CuO4", "YBa2Cu3O6.9", "Ni0.5H2O"])
def test_decimal_points_stay_decimal(formula):
    assert as_hydrate(formula) is None
    assert fractions_from_formula(formula) == pytest.approx(pymatgen_fractions(formula))


def test_a_hydrate_says_how_it_was_read():
    assert as_hydrate("CuSO4.5H2O") == "CuSO4·5H2O"
    assert amounts_from_formulas(["CuSO4.5H2O", "Li2O"]).sum(axis=1).tolist() == [21, 3]


@pytest.mark.parametrize(("formula", "n"), [("[Co(NH3)6]3+", 25), ("[SO4]2-", 5), ("[SO4]2", 10)])
def test_a_charge_behind_a_bracket_is_no_number_of_complexes(formula, n):
    assert amounts_from_formulas([formula]).sum() == n


@given(st.lists(amounts, min_size=1, max_size=20))
def test_flat_counts_sum_to_one_and_agree_with_formulas(cells):
    numbers = [
        np.repeat([INDEX[symbol] + 1 for symbol in cell], list(cell.values())) for cell in cells
    ]
    offsets = np.concatenate([[0], np.cumsum([len(one) for one in numbers])])
    fractions = fractions_from_flat(np.concatenate(numbers).astype(np.uint8), offsets)
    assert fractions.shape == (len(cells), N_ELEMENTS)
    assert fractions.sum(axis=1) == pytest.approx(1)
    formulas = [formula_of(one) for one in numbers]
    assert fractions == pytest.approx(fractions_from_formulas(formulas))


def test_flat_reads_from_its_first_offset():
    fractions = fractions_from_flat(np.array([26, 8, 8, 1], np.uint8), np.array([1, 3, 4]))
    assert fractions[0, INDEX["O"]] == 1
    assert fractions[1, INDEX["H"]] == 1


def test_many_formulas_keep_their_order():
    formulas = ["Fe2O3", "H2O", "Fe2O3", "Ca(OH)2"]
    fractions = fractions_from_formulas(pd.Series(formulas))
    assert fractions == pytest.approx(np.array([pymatgen_fractions(one) for one in formulas]))
    assert fractions_from_formulas([]).shape == (0, N_ELEMENTS)


@pytest.mark.parametrize(
    ("formula", "problem"),
    [
        ("Xx2O3", "contains Xx, which is not an element"),
        ("Ca(Xx)2", "contains Xx, which is not an element"),
        ("AmO2", "contains Am, which lies beyond Pu"),
        ("iron oxide", "cannot be read"),
        ("Ca(OH2", "cannot be read"),
        ("Ca(OH]2", "cannot be read"),
        ("CaO·", "cannot be read"),
        ("SO42-", "cannot be read"),
        ("LixCoO2", "cannot be read"),
        ("Fe0", "contains no atoms"),
        (f"Fe{'9' * 400}", "infinite number of atoms"),
        (f"{'(' * 300}Fe{')' * 300}", "has over 500 characters"),
        ("NaN", "missing"),
        ("<NA>", "missing"),
        ("", "missing"),
        (None, "missing"),
        (float("nan"), "missing"),
    ],
)
def test_bad_formula_is_named_with_its_row(formula, problem):
    good = [f"Li{n}O" for n in range(1, 50)]
    with pytest.raises(FormulaError, match=re.escape(problem)) as caught:
        fractions_from_formulas([*good, formula, *good, "Yy"])
    assert caught.value.row == len(good)


def test_reduced_formula_agrees_with_pymatgen():
    assert formula_of(np.array([3, 27, 8, 8, 3, 27, 8, 8])) == "LiCoO2"
    assert formula_of(np.array([18, 18])) == Composition("Ar2").reduced_formula


def test_chemistry_follows_its_rule():
    named = {
        "Fe": "element",
        "O2": "element",
        "LiCoO2": "oxide",
        "CuSO4": "oxide",
        "NaCl": "halide",
        "ZnS": "chalcogenide",
        "GaAs": "pnictide",
        "WC": "carbide",
        "MgB2": "boride",
        "FeSi": "silicide",
        "PdH": "hydride",
        "NiTi": "intermetallic",
    }
    assert chemistry(fractions_from_formulas(list(named))) == list(named.values())


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("Fe(III)2O3", "looks like an oxidation number"),
        ("Cu(I)Cl", "looks like an oxidation number"),
        ("LiCoO2_166", "looks like the number of a space group"),
        ("NaCl_225", "looks like the number of a space group"),
        ("3Al2O3.2SiO2", "may mean 3.2 atoms or two parts"),
        ("Na2O.Al2O3.2SiO2", "may mean 3.2 atoms or two parts"),
        ("CaO.6SiO2", "may mean .6 atoms or two parts"),
        ("CaCl2.2CH3OH", "may mean 2.2 atoms or two parts"),
        ("LiI.3C2H5OH", "may mean .3 atoms or two parts"),
        ("Li2O-2SiO2", "has '-' between its parts; write · between two parts"),
        ("0.3Li2O-0.7B2O3", "has '-' between its parts"),
        ("CaO–2Al2O3", "has '–' between its parts"),
        ("NH4+NO3-", re.escape("has '+' between its parts")),
        ("SiO2 P1", "has 'P1' behind a space, which may be no part of it"),
        ("SiO2 C2", "has 'C2' behind a space"),
        ("SiC 4H", "has '4H' behind a space"),
        ("NaCl 2H2O", "has '2H2O' behind a space.*write · before a further part"),
        ("NaCl 225", "has '225' behind a space"),
        ("TiO2 rutile", "has 'rutile' behind a space"),
        ("Fe2O3 R-3c", "has 'R-3c' behind a space"),
    ],
)
def test_formulas_that_may_mean_something_else_are_refused(formula, message):
    with pytest.raises(FormulaError, match=message):
        amounts_from_formulas([formula])


@pytest.mark.parametrize(
    ("formula", "plain"),
    [
        ("3Al2O3·2SiO2", "Al6Si2O13"),
        ("UO2SO4.3.5H2O", "UO9.5SH7"),
        ("Li[Li0.2Mn0.6Ni0.2]O2", "Li1.2Mn0.6Ni0.2O2"),
        ("(CH3NH3)0.5(NH4)0.5PbI3", "C0.5H5NPbI3"),
        ("LiNi0.5Mn1.5O4", "LiNi0.5Mn1.5O4"),
        ("Li_2O", "Li2O"),
        ("C_{60}", "C60"),
        ("Ca(VO3)2", "CaV2O6"),
        ("CaCl2·2CH3OH", "CaCl2C2H8O2"),
        ("Li2O·2SiO2", "Li2Si2O5"),
        ("CsPbI2.5Br0.5", "CsPbI2.5Br0.5"),
        ("Bi2O2.5Se", "Bi2O2.5Se"),
        ("LaO1.1FeAs", "LaO1.1FeAs"),
        ("Li1 Fe1 P1 O4", "LiFePO4"),
        ("Ga1 P1", "GaP"),
        ("Al2 C2", "Al2C2"),
        ("Li 2 O 1", "Li2O"),
        ("LiFePO 4", "LiFePO4"),
        ("Fe 2 (SO4) 3", "Fe2S3O12"),
        ("CH3NH3 Pb I3", "CH6NPbI3"),
        ("3 CaO · SiO2", "Ca3SiO5"),
        ("[Fe(CN)6] 3-", "FeC6N6"),
    ],
)
def test_points_and_brackets_without_doubt(formula, plain):
    expected = Composition(plain).get_el_amt_dict()
    amounts = dict(zip(SYMBOLS, amounts_from_formulas([formula])[0].tolist(), strict=True))
    assert {name: n for name, n in amounts.items() if n} == pytest.approx(expected)
