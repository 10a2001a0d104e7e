"""Plans and what to compute next, as the Scaling page shows them."""

import json
from dataclasses import replace

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from core.cli import app as cli
from core.frames.schema import Card
from core.frames.store import open_frames, write_frames
from core.potential.models import get_atomref, load_model, save_model, set_atomref
from core.studies.acquisition import NextStudy
from core.studies.job.directory import Job
from pages.parts.shared import job as job_module
from tests.pages.example_runs import make_run
from tests.pages.example_sweep import LAWS, embed, made_results
from tests.salts import write_salts


@pytest.fixture
def made(home, monkeypatch):
    st.cache_data.clear()
    st.cache_resource.clear()
    embed(monkeypatch, home / "sweeps", example=made_results())


def plan_script(which="sweep"):
    import os  # noqa: PLC0415  the script runs by itself
    from pathlib import Path  # noqa: PLC0415

    import numpy as np  # noqa: PLC0415
    import pandas as pd  # noqa: PLC0415

    from core.scaling.analysis import analyse_sweep, analyse_table  # noqa: PLC0415
    from core.scaling.sweep_files import open_results  # noqa: PLC0415
    from pages.parts.plan.view import show_plan  # noqa: PLC0415

    if which == "sweep":
        metric = "energy_mae_mev_per_atom"
        show_plan(analyse_sweep("example", open_results("example"), metric=metric, min_frames=0))
        return
    n = np.array([50.0, 100, 200, 400, 800, 1600])
    error = 2000 / np.sqrt(n) if which == "points" else np.full(6, 100.0) + n / 1e4
    path = Path(os.environ["ATOMREF_LAB_HOME"]) / "points.csv"
    pd.DataFrame({"n_frames": n, "error": error}).to_csv(path, index=False)
    # A law takes three sizes.
    least = 800 if which == "none" else 0
    show_plan(analyse_table(path, unit="eV", min_frames=least))


def next_script():
    from pages.parts.plan.acquisition import show_next  # noqa: PLC0415
    from pages.parts.shared.page import errors_shown  # noqa: PLC0415

    with errors_shown():
        show_next()


def run(script, *, args=(), **query):
    at = AppTest.from_function(script, default_timeout=300, args=args)
    for key, value in query.items():
        at.query_params[key] = value
    at.run()
    assert not at.exception, at.exception
    return at


def words(at):
    kinds = (at.markdown, at.caption, at.info, at.warning, at.error)
    return " ".join(str(one.value) for kind in kinds for one in kind).replace("\\", "")


def test_a_plan_and_its_command_say_the_same(made):
    at = run(plan_script, **{"target-energy_mae_mev_per_atom": "150", "have": "100"})
    table = at.dataframe[0].value
    far, near = table["Training frames"]
    # (9000 / 150)^(1 / 0.45) = 8,900 frames, over four times 1,600.
    assert far == "not determined"
    amplitude, exponent, _ = LAWS["refit"]
    frames = float(near.replace(",", ""))
    assert frames == pytest.approx((amplitude / 150) ** (1 / exponent), rel=0.25)
    line = at.code[-1].value
    assert line.startswith("atomref plan example --min-frames 0 --target 150 --hours 20")
    result = CliRunner().invoke(cli, [*line.split()[1:], "--json"])
    told = json.loads(result.stdout)
    row = told["methods"]["refit"]
    # Two digits are shown; what is to compute follows from what is enough.
    assert row["frames"] == pytest.approx(frames, rel=0.05)
    shown = float(table["Core-hours"].iloc[1].replace(",", ""))
    assert shown == pytest.approx(row["core_hours_likely"], rel=0.05)
    told = words(at)
    assert "are enough, with a probability of 90%" in told
    assert "From scratch (Method 1) needs more." in told
    assert "Transfer, refitted AtomRef" in told
    assert "contains the actual number in" in told
    assert len(at.get("plotly_chart")) == 1
    assert any("not DFT" in text.value for text in at.markdown)
    assert len(at.dataframe[1].value) == 4


def test_atoms_money_and_a_budget(made):
    at = run(
        plan_script,
        cost="By atoms³",
        atoms3="0.002",
        price="0.5",
        currency="CHF",
        spend="5000",
        **{"target-energy_mae_mev_per_atom": "150"},
    )
    assert "CHF" in at.dataframe[0].value["Money"].iloc[1]
    assert at.dataframe[0].value["Money"].iloc[0] == "–"
    bought = at.dataframe[1].value
    errors = bought["Error, meV/atom"].astype(float)
    low = bought["95 % interval"].str.split(" to ").str[0].astype(float)
    assert (low < errors).all()
    assert "--atoms3 0.002 --price 0.5 --currency CHF" in at.code[-1].value
    assert at.code[-1].value.endswith("--budget-hours 5000")


def test_what_is_there_may_be_enough(made):
    at = run(plan_script, **{"target-energy_mae_mev_per_atom": "400", "have": "100000"})
    assert "100,000 exist, so nothing needs to be computed" in words(at)


def test_a_table_of_points_asks_for_the_atoms(made):
    at = run(plan_script, args=("points",), cost="By atoms³", atoms="10")
    # 2000/√N = 50 at N = 1600, 10 core-hours for 10 atoms.
    row = at.dataframe[0].value.iloc[0]
    assert (row["Method"], row["Core-hours"]) == ("Your points", "16,000")
    assert "1,600 are enough" in words(at)
    line = at.code[-1].value
    assert line.endswith("/points.csv --unit eV --target 50 --atoms3 0.01 --atoms 10")
    told = json.loads(CliRunner().invoke(cli, [*line.split()[1:], "--json"]).stdout)
    assert told["methods"]["points"]["core_hours"] == pytest.approx(16_000, rel=1e-3)


def test_an_error_that_does_not_fall_tells_no_number(made):
    at = run(plan_script, args=("rising",))
    assert "How many frames reach 50 eV is not determined by this sweep" in words(at)
    assert "does not fall with more frames" in words(at)
    assert at.dataframe[0].value["Training frames"].tolist() == ["not determined"]


def test_without_a_law_there_is_no_plan(made):
    at = run(plan_script, args=("none",))
    assert "there is no plan" in words(at)
    assert not at.dataframe


def test_next_by_elements_in_place(home):
    at = run(next_script, dataset="mp-frames-r2scan", n="7")
    study = NextStudy(dataset="mp-frames-r2scan", pool="mp-structures", n=7)
    found = Job.of(study).result()
    table = at.dataframe[0].value
    assert table["material_id"].tolist() == found.table()["material_id"].tolist()
    assert table["reason"].str.contains("in no material|in 1 material").any()
    np.testing.assert_allclose(table["core_hours"], 20)
    assert any("Structures for VASP" in one.proto.label for one in at.get("download_button"))
    told = words(at)
    assert "640 materials" in told
    assert "No existing material contains Ne, Ar, Pm," in told
    assert "candidates contain Ne." in told
    assert at.code[-1].value.startswith(
        "atomref next --dataset mp-frames-r2scan --pool mp-structures --n 7 --by composition"
    )
    assert len(at.get("plotly_chart")) == 2, "the structure and the elements"


def test_next_asks_for_runs_and_shows_their_errors(home, monkeypatch):
    monkeypatch.setattr(job_module, "QUICK", 60.0)
    write_salts(home, forces=True)
    at = run(next_script, dataset="tiny", by="Disagreement of runs")
    assert "two or more finished runs" in words(at)
    runs = []
    for shift in (0.0, 0.5):
        one = make_run(method="frozen")
        one.checkpoints.mkdir(exist_ok=True)
        model = load_model("chgnet-0.3.0")
        set_atomref(model, get_atomref(model) + shift)
        save_model(one.best_checkpoint, model, {})
        runs.append(one.id)
    frames = [
        replace(one, material_id=f"new-{i}")
        for i, one in enumerate(open_frames(home / "datasets" / "tiny").frames(range(3)))
    ]
    write_frames(home / "datasets" / "pool", Card(name="pool", kind="frames"), frames)
    query = {"dataset": "tiny", "pool": "pool", "runs": runs, "covered": "Energy MAE of the runs"}
    at = run(next_script, by="Disagreement of runs", **query)
    table = at.dataframe[0].value
    # Half an eV apart: a standard deviation of 354 meV/atom everywhere.
    np.testing.assert_allclose(table["disagreement_mev_per_atom"], 500 / np.sqrt(2), atol=0.1)
    assert "Energy MAE of the runs" in at.get("plotly_chart")[-1].proto.spec
    assert f"--runs {runs[0]},{runs[1]}" in at.code[-1].value


def test_next_from_a_pool_that_is_known_is_refused_in_words(home):
    at = run(next_script, dataset="mp-frames-gga", pool="mp-frames-r2scan")
    assert "no material is left to compute" in at.error[0].value
