"""The Runs page: the table of all, the overlay of some, and what can be done with one."""

import shutil
from pathlib import Path

import pytest
from made_runs import make_run, write_tiny
from streamlit.testing.v1 import AppTest

from core.runs import local
from core.runs.listing import list_runs
from core.runs.process import identity
from core.transfer.paper import DOI, TABLE_1

APP = Path(__file__).parents[2] / "app.py"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    path = tmp_path / "home"
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(path))
    write_tiny(path)
    return path


def open_page(**query):
    app = AppTest.from_file(APP, default_timeout=30)
    app.switch_page("pages/runs.py")
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception, app.exception
    return app


def texts(app):
    kinds = (app.markdown, app.caption, app.subheader, app.info, app.error)
    return "\n".join(str(one.value) for kind in kinds for one in kind)


def test_empty_page_says_what_to_do():
    app = open_page()
    assert "The Transfer page starts one" in app.info[0].value
    assert not app.dataframe


def test_all_runs_with_states_and_errors():
    make_run(name="**b** <i>")
    make_run("failed", message="It broke; mend it.")
    app = open_page()
    table = app.dataframe[0].value
    assert sorted(table["standing"]) == ["failed, 75 %", "finished"]
    assert "**b** <i>" in "".join(table["label"])
    assert "\\*\\*b\\*\\* \\<i\\>" in texts(app)
    finished = table[table["state"] == "finished"].iloc[0]
    assert finished["test_energy_mae_mev_per_atom"] == 55.0
    assert finished["labels"] == "DFT"
    assert finished["frames"] == 14


def test_model_labels_are_marked():
    make_run(labels="chgnet-r2scan")
    app = open_page()
    assert app.dataframe[0].value["labels"][0] == "chgnet-r2scan (model-labelled, not DFT)"
    figure = app.get("plotly_chart")[0].proto.spec
    assert "model-labelled, not DFT" in figure


def test_errors_stand_beside_the_papers():
    make_run(method="refit")
    table = open_page().dataframe[1].value
    ours, theirs = table.iloc[:1], table.iloc[1:]
    assert ours["energy_mae_mev_per_atom"][0] == 55.0
    assert ours["method"][0] == "refit (Method 4)"
    assert set(theirs["whose"]) == {"the paper's Table 1"}
    assert len(theirs) == len(TABLE_1)
    assert all("MP-r2SCAN" in where for where in theirs["data"])
    assert list(theirs["energy_mae_mev_per_atom"]) == [27, 26, 26, 17]


def test_papers_rows_carry_their_doi():
    make_run()
    assert f"https://doi.org/{DOI}" in texts(open_page())


def test_link_chooses_runs_and_metric():
    kept, other = make_run(), make_run(method="scratch")
    app = open_page(runs=kept.id, metric="Force")
    assert app.segmented_control(key="metric").value == "force_mae_mev_per_angstrom"
    figure = app.get("plotly_chart")[0].proto.spec
    assert kept.id in figure
    assert other.id not in figure
    app.segmented_control(key="metric").set_value("stress_mae_gpa").run()
    assert not app.exception  # nobody has stress labels


def test_link_to_runs_that_are_gone():
    make_run()
    app = open_page(runs=["gone", "../x"])
    assert "Tick one or more runs" in texts(app)


def test_actions_by_state(monkeypatch):
    pid, started = identity()
    running = make_run("running", pid=pid, pid_started=started)
    failed, finished = make_run("failed"), make_run()
    done = []
    monkeypatch.setattr(local, "cancel", lambda run: done.append(("cancel", run)))
    monkeypatch.setattr(local, "resume", lambda run: done.append(("resume", run)))
    app = open_page()
    keys = {button.key for button in app.button}
    assert f"cancel-{running.id}" in keys
    assert f"delete-{running.id}" not in keys
    assert f"resume-{finished.id}" not in keys
    app.button(key=f"cancel-{running.id}").click().run()
    app.button(key=f"resume-{failed.id}").click().run()
    assert not app.exception
    assert done == [("cancel", running), ("resume", failed)]
    assert running.config.command() in [code.value for code in app.code]


def test_delete():
    doomed, kept = make_run(), make_run("cancelled")
    app = open_page()
    app.button(key=f"delete-{doomed.id}").click().run()
    assert not app.exception
    assert list_runs() == [kept]
    assert list(app.dataframe[0].value["run"]) == [kept.id]


def test_run_deleted_in_another_tab():
    first, second = make_run(), make_run()
    app = open_page()
    shutil.rmtree(first.path)
    app.button(key=f"delete-{first.id}").click().run()
    assert not app.exception
    assert "is not a run directory" in app.error[0].value.replace("\\", "")
    assert list(app.dataframe[0].value["run"]) == [second.id]
    shutil.rmtree(second.path)
    app.run()
    assert not app.exception
    assert "No runs yet" in texts(app)


def test_damaged_runs_are_passed_over(home):
    make_run()
    broken = make_run()
    (broken.path / "status.json").write_text("{")
    half = make_run()
    (half.path / "metrics.jsonl").write_bytes(b"\x00\xff not json\n")
    app = open_page()
    assert len(app.dataframe[0].value) == 2
