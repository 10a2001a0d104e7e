"""`scaling`: laws of a sweep and of any table of points."""

import numpy as np
import pandas as pd
import pytest

from core.scaling import sweep_files
from core.scaling.law import fit_law
from core.scaling.sweep_files import open_results
from tests.cli.helpers import answer, invoke, mistake
from tests.pages.example_sweep import embed, made_results

LAWS = {
    "scratch": (9000.0, 0.45, 600.0),
    "refit": (2600.0, 0.38, 450.0),
    "residual": (1500.0, 0.32, 300.0),
}
SIZES = np.array([50, 100, 200, 400, 800, 1600])


@pytest.fixture
def example(home, monkeypatch):
    """The lab comes with one made sweep, and no other."""
    embed(monkeypatch, home / "sweeps", example=made_results(LAWS))
    return open_results("example")


def table(path, *, errors, seeds=3):
    n_frames = np.repeat(SIZES, seeds)
    noise = np.exp(np.random.default_rng(0).normal(0, 0.04, len(n_frames)))
    pd.DataFrame(
        {
            "n_frames": n_frames,
            "error": np.repeat(errors, seeds) * noise,
            "seed": np.tile(np.arange(seeds), len(SIZES)),
        }
    ).to_csv(path, index=False)
    return pd.read_csv(path)


def test_a_table_of_points(home):
    points = table(home / "p.csv", errors=500 * SIZES**-0.3)
    told = answer("scaling", "--points", "p.csv", "--min-frames", 100)
    used = points[points["n_frames"] >= 100]
    x, y = np.log(used["n_frames"]), np.log(used["error"])
    slope, intercept = np.polyfit(x, y, 1)
    assert told["exponent"] == pytest.approx(-slope)
    assert told["amplitude"] == pytest.approx(np.exp(intercept))
    assert told["r2"] == pytest.approx(np.corrcoef(x, y)[0, 1] ** 2)
    low, high = told["exponent_interval"]
    assert low < 0.3 < high
    assert (told["n"], told["n_sizes"], told["min_frames"]) == (15, 5, 100)
    assert (told["form"], told["floor"], told["falls"]) == ("power", 0, True)
    assert told["held_out"]["sizes"] == [1600]
    assert "needs 5 sizes" in told["held_out"]["refused"]["offset"]
    assert told["held_out"]["best"] is None
    assert [test["n_frames"] for test in told["extrapolation"]] == [1600]
    text = invoke("scaling", "--points", "p.csv").stdout
    assert "18 at 6 sizes, 50 to 1,600" in text
    assert "predicted from sizes up to a quarter" in text


def test_forms(home):
    table(home / "p.csv", errors=2000 * SIZES**-0.6 + 40)
    told = answer("scaling", "--points", "p.csv", "--form", "offset")
    low, high = told["floor_interval"]
    assert low < 40 < high
    assert told["form"] == "offset"
    assert answer("scaling", "--points", "p.csv", "--form", "auto")["form"] == "offset"
    assert "a·N^−b + c" in invoke("scaling", "--points", "p.csv", "--form", "auto").stdout


def test_a_sweep_by_method(example):
    told = answer("scaling", "example", "--metric", "force", "--split", "test")
    assert (told["sweep"], told["unit"], told["labels"]) == ("example", "meV/Å", "chgnet-r2scan")
    assert told["command"].startswith("atomref sweep run")
    force = "force_mae_mev_per_angstrom"
    for method, (_, exponent, _) in LAWS.items():
        law = fit_law(example.scaling_points(method, metric=force, split="test"), min_frames=100)
        one = told["methods"][method]
        assert one["exponent"] == pytest.approx(law.exponent)
        assert one["exponent_interval"] == pytest.approx(law.exponent_interval())
        assert one["exponent"] == pytest.approx(exponent, abs=0.03)
        assert len(one["zero"]) == 3
        assert len(one["extrapolation"]) == 1
    pairs = [(one["better"], one["worse"]) for one in told["frames_saved"]]
    assert pairs == [("refit", "scratch"), ("residual", "scratch"), ("residual", "refit")]
    last = told["frames_saved"][0]["errors"][-1]
    assert last["n_worse"] == pytest.approx(1600)
    assert last["ratio"] == pytest.approx(1600 / last["n_better"])
    assert last["ratio_low"] < last["ratio"] < last["ratio_high"]


def test_where_curves_cross_is_told(example):
    told = answer("scaling")
    [row] = told["frames_saved"][2]["crossings"]
    laws = {name: one for name, one in told["methods"].items() if name != "scratch"}
    power = laws["refit"]["exponent"] - laws["residual"]["exponent"]
    expected = (laws["refit"]["amplitude"] / laws["residual"]["amplitude"]) ** (1 / power)
    assert row["n_frames"] == pytest.approx(expected, rel=1e-2)
    text = invoke("scaling").stdout
    assert "residual and refit: where the laws cross is not determined by this sweep." in text
    assert "Frames for the same error, refit instead of scratch" in text
    assert "chgnet-r2scan" in text


def test_refusals_stand_beside_the_rest(example):
    told = answer("scaling", "--method", "refit", "--min-frames", 800)
    assert list(told["methods"]) == ["refit"]
    assert "needs 3 sizes and there are 2" in told["methods"]["refit"]["refused"]
    assert told["methods"]["refit"]["zero"]
    assert told["frames_saved"] == []
    assert "refit: A power law needs" in invoke("scaling", "--min-frames", "800").stdout
    magmom = answer("scaling", "--metric", "magmom")["methods"]["scratch"]
    assert "Magnetic moment" in magmom["refused"]


def test_mistakes_are_one_line(example, home):
    table(home / "p.csv", errors=500 * SIZES**-0.3)
    assert "not both" in mistake("scaling", "example", "--points", "p.csv")
    assert "choose from scratch, refit" in mistake("scaling", "--method", "frozen")
    assert "needs 3 sizes" in mistake("scaling", "--points", "p.csv", "--min-frames", "800")
    assert "cannot be opened" in mistake("scaling", "--points", "none.csv")
    assert "--form" in mistake("scaling", "--points", "p.csv", "--form", "cubic")
    mistake("scaling", "nothing-like-this")
    (home / "bad.csv").write_text("n_frames,error\n10,1\n20,many\n")
    assert "Line 3 of bad.csv" in mistake("scaling", "--points", "bad.csv")


def test_without_any_sweep(monkeypatch, home):
    monkeypatch.setattr(sweep_files, "_EMBEDDED", home / "none")
    assert "no sweep yet" in mistake("scaling")
