import csv
import io

import numpy as np
import pandas as pd
import pytest

from core.csv_text import as_text, as_written, csv_text
from core.frames.export.forms import export_dataset
from core.frames.registry import open_dataset
from core.frames.tables.pair_table import import_pairs

FORMULAS = ["=1+1", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "＝1+1"]


@pytest.mark.parametrize("number", range(len(FORMULAS)))
def test_text_that_begins_like_a_formula_gets_an_apostrophe(number):
    cell = FORMULAS[number]
    assert as_text(cell) == f"'{cell}"
    assert as_written(as_text(cell)) == cell


@pytest.mark.parametrize("cell", ["NaCl", "-1.5", "+3e-4", "-", "", "'=x", -1.5, 3, None])
def test_other_cells_stay_as_they_are(cell):
    assert as_text(cell) == cell


def test_numbers_and_names_of_columns():
    table = pd.DataFrame({"=a": ["=1", "b"], "n": [-1.5, np.nan], "c": pd.Categorical(["-x", "y"])})
    rows = list(csv.reader(io.StringIO(csv_text(table))))
    assert rows == [["'=a", "n", "c"], ["'=1", "-1.5", "'-x"], ["b", "", "y"]]


def test_ids_like_formulas_come_back_from_an_export(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path / "home"))
    names = [name for name in FORMULAS if name.isprintable()]
    table = pd.DataFrame(
        {
            "material_id": names,
            "formula": ["NaCl", "LiF", "MgO", "KBr", "LiCl"][: len(names)],
            "energy_pbe": np.linspace(-3, -4, len(names)),
            "energy_r2scan": np.linspace(-5, -6, len(names)),
        }
    )
    table.to_csv(tmp_path / "in.csv", index=False)
    import_pairs(tmp_path / "in.csv", name="a")
    export_dataset(open_dataset("a"), tmp_path / "out.csv")
    cells = [cell for row in csv.reader((tmp_path / "out.csv").open()) for cell in row]
    assert [cell for cell in cells if cell in names] == []
    import_pairs(tmp_path / "out.csv", name="b")
    assert open_dataset("b").table()["material_id"].tolist() == names
