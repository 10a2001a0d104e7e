"""`atomref` on the command line: strengths, priors, intervals, influence."""

import json
from functools import partial

import numpy as np
import pytest
from typer.testing import CliRunner

from core.cli import app
from core.elements import SYMBOLS
from core.frames.registry import open_dataset
from core.reference.fits.atomref import fit_huber, fit_lstsq
from core.reference.fits.prior_comparison import compare_priors
from core.reference.fits.uncertainty import standard_errors

DATA = ("atomref", "mp-structures")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def data():
    return open_dataset("mp-structures")


def answer(*words):
    result = CliRunner().invoke(app, [*words, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def mistake(*words):
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == 2, result.output
    assert result.stderr.count("\n") == 1
    return result.stderr


def test_huber(data):
    told = answer(*DATA, "--method", "huber")
    expected = fit_huber(data.fractions(), data.energy("energy_r2scan_chgnet"), functional="r2SCAN")
    assert told["method"] == "huber"
    assert told["scale"] == pytest.approx(expected.scale)
    assert told["energies"]["O"] == pytest.approx(expected.energies[7])


def test_intervals(data):
    told = answer(*DATA, "--intervals")
    X, y = data.fractions(), data.energy("energy_r2scan_chgnet")
    errors = standard_errors(fit_lstsq(X, y, functional="r2SCAN"), X, y)
    assert told["standard_errors"]["O"] == pytest.approx(errors[7])
    assert told["standard_errors"]["He"] is None
    low, high = told["intervals"]["O"]
    fewer = answer(*DATA, "--intervals", "--resamplings", "100")["intervals"]["O"]
    assert fewer != [low, high]
    assert fewer == pytest.approx([low, high], abs=0.5 * (high - low))
    assert low < told["energies"]["O"] < high
    assert told["materials"]["O"] == (X[:, 7] > 0).sum()
    text = CliRunner().invoke(app, [*DATA, "--intervals"]).stdout
    assert "standard error" in text
    assert "to (95 %)" in text


def test_influence(data):
    told = answer(*DATA, "--influence", "3")
    assert told["undetermined"] == {"mp-111": "Ne", "mp-23156": "He", "mp-36526": "Ac"}
    assert 0.3 < told["leave_one_out_mae"] < 0.5
    first = told["influential"][0]
    assert len(told["influential"]) == 3
    assert data.table()["material_id"].iloc[first["row"]] == first["material_id"]
    assert first["element"] == "Kr"
    text = CliRunner().invoke(app, [*DATA, "--influence", "3"]).stdout
    assert "mp-36526 (Ac)" in text
    assert first["material_id"] in text


def test_strength_by_cross_validation_and_priors_compared(monkeypatch):
    few = partial(compare_priors, sizes=(10,))
    monkeypatch.setattr("core.studies.prior_comparison.compare_priors", few)
    words = (*DATA, "--method", "ridge", "--strength", "auto", "--compare-priors")
    told = answer(*words)
    curve = told["strength_curve"]
    assert told["strength"] == curve["best"]
    assert min(curve["mae"]) == curve["mae"][curve["strengths"].index(curve["best"])]
    rows = {(row["prior"], row["materials"]): row["mae"] for row in told["prior_comparison"]}
    assert rows["shifted", 10] < 0.1 * rows["source", 10]
    text = CliRunner().invoke(app, list(words[:-1])).stdout
    assert "of least squares" in text
    assert answer(*DATA, "--strength", "auto")["strength"] is None


def test_references_of_both_functionals_and_a_formula(data):
    told = answer(*DATA, "--source", "energy_gga_chgnet", "--formula", "LiCoO2")
    X, energies = data.fractions(), [data.energy(f"energy_{it}_chgnet") for it in ("gga", "r2scan")]
    source, target = (np.linalg.lstsq(X, y, rcond=None)[0] for y in energies)
    for symbol in ("Li", "Co", "O"):
        expected = target[SYMBOLS.index(symbol)] - source[SYMBOLS.index(symbol)]
        assert told["source"]["differences"][symbol] == pytest.approx(expected, abs=1e-6)
    scaled = [y - X @ fit for y, fit in zip(energies, (source, target), strict=True)]
    r = np.corrcoef(*scaled)[0, 1]
    assert told["source"]["pearson_scaled"] == pytest.approx(r)
    li, co, o = (target[SYMBOLS.index(symbol)] for symbol in ("Li", "Co", "O"))
    assert told["example"]["contribution"] == pytest.approx((li + co + 2 * o) / 4)
    assert "leave out one" in mistake(*DATA, "--source", "energy_gga_chgnet", "--minus", "x")


def test_priors(home):
    atom = answer(*DATA, "--method", "ridge", "--prior", "atom", "--strength", "1e9")
    crystal = answer(*DATA, "--method", "ridge", "--prior", "crystal", "--strength", "1e9")
    assert "atom shift (matpes)" in atom["prior"]
    assert atom["energies"]["Fe"] != crystal["energies"]["Fe"]
    mine = home / "mine.json"
    answer(*DATA, "--out", str(mine))
    kept = answer(*DATA, "--method", "ridge", "--prior", str(mine), "--strength", "1e9")
    own = json.loads(mine.read_text())["energies"]
    assert np.isclose(kept["energies"]["O"], own["O"], atol=1e-3)


def test_the_difference_of_two_functionals():
    told = answer(
        "atomref", "mp-structures", "--minus", "energy_gga_chgnet", "--intervals",
        "--resamplings", "100",
    )  # fmt: skip
    fits = [
        answer("atomref", "mp-structures", "--column", f"energy_{name}_chgnet")["energies"]
        for name in ("r2scan", "gga")
    ]
    for symbol, energy in told["energies"].items():
        expected = fits[0].get(symbol, 0) - fits[1].get(symbol, 0)
        assert energy == pytest.approx(expected, abs=1e-6)
    assert told["functional"] == "r2SCAN − GGA/GGA+U"
    assert (told["labels"], told["corrections"]) == ("chgnet-0.3.0, chgnet-r2scan", "unknown")
    assert told["intervals"]["O"][0] < told["energies"]["O"] < told["intervals"]["O"][1]
    frames = answer("atomref", "mp-frames-r2scan", "--minus", "mp-frames-gga")
    assert frames["functional"] == "r2SCAN − GGA/GGA+U"


def test_mistakes():
    assert "neither a number nor auto" in mistake(*DATA, "--strength", "strong")
    assert "neither a saved AtomRef nor a file" in mistake(
        *DATA, "--method", "ridge", "--prior", "atoms"
    )
    assert "no prior to compare" in mistake(*DATA, "--compare-priors")
    assert "strength is -1" in mistake(*DATA, "--method", "ridge", "--strength", "-1")
    assert "huge" in mistake(*DATA, "--method", "huge")
    assert "give a number" in mistake(
        *DATA, "--method", "ridge", "--minus", "energy_gga_chgnet", "--strength", "auto"
    )
    assert "same column" in mistake(*DATA, "--minus", "energy_r2scan_chgnet")


def test_alike_elements_jointly(data):
    told = answer(*DATA, "--method", "ridge", "--strength", "covariance")
    assert told["strength"] is None
    assert list(told["deviations"]) == ["own", "table", "embedding", "noise"]
    assert told["errors"]["O"] < told["errors"]["Pu"]
    assert set(told["energies"]) == set(told["errors"]) == set(SYMBOLS)
    text = CliRunner().invoke(app, [*DATA, "--method", "ridge", "--strength", "covariance"]).stdout
    assert "error after the data" in text
    words = ("--minus", "energy_gga_chgnet", "--method", "ridge", "--strength", "covariance")
    shift = answer(*DATA, *words)
    assert shift["functional"] == "r2SCAN − GGA/GGA+U"
    X = data.fractions()
    moved = data.energy("energy_r2scan_chgnet") - data.energy("energy_gga_chgnet")
    expected = np.linalg.lstsq(X, moved)[0]
    assert shift["energies"]["O"] == pytest.approx(expected[7], abs=0.05)
    assert shift["deviations"]["noise"] < 0.5 * told["deviations"]["noise"]
