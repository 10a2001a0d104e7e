"""The Runs page: the table of all, the overlay of some, and what can be done with one."""

import shutil
from pathlib import Path

import numpy as np
import orjson
import plotly.io as pio
import pytest
from streamlit.testing.v1 import AppTest

from core.process import identity
from core.runs.process import local
from core.runs.record.listing import list_runs
from core.runs.results.comparison import label_of
from core.runs.results.paper import DOI, TABLE_1
from core.runs.results.quantities import KINDS
from tests.pages.example_runs import errors, make_run
from tests.salts import write_salts

APP = Path(__file__).parents[2] / "app.py"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    path = tmp_path / "home"
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(path))
    write_salts(path, forces=True)
    return path


def open_page(**query):
    app = AppTest.from_file(APP, default_timeout=300)
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
    assert sorted(table["progress"]) == ["failed, 75 %", "finished"]
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
    assert "model\\-labelled, not DFT" in texts(app)


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
    told = [code.value for code in app.code]
    assert f"atomref runs cancel {running.id}" in told
    assert f"atomref runs resume {failed.id}" in told
    assert f"atomref runs show {finished.id}" in told
    assert not any(word in one for one in told for word in ("delete", "train"))


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


TIMES = (0.0, 10.0, 20.0, 30.0)


def recorded(run, scale=1.0):
    """Let a run have recorded what newer versions record."""
    events = [
        {"kind": "start", "time": 0.0, "step": 0, "n_train": 14, "validation": errors(90 * scale)},
        *(
            {
                "kind": "step",
                "time": time,
                "epoch": time / 20,
                "step": int(time / 10),
                "train": errors(60.0),
                "loss": scale * time,
                "learning_rate": 1e-3,
                "gradients": {"AtomEmb": scale * time, "MLP_Layer0": 1.0},
            }
            for time in TIMES[1:]
        ),
        {
            "kind": "epoch",
            "time": 40.0,
            "epoch": 2,
            "step": 4,
            "train": errors(50.0),
            "validation": errors(45 * scale),
            "learning_rate": 1e-3,
            "seconds": 40.0,
            "frames_per_second": 7.0,
            "memory_mb": 900.0,
        },
    ]
    lines = [orjson.dumps(event) + b"\n" for event in events]
    (run.path / "metrics.jsonl").write_bytes(b"".join(lines))
    return run


def numbers(values):
    """The numbers of an axis; missing ones are NaN."""
    return np.array(values, dtype=float)


def lines(app, number=0):
    """The lines of a figure by run, the pale ones left out."""
    figure = pio.from_json(app.get("plotly_chart")[number].proto.spec)
    return {trace.name: trace for trace in figure.data if trace.meta == "run"}, figure


def test_every_quantity_on_every_axis():
    one, old = recorded(make_run(name="one")), make_run()
    app = open_page()
    for kind in KINDS:
        app.selectbox(key="quantity").set_value(kind).run()
        assert not app.exception, app.exception
        known, _ = lines(app)
        assert label_of(one) in known, kind
        if kind in {"validation", "train"}:
            assert len(known) == 2
            app.segmented_control(key="metric").set_value("force_mae_mev_per_angstrom").run()
            assert "Force MAE".lower() in lines(app)[1].layout.yaxis.title.text.lower()
    assert "have not recorded it" in texts(app)  # the old run has no gradients
    assert app.selectbox(key="probe").options == ["AtomEmb", "MLP_Layer0"]
    for axis, places in {
        "step": (1, 2, 3),
        "epoch": (0.5, 1, 1.5),
        "frames": (7, 14, 21),
        "seconds": TIMES[1:],
    }.items():
        app.segmented_control(key="x").set_value(axis).run()
        np.testing.assert_allclose(numbers(lines(app)[0][label_of(one)].x), places)
    assert old.id not in lines(app)[0]


def test_link_restores_smoothing_baseline_and_axes():
    one, other = recorded(make_run()), recorded(make_run(method="refit"), 3.0)
    query = {"quantity": "Loss", "smooth": "0.5", "x": "Step", "baseline": one.id}
    app = open_page(**query)
    assert app.slider(key="smooth").value == 0.5
    known, figure = lines(app)
    base = np.array([10.0, (10 + 40) / 3, (10 + 40 + 120) / 7])
    np.testing.assert_allclose(numbers(known[one.id].y), 0)
    np.testing.assert_allclose(numbers(known[other.id].y), 2 * base)
    assert "minus the baseline" in figure.layout.yaxis.title.text
    assert one.id in texts(app).replace("\\", "")
    app.selectbox(key="baseline").set_value(None).run()
    np.testing.assert_allclose(numbers(lines(app)[0][one.id].y), base)
    app.toggle(key="log_x").set_value(True).run()
    assert lines(app)[1].layout.xaxis.type == "log"
    assert not app.exception


def test_gradients_that_nobody_recorded():
    make_run()
    assert "None of these runs has recorded gradients" in texts(open_page(quantity="Gradient norm"))


def test_filters_by_name_and_setting():
    runs = [
        make_run(name=name, method=key) for name, key in (("big", "refit"), ("bigger", "frozen"))
    ]
    runs.append(make_run(method="frozen"))
    app = open_page(find="big")
    assert set(app.dataframe[0].value["run"]) == {run.id for run in runs[:2]}
    app.multiselect(key="where").set_value(["method = frozen"]).run()
    assert list(app.dataframe[0].value["run"]) == [runs[1].id]
    assert list(lines(app)[0]) == [label_of(runs[1])]
    app.text_input(key="find").set_value("nobody").run()
    assert "No run matches the filter" in texts(app)
    app.text_input(key="find").set_value("").run()
    assert len(app.dataframe[0].value) == 2
    assert not app.exception
    assert open_page(where="method = refit").multiselect(key="where").value == ["method = refit"]


def test_difference_of_two_configurations():
    one, other = make_run(name="one"), make_run(method="refit")
    app = open_page(one=label_of(other))
    table = next(frame.value for frame in app.dataframe if "setting" in frame.value)
    assert list(table["setting"]) == ["method", "name"]
    assert list(table[label_of(other)]) == ["refit", "not set"]
    assert list(table[label_of(one)]) == ["residual", "one"]
    make_run(method="refit")
    app.run()
    twins = [run.id for run in list_runs() if run.config.method == "refit"]
    app.selectbox(key="one").set_value(twins[0]).run()
    app.selectbox(key="other").set_value(twins[1]).run()
    assert not app.exception
    assert "They have the same settings" in texts(app)


def test_live_runs_can_be_left_alone():
    pid, started = identity()
    make_run("running", pid=pid, pid_started=started)
    app = open_page()
    app.toggle(key="follow").set_value(False).run()
    assert not app.exception
    assert not app.toggle(key="follow").value
