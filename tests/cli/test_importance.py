"""`importance` and `formation` from the command line."""

import numpy as np
import pandas as pd
import pytest

from core.elements import INDEX, fractions_from_formulas
from core.reference.fits.facts import family_facts
from core.studies.catalog import study_of
from core.studies.importance import ImportanceResult, ImportanceStudy
from tests.cli.helpers import answer, invoke, mistake

FORMULAS = ["LiF", "NaCl", "MgO", "Li2O", "Na2O", "CaO", "MgF2", "CaCl2", "Fe2O3", "FeF2", "TiO2"]


@pytest.fixture
def table(home):
    """Formation energies that differ by 0.4 eV an atom of oxygen, measured as r2SCAN has them."""
    rng = np.random.default_rng(0)
    formulas = [FORMULAS[i % len(FORMULAS)] for i in range(66)]
    X = fractions_from_formulas(formulas)
    mp = family_facts("mp")
    elements = {
        functional: np.array([mp[f"e_crystal_{functional}"].get(s, 0.0) for s in INDEX])
        for functional in ("pbe", "r2scan")
    }
    formation = -2 + rng.normal(0, 0.1, len(X))
    table = pd.DataFrame(
        {
            "material_id": [f"m-{i}" for i in range(len(X))],
            "formula": formulas,
            "energy_gga_corrected": X @ elements["pbe"] + formation,
            "energy_r2scan": X @ elements["r2scan"] + formation + 0.4 * X[:, INDEX["O"]],
            "enthalpy_measured": formation + 0.4 * X[:, INDEX["O"]] + 0.05,
        }
    )
    table.to_csv("pairs.csv", index=False)
    return table


def test_importance_of_a_table(table):
    told = answer("importance", "pairs.csv")
    assert {"importance", "r2_cv", "n", "n_explained"} <= told.keys()
    assert max(told["importance"], key=told["importance"].get) == "O"
    assert (told["n"], told["n_explained"], told["left_out"]) == (66, 66, 0)
    assert told["r2_cv"] > 0.9
    assert told["r2_cv_linear"] > 0.99
    assert told["missing"] == []
    assert told["counts"]["Ti"] == 6
    assert told["rare"] == ["Ti"]
    assert told["signed"]["O"] > 0
    # The target is the difference of formation energies, without the elements' own.
    assert told["mae_cv"] < 0.05
    text = invoke("importance", "pairs.csv", "--element", "Ti", "--top", "2").stdout
    assert "trees" in text
    assert text.count("m-") == 6, "the materials with Ti"
    assert "MP2020 corrections included" in text


def test_importance_without_corrections(table):
    told = answer("importance", "pairs.csv", "--uncorrected")
    assert told["source_corrections"] == "none"
    assert "rebuilt" in told["uncorrected_from"]
    # A corrected oxide lies 0.687 eV an atom of oxygen lower, which now is gone.
    assert told["signed"]["Fe"] < -0.1
    table.assign(energy_gga_uncorrected=table["energy_gga_corrected"]).to_csv(
        "both.csv", index=False
    )
    chosen = ("--source", "energy_gga_corrected", "--target", "energy_r2scan", "--uncorrected")
    own = answer("importance", "both.csv", *chosen)
    assert own["uncorrected_from"] == "column energy_gga_uncorrected"


def test_importance_of_other_differences_and_references(table):
    assert answer("importance", "pairs.csv", "--explain", "total")["references"] is None
    scaled = answer("importance", "pairs.csv", "--explain", "scaled")
    assert scaled["r2_cv_linear"] < 0.6
    assert scaled["mae_cv"] < 0.1
    assert "no material has" in mistake("importance", "pairs.csv", "--references", "own")
    symbols = ["Li", "Na", "Mg", "Ca", "Fe", "Ti", "O", "F", "Cl"]
    mine = pd.DataFrame({"symbol": symbols * 2, "energy": [-1.5] * 9 + [-2.5] * 9})
    mine["functional"] = ["GGA/GGA+U"] * 9 + ["r2SCAN"] * 9
    mine.to_csv("mine.csv", index=False)
    told = answer("importance", "pairs.csv", "--references", "mine.csv")
    assert "mine.csv" in told["references"]
    assert "cannot be opened" in mistake("importance", "pairs.csv", "--references", "none.csv")
    chosen = ("--source", "energy_r2scan", "--target", "energy_gga_corrected", "--uncorrected")
    assert "not known to carry" in mistake("importance", "pairs.csv", *chosen)


def test_formation_against_experiment(table):
    told = answer("formation", "pairs.csv", "--uncorrected")
    assert told["comparison"] is None
    names = [one["column"] for one in told["columns"]]
    assert names == [
        "energy_gga_corrected",
        "energy_r2scan",
        "energy_gga_corrected, uncorrected (rebuilt)",
    ]
    assert told["experiment"] == "enthalpy_measured"
    whole = {row["energy"]: row for row in told["errors"] if row["chemistry"] == "all"}
    assert whole["energy_r2scan"]["mae"] == pytest.approx(0.05, abs=1e-6)
    assert whole["energy_r2scan"]["me"] == pytest.approx(-0.05, abs=1e-6)
    assert whole["energy_gga_corrected"]["n"] == 66
    assert {row["chemistry"] for row in told["errors"]} == {"all", "oxide", "halide"}
    text = invoke("formation", "pairs.csv").stdout
    assert "MAE" in text
    none = table.drop(columns="enthalpy_measured")
    none.to_csv("none.csv", index=False)
    found = answer("formation", "none.csv", "--across", "energy_gga_corrected")
    assert found["errors"] is None
    oxygen = fractions_from_formulas(none["formula"])[:, INDEX["O"]]
    assert (found["comparison"]["up"], found["comparison"]["n"]) == ("energy_r2scan", 66)
    assert found["comparison"]["mean_difference"] == pytest.approx(0.4 * oxygen.mean())
    assert "it has: energy_gga_corrected" in mistake("formation", "none.csv", "--up", "x")
    assert "--experiment" in invoke("formation", "none.csv").stdout
    assert "no column of numbers" in mistake("formation", "pairs.csv", "--experiment", "x")


def test_formation_of_frames(home):
    told = answer("formation", "mp-frames-r2scan")
    assert told["columns"][0]["functional"] == "r2SCAN"
    assert told["columns"][0]["labels"] == "chgnet-r2scan"
    assert told["errors"] is None
    assert "--experiment" in mistake("formation", "mp-frames-r2scan", "--uncorrected")


def test_the_study_says_what_the_command_says(table):
    assert invoke("import", "pairs.csv", "--name", "mine").exit_code == 0
    columns = {"source": "energy_gga_corrected", "target": "energy_r2scan"}
    settings = {"pairs": {"dataset": "mine", **columns}, "uncorrected": True}
    study = study_of("importance", settings)
    assert isinstance(study, ImportanceStudy)
    assert study.datasets == ["mine"]
    assert 0 < study.seconds() < 6
    result = study.compute(lambda *_: None)
    assert isinstance(result, ImportanceResult)
    assert (result.corrections, result.rebuilt) == ("none", True)
    told = answer("importance", "mine", "--uncorrected")
    found = result.importance.table().set_index("symbol")["importance"].to_dict()
    assert found == pytest.approx(told["importance"], abs=1e-6)
