"""`plan` and `next`: what a target takes, and what to compute first."""

import io
import json
import zipfile

import numpy as np
import pytest

from core.scaling import sweep_files
from core.scaling.cost import Cost
from core.scaling.law import fit_law
from core.scaling.planner import DataPlan, training_atoms
from core.scaling.sweep_files import open_results, save_results
from tests.cli.helpers import answer, invoke, make_frames, mistake
from tests.pages.example_sweep import made_results


@pytest.fixture
def example(home, monkeypatch):
    """The lab comes with one made sweep, and no other."""
    monkeypatch.setattr(sweep_files, "_EMBEDDED", home / "sweeps")
    save_results(made_results(), home / "sweeps" / "example")
    return open_results("example")


def test_a_plan_is_that_of_the_laws(example):
    told = answer("plan", "--target", 150, "--atoms3", 0.01, "--price", 0.02, "--have", 100)
    laws = {
        method: fit_law(example.scaling_points(method), min_frames=100)
        for method in ("scratch", "refit")
    }
    atoms = training_atoms("mp-frames-r2scan")
    cost = Cost(per_atom3=0.01, price=0.02)
    plan = DataPlan(laws=laws, target=150, cost=cost, n_atoms=atoms, have=100)
    expected = plan.table().set_index("method")
    assert told["core_hours_each"] == pytest.approx(0.01 * (atoms.astype(float) ** 3).mean())
    assert (told["sweep"], told["unit"], told["refused"]) == ("example", "meV/atom", {})
    for method, row in told["methods"].items():
        if method == "scratch":
            # (9000 / 150)^(1 / 0.45) = 8,900 frames, over four times 1,600.
            assert row["frames"] is row["core_hours"] is row["money"] is None
            continue
        assert row["frames"] == expected.loc[method, "frames"]
        hours = (row["frames"] - 100) * told["core_hours_each"]
        assert row["core_hours"] == pytest.approx(hours)
        assert row["money"] == pytest.approx(0.02 * hours)
    assert (told["best"], told["need_more"]) == (["refit"], ["scratch"])
    tests = told["extrapolation"]["refit"]
    assert [test["n_frames"] for test in tests] == [1600]
    assert {"seen", "predicted", "frames", "frames_low", "held"} <= set(tests[0])


def test_a_budget_other_errors_and_words_for_people(example):
    told = answer("plan", "example", "--target", 250, "--metric", "force", "--hours", 2)
    assert told["unit"] == "meV/Å"
    assert "budget" not in told
    words = ["--target", "250", "--hours", "2", "--budget-hours", "4000", "--split", "test"]
    bought = answer("plan", "example", *words)["budget"]["refit"]
    assert bought["frames"] == 2000
    assert bought["error_low"] < bought["error"] < bought["error_high"]
    text = invoke("plan", "example", *words).stdout
    assert "With 4,000 core-hours" in text
    assert "What a plan from sizes up to a quarter would have predicted" in text
    assert "chgnet-r2scan" in text


def test_what_is_not_determined_is_null_with_a_reason(example):
    told = answer("plan", "--target", 1e-9, "--hours", 1, "--form", "offset")
    for row in told["methods"].values():
        assert row["frames"] is row["to_compute"] is row["core_hours"] is None
        assert row["note"]
    assert told["best"] == []
    narrow = answer("plan", "--target", 100, "--hours", 1, "--form", "auto", "--min-frames", 200)
    assert set(narrow["methods"]) == {"scratch", "refit"}


def test_mistakes_of_plans_are_one_line(example):
    assert "either a fixed number" in mistake("plan", "--target", 30)
    assert "above 0" in mistake("plan", "--target", -1, "--hours", 1)
    words = ["--target", "30", "--hours", "1"]
    assert "needs 3 sizes" in mistake("plan", *words, "--min-frames", 800)
    assert "magnetic" in mistake("plan", *words, "--metric", "magmom").lower()
    assert "--target" in mistake("plan", "--hours", 1)


def test_a_plan_of_a_table_of_points(home):
    n = np.array([50, 100, 200, 400, 800, 1600])
    rows = [f"{size},{2000 / np.sqrt(size)}" for size in n]
    (home / "mine.csv").write_text("\n".join(["n_frames,error", *rows]))
    words = ("--points", "mine.csv", "--target", 50, "--atoms3", 0.01)
    told = answer("plan", *words, "--atoms", 10, "--unit", "eV")
    # 2000/√N = 50 at N = 1600, 10 core-hours for 10 atoms.
    assert told["methods"]["points"]["core_hours"] == pytest.approx(16_000)
    assert (told["sweep"], told["unit"], told["labels"]) == ("mine.csv", "eV", None)
    assert "not both" in mistake("plan", "example", *words)


def test_without_any_sweep(monkeypatch, home):
    monkeypatch.setattr(sweep_files, "_EMBEDDED", home / "none")
    assert "no sweep yet" in mistake("plan", "--target", 30, "--hours", 1)


def test_next_writes_structures_with_reasons(home):
    make_frames()
    told = answer("next", "--dataset", "salt", "--n", 4, "--atoms3", 0.5, "--out", "next.zip",
                  "--price", 3)  # fmt: skip
    assert told["n"] == len(told["materials"]) == 4
    assert (told["by"], told["pool"], told["n_there"]) == ("composition", "mp-structures", 8)
    covered = {row["symbol"]: row["materials"] for row in told["elements"]}
    assert (covered["Na"], covered["Cl"], covered["Fe"]) == (8, 8, 0)
    hours = 0.5 * np.array([row["n_atoms"] for row in told["materials"]]) ** 3.0
    assert told["core_hours"] == pytest.approx(hours.sum())
    assert told["money"] == pytest.approx(3 * hours.sum())
    assert all("in no material" in row["reason"] for row in told["materials"])
    archive = zipfile.ZipFile(io.BytesIO((home / "next.zip").read_bytes()))
    entries = json.loads(archive.read("structures.json"))
    names = [entry["properties"]["material_id"] for entry in entries]
    assert names == [row["material_id"] for row in told["materials"]]


def test_next_in_words_and_its_mistakes(home):
    make_frames()
    text = invoke("next", "--dataset", "salt", "--n", "2", "--most-atoms", "4").stdout
    assert "worst covered" in text
    assert "with more than 4 atoms" in text
    assert "no data set" in mistake("next", "--dataset", "nothing")
    assert "no material is left" in mistake("next", "--dataset", "salt", "--pool", "salt")
    disagree = mistake("next", "--dataset", "salt", "--by", "disagreement")
    assert "at least two runs" in disagree
    assert "no such run" in mistake("next", "--dataset", "salt", "--runs", "a,b")
    assert not list(home.glob("*.zip"))
