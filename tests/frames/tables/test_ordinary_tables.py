"""Tables as pandas, Excel and old programs write them."""

import bz2
import gzip
import lzma

import numpy as np
import pyarrow as pa
import pytest

from core.errors import LabError
from core.frames.registry import open_dataset
from core.frames.tables.opening import open_table
from core.frames.tables.pair_table import import_pairs, pairs_from_table
from core.frames.units import HARTREE

HEAD = "formula,energy_pbe,energy_r2scan\n"


def zstd(content: bytes) -> bytes:
    return pa.Codec("zstd").compress(content, asbytes=True)


def energies(path):
    pairs = pairs_from_table(path)
    return [pairs.energy(column).tolist() for column in ("energy_pbe", "energy_r2scan")]


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "NaCl,-3.5,-9.25\n",
        # an index of pandas, also one that was read and written again
        ",formula,energy_pbe,energy_r2scan\n0,NaCl,-3.5,-9.25\n",
        "Unnamed: 0,formula,energy_pbe,energy_r2scan\n0,NaCl,-3.5,-9.25\n",
        ",,formula,energy_pbe,energy_r2scan\n0,1,NaCl,-3.5,-9.25\n",
        # an index of ids whose name is lost
        ",formula,energy_pbe,energy_r2scan\nmp-1,NaCl,-3.5,-9.25\n",
        "Unnamed: 0,formula,energy_pbe,energy_r2scan\n-,-,eV,eV\nmp-1,NaCl,-3.5,-9.25\n",
        # decimal commas
        "formula;energy_pbe;energy_r2scan\nNaCl;-3,5;-9,25\n",
        "formula\tenergy_pbe\tenergy_r2scan\nNaCl\t-3,5\t-9,25\n",
        HEAD + 'NaCl,"-3,5","-9,25"\n',
        "formula;energy_pbe;energy_r2scan\nNaCl;-3,5;-92,5e-1\n",
        "sep=;\nformula;energy_pbe;energy_r2scan\nNaCl;-3,5;-9,25\n",
        # a minus that is no hyphen, exponents of Fortran
        HEAD + "NaCl,−3.5,−9.25\n",
        HEAD + "NaCl,\u20133.5,\u20139.25\n",
        HEAD + "NaCl,-0.35D+01,-9.25d0\n",
        # comments, also one that holds the names
        "# made by hand\n#\n" + HEAD + "NaCl,-3.5,-9.25\n",
        "# formula,energy_pbe,energy_r2scan\nNaCl,-3.5,-9.25\n",
        "# by hand\n\n#formula energy_pbe\n" + HEAD + "NaCl,-3.5,-9.25\n",
        # a row of units
        HEAD + ",eV/atom,eV/atom\nNaCl,-3.5,-9.25\n",
        HEAD + "-,[meV/atom],(meV/atom)\nNaCl,-3500,-9250\n",
        # titles above the names
        "Table S1,,\n\n" + HEAD + "NaCl,-3.5,-9.25\n",
        # blanks between cells, as pandas prints tables and numpy saves them
        "formula  energy_pbe  energy_r2scan\n   NaCl        -3.5          -9.25\n",
        "# energies\n# formula energy_pbe energy_r2scan\nNaCl -3.5 -9.25",
        # a delimiter that ends the lines, all of them or only some; columns that are empty
        HEAD.replace("\n", ",\n") + "NaCl,-3.5,-9.25,\n",
        HEAD + "NaCl,-3.5,-9.25,\n",
        HEAD.replace("\n", ",\n") + "NaCl,-3.5,-9.25\n",
        "formula,,energy_pbe,,energy_r2scan, \nNaCl,,-3.5,,-9.25,\n",
        # delimiters inside quotes
        'formula;energy_pbe;energy_r2scan;"a,b,c,d,e,f"\nNaCl;-3.5;-9.25;"x;y"\n',
        '"formula","energy_pbe","energy_r2scan","a; b; c; d; e"\nNaCl,-3.5,-9.25,x\n',
    ],
)
def test_one_table_in_many_forms(write, text):
    assert energies(write("t.csv", text)) == [[-3.5], [-9.25]]


@pytest.mark.parametrize(
    "cells",
    [
        ["-3,500.5", "-1,203,400", "7"],
        ["-3.500,5", "-1.203.400", "7"],
        ["-3 500,5", "-1 203 400", "7"],
        ["−3\u202f500.5", "−1\xa0203\xa0400", "7"],
        ["-3'500.5", "-1’203’400", "7.0"],
    ],
)
def test_thousands(write, cells):
    rows = "".join(f'NaCl;"{cell}";-9\n' for cell in cells)
    path = write("t.csv", HEAD.replace(",", ";") + rows)
    assert energies(path)[0] == [-3500.5, -1203400, 7]


def test_one_comma_in_two_roles(write):
    """What a column's commas are is decided once, also where it is read in parts."""
    table = open_table(write("t.csv", HEAD + "NaCl,-1,-1\n"))
    assert table.numbers("x", pa.array(["-3,500.5", "-3,500"])).tolist() == [-3500.5, -3500]
    with pytest.raises(LabError, match="'-3,500' in column 'x' is not a finite number"):
        table.numbers("x", pa.array(["-3,500"]))


def test_a_nameless_column_with_contents(write):
    path = write("t.csv", "formula,,energy_pbe,energy_r2scan\nNaCl,,-3,-9\nKCl,x,-3,-9\n")
    with pytest.raises(LabError, match=r"^Line 1 of t.csv: column 2 has no name; give it one.$"):
        pairs_from_table(path)


def test_thousands_beside_hundreds(write):
    rows = 'NaCl,"-1,066",-460\nKCl,-589,-327\nLiF,"-2,009",-851\n'
    assert energies(write("t.csv", HEAD + rows))[0] == [-1066, -589, -2009]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("NaCl;-4,767;-6,1\nKCl;-3,389;-9,152\n", [-4.767, -3.389]),
        ("NaCl;-4,767;-6,105\nKCl;-3,389;-9,152\n", [-4.767, -3.389]),
        ("NaCl;-4,767;-460\nKCl;-5,12;-327\n", [-4.767, -5.12]),
        ("NaCl;-4,767;-460\nKCl;-0,389;-327\n", [-4.767, -0.389]),
    ],
)
def test_decimal_commas_with_three_decimals(write, rows, expected):
    assert energies(write("t.csv", HEAD.replace(",", ";") + rows))[0] == expected


@pytest.mark.parametrize(
    "rows",
    [
        'NaCl,-3,"-4,767"\nKCl,-3,"-3,389"\n',
        'NaCl,-3,"-4,767"\nKCl,-3,-3\n',
        "NaCl;-3.5;-4,767\nKCl;-3.25;-3,389\n",
        # Hundreds in this column, and decimal commas in the other one.
        'NaCl,"-3,5","-4,767"\nKCl,"-3,5",-389\n',
    ],
)
def test_commas_of_which_nothing_tells_what_they_are(write, rows):
    head = HEAD.replace(",", ";") if ";" in rows else HEAD
    with pytest.raises(LabError, match=r"^Line 2 of t.csv: .* may mean -4767 or -4\.767; write"):
        energies(write("t.csv", head + rows))


def test_another_column_with_such_commas_stays_text(write):
    path = write("t.csv", HEAD.replace("\n", ",n\n") + 'NaCl,-3,-9,"4,767"\n')
    assert pairs_from_table(path).table()["n"].tolist() == ["4,767"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("compress", [bytes, gzip.compress, bz2.compress, lzma.compress, zstd])
def test_one_table_in_many_encodings(write, encoding, compress):
    text = "Größe;formula;energy_pbe;energy_r2scan\r\n1;NaCl;-3,5;-9,25\r\n"
    path = write("t.csv", compress(text.encode(encoding)))
    assert energies(path) == [[-3.5], [-9.25]]
    assert open_table(path).columns[0] == "Größe"
    is_told = "Windows-1252" in " ".join(open_table(path).notes)
    assert is_told == (encoding == "cp1252")


def test_text_behind_the_head_tells_the_encoding(write):
    rows = "NaCl,-3.5,-9.25,x\n" * 20_000 + "KCl,-3,-9,Ångström\n"
    path = write("t.csv", (HEAD.strip() + ",comment\n" + rows).encode("cp1252"))
    assert len(pairs_from_table(path).table()) == 20_001


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress, zstd])
def test_a_compressed_table_that_breaks_off(write, compress):
    rng = np.random.default_rng(0)
    rows = "".join(f"NaCl,{a},{b}\n" for a, b in rng.normal(size=(20_000, 2)))
    path = write("t.csv", compress((HEAD + rows).encode())[:-1000])
    with pytest.raises(LabError, match=r"^t.csv cannot be read"):
        pairs_from_table(path)


@pytest.mark.parametrize("word", ["#N/A", "<NA>", "NaN", "NULL", "None", "n/a", "-", "#NA", " "])
def test_words_for_missing_values(write, word):
    assert np.isnan(energies(write("t.csv", f"{HEAD}NaCl,{word},-9\nKCl,-1,-2\n"))[0][0])


@pytest.mark.parametrize("text", ["1,23.5", "-3,5,1", "#DIV/0!", "3.5.1", "InF", "1D", "−"])
def test_other_texts_are_no_numbers(write, text):
    path = write("t.csv", f'{HEAD}KCl,-1.5,-2\nNaCl,"{text}",-9\nLiF,-1,-2\n')
    with pytest.raises(LabError, match=r"^Line 3 of t.csv: .* is not a finite number"):
        pairs_from_table(path)


def test_lines_are_counted_from_the_top_of_the_file(write):
    text = f"# one\n# two\n\n{HEAD},eV/atom,eV/atom\n\nNaCl,-3,-9\n\nKCl,-3,x\n"
    with pytest.raises(LabError, match=r"^Line 9 of t.csv: 'x' in column 'energy_r2scan'"):
        pairs_from_table(write("t.csv", text))
    with pytest.raises(LabError, match=r"^Line 7 of t.csv has another number of cells"):
        pairs_from_table(write("t.csv", text.replace("NaCl,-3,-9", "NaCl,-3,-9,1")))


def test_a_row_of_units_converts(write):
    path = write("t.csv", f"{HEAD},Ha,kJ/mol\nNaCl,-1,-1\n")
    assert energies(path) == [[pytest.approx(-27.211386)], [pytest.approx(-1 / 96.48533)]]
    with pytest.raises(LabError, match=r"unit of column 'energy_r2scan' is not known.*--unit"):
        pairs_from_table(write("t.csv", f"{HEAD},Ha,furlong\nNaCl,-1,-1\n"))


@pytest.mark.parametrize(
    ("name", "unit", "assumed"),
    [
        ("energy_unit", "Ha/atom", ""),
        ("energyUnits", "hartree per atom", ""),
        ("unit_of_energy", "Ha", ", assumed"),
        ("Units", "hartree", ", assumed"),
    ],
)
def test_a_unit_that_all_rows_state_converts(write, name, unit, assumed):
    rows = f"NaCl,-0.125,-0.25,{unit}\nKCl,-0.25,-0.5,{unit}\n"
    pairs = pairs_from_table(write("t.csv", f"formula,energy_pbe,energy_r2scan,{name}\n{rows}"))
    np.testing.assert_allclose(pairs.energy("energy_pbe"), [-0.125 * HARTREE, -0.25 * HARTREE])
    np.testing.assert_allclose(pairs.energy("energy_r2scan"), [-0.25 * HARTREE, -0.5 * HARTREE])
    assert f"source from energy_pbe (Ha/atom{assumed})" in pairs.card.description
    assert "look like labels" not in pairs.card.description


def test_each_column_of_energies_has_its_own_unit(write):
    head = "formula,energy_pbe,energy_pbe_unit,energy_r2scan,unit"
    pairs = pairs_from_table(write("t.csv", f"{head}\nNaCl,-0.125,Ha/atom,-9.25,eV/atom\n"))
    assert pairs.energy("energy_pbe")[0] == pytest.approx(-0.125 * HARTREE)
    assert pairs.energy("energy_r2scan")[0] == -9.25


def test_rows_in_different_units_are_refused(write):
    rows = "NaCl,-3.5,-9.25,eV/atom\nKCl,-0.1,-0.3,Ha/atom\n"
    path = write("t.csv", f"formula,energy_pbe,energy_r2scan,energy_unit\n{rows}")
    with pytest.raises(LabError, match=r"^Line 3 of t.csv: .*states 'Ha/atom', and 'eV/atom' in"):
        pairs_from_table(path)


def test_a_unit_that_is_none_of_energies(write):
    path = write("t.csv", "formula,energy_pbe,energy_r2scan,unit\nNaCl,-3.5,-9.25,primitive\n")
    assert energies(path) == [[-3.5], [-9.25]]
    path = write("t.csv", "formula,energy_pbe,energy_r2scan,energy_unit\nNaCl,-3,-9,furlong\n")
    with pytest.raises(LabError, match="'furlong' is not a known unit of energy"):
        pairs_from_table(path)


def test_a_first_row_without_numbers_is_no_row_of_units(write):
    pairs = pairs_from_table(write("t.csv", f"{HEAD}Pa,,\nNaCl,-1,-2\n"))
    assert list(pairs.table()["formula"]) == ["Pa", "NaCl"]


def test_an_index_is_no_column(write):
    table = open_table(write("t.csv", ",x\n0,1\n1,2\n"))
    assert table.columns == ["x"]
    assert table.head().column_names == ["x"]


def test_formulas_that_read_as_numbers(write):
    card = import_pairs(write("t.csv", f"{HEAD}InF,-1,-2\nInF,-1,-2\n"), name="inf")
    assert list(open_dataset("inf").table()["formula"]) == ["InF", "InF"]
    assert card.n == 2


def test_a_hydrate_says_how_it_was_read(write):
    card = import_pairs(write("t.csv", f"{HEAD}CuSO4.5H2O,-1,-2\n"), name="blue")
    assert "Read CuSO4.5H2O as CuSO4·5H2O." in card.description
    fractions = open_dataset("blue").fractions()[0]
    assert fractions[fractions > 0] == pytest.approx(np.array([10, 9, 1, 1]) / 21)


def test_rows_without_ids_say_so(write):
    card = import_pairs(write("t.csv", f"{HEAD}NaCl,-1,-2\n"), name="nameless")
    assert "No ids were found, so each row is a material of its own." in card.description


def test_decimal_commas_are_said(write):
    text = "formula;energy_pbe;energy_r2scan\nNaCl;-3,5;-9,25\n"
    card = import_pairs(write("t.csv", text), name="commas")
    assert "Commas in energy_pbe, energy_r2scan are decimal points." in card.description


def test_empty_rows_are_left_out(write):
    text = f"{HEAD}NaCl,-3,-9\n,,\n<NA>,NaN,\nKCl,-1,-2\n"
    card = import_pairs(write("t.csv", text), name="gaps")
    assert card.description.startswith("2 of 4 rows of t.csv; left out: 2 empty.")
    assert list(open_dataset("gaps").table()["material_id"]) == ["row-1", "row-4"]
    with pytest.raises(LabError, match=r"Line 6 of t.csv: the formula 'Xx'"):
        import_pairs(write("t.csv", f"{text}".replace("KCl", "K") + "Xx,1,2\n"), name="bad")
    with pytest.raises(LabError, match="no rows"):
        import_pairs(write("t.csv", f"{HEAD},,\n"), name="none")


def test_a_nameless_index_of_texts_holds_ids(write):
    card = import_pairs(write("u.csv", "," + HEAD + "mp-1,NaCl,-3,-9\nmp-2,KCl,-3,-9\n"), name="u")
    assert "material_id from index" in card.description


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("formula energy_pbe energy_r2scan\nNaCl -3\n", "put commas, semicolons or tabs"),
        ("Table of energies\n" + HEAD + "NaCl,-3,-9\n", "# before a line that stands above"),
        ("Energies, 2024\n" + HEAD + "NaCl,-3,-9\n", "line 2 another number; name every column"),
        (HEAD + "NaCl,-3,-9,1\n", "line 2 another number; name every column"),
    ],
)
def test_what_stands_above_the_names_is_told(write, text, message):
    with pytest.raises(LabError, match=message):
        pairs_from_table(write("t.csv", text))
