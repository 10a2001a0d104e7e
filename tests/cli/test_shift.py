"""`shift`: relations to a column, means by element, data efficiency."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from typer.testing import CliRunner

from core.checks.expected import pure_energies
from core.cli import app
from core.elements import fractions_from_formulas
from core.frames.pairs import open_pairs
from core.frames.registry import EMBEDDED_DIR
from core.frames.tables.pair_table import import_pairs

FORMULAS = ["LiF", "NaCl", "MgO", "LiCl", "NaF", "CaO", "MgF2", "CaCl2", "Li2O", "Na2O"]


@pytest.fixture(autouse=True)
def mine(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    n = 60
    formulas = [FORMULAS[i % 10] for i in range(n)]
    X = fractions_from_formulas(formulas)
    gga, r2scan = (X @ np.nan_to_num(pure_energies("crystal", name)) for name in ("PBE", "r2SCAN"))
    table = pd.DataFrame(
        {
            "material_id": [f"m-{i}" for i in range(n)],
            "formula": formulas,
            "energy_gga": gga + rng.normal(-2, 0.5, n),
            "bandgap": rng.random(n),
            "family": ["a", "b"] * (n // 2),
        }
    )
    table["energy_r2scan"] = table["energy_gga"] + r2scan - gga + table["bandgap"] ** 2
    table.to_csv(tmp_path / "mine.csv", index=False)
    import_pairs(tmp_path / "mine.csv", name="mine")
    return table


def answer(*words, data="mine"):
    result = CliRunner().invoke(app, ["shift", data, *words, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_against_a_number(mine):
    told = answer("--against", "bandgap")
    shift = mine["energy_r2scan"] - mine["energy_gga"]
    assert told["n"] == 60
    found = told["against"]
    assert (found["column"], found["unit"], found["kind"]) == ("bandgap", "eV", "number")
    assert found["shift"]["n"] == 60
    assert found["shift"]["pearson"] == pytest.approx(np.corrcoef(shift, mine["bandgap"])[0, 1])
    spearman = stats.spearmanr(shift, mine["bandgap"]).statistic
    assert found["shift"]["spearman"] == pytest.approx(spearman)
    assert abs(found["residual"]["pearson"]) <= 1


def test_energies_in_another_unit_are_told(tmp_path):
    pairs = open_pairs(EMBEDDED_DIR / "mp-structures")
    table = pairs.table().iloc[:200][["material_id", "formula"]]
    for column, factor in (("energy_gga", 1), ("energy_r2scan", 96.485)):
        table[column] = pairs.energy(f"{column}_chgnet")[:200] * factor
    table.to_csv(tmp_path / "kj.csv", index=False)
    told = answer(data="kj.csv")["warnings"]
    assert len(told) == 1
    assert told[0].startswith("r2SCAN: ")
    assert "--unit energy=kJ/mol/atom" in told[0]


def test_a_filter_says_which_pairs_atomref_is_fitted_to(mine):
    everything, some = answer(), answer("--element", "Li")
    refitted = answer("--element", "Li", "--refit")
    assert [told["atomref_fitted_to"] for told in (everything, some, refitted)] == [
        "all", "all", "selected",
    ]  # fmt: skip
    assert [told["n_fitted"] for told in (everything, some, refitted)] == [60, 60, 18]
    assert some["n"] == refitted["n"] == 18
    assert some["mean_shift"] == refitted["mean_shift"]
    assert some["pearson_scaled"] != refitted["pearson_scaled"]
    assert refitted["warnings"] == []
    few = answer("--element", "Mg", "--element", "F", "--refit")
    assert (few["n"], len(few["warnings"])) == (6, 0)
    text = CliRunner().invoke(app, ["shift", "mine", "--element", "Li"]).stdout
    assert "all pairs, 60" in text


def test_against_a_category_and_only_some_elements(mine):
    told = answer("--against", "family", "--element", "Li")
    held = mine[mine["formula"].str.contains("Li")]
    assert told["n"] == len(held) == 18
    rows = {row["category"]: row for row in told["against"]["shift"]}
    shift = (held["energy_r2scan"] - held["energy_gga"])[held["family"] == "a"]
    assert rows["a"]["median"] == pytest.approx(shift.median())


def test_by_element(mine):
    told = answer("--by-element", "--rare", "20")["by_element"]
    rows = {row["symbol"]: row for row in told["elements"]}
    held = mine["formula"].str.contains("Ca")
    shift = (mine["energy_r2scan"] - mine["energy_gga"])[held]
    assert rows["Ca"]["n"] == 12
    assert rows["Ca"]["rare"]
    assert not rows["O"]["rare"]
    assert rows["Ca"]["shift"] == pytest.approx(shift.mean())


def test_few():
    told = answer("--few", "--seed", "2")["few"]
    assert (told["n_materials"], told["n_held_out"], told["model"]) == (60, 12, "chgnet-0.3.0")
    assert [(row["method"], row["materials"]) for row in told["points"]] == [
        (method, size) for method in ("lstsq", "ridge") for size in (10, 30, 48)
    ]
    assert told["source_prior"] == "source"


def test_mistakes_are_one_line():
    for words in (["--against", "colour"], ["--element", "Xx"], ["--few", "--drawings", "3"]):
        result = CliRunner().invoke(app, ["shift", "mine", *words])
        assert result.exit_code == 2
        assert result.stderr.count("\n") == 1


def test_words_for_people():
    result = CliRunner().invoke(app, ["shift", "mine", "--against", "bandgap", "--by-element"])
    assert "Spearman r, shift against Band gap" in result.stdout
    assert "95 % interval" in result.stdout
