"""One run on the Transfer page: what each choice of `shows` shows."""

from pathlib import Path

import numpy as np
import orjson
import plotly.io as pio
import pytest
from streamlit.testing.v1 import AppTest

from core.frames.registry import open_dataset
from core.potential.models import load_model, save_model
from core.runs.record.listing import list_runs
from core.training.scoring.evaluate import evaluate
from pages.parts.runs.view import VIEWS
from tests.pages.example_runs import errors, make_run
from tests.salts import write_salts

APP = Path(__file__).parents[2] / "app.py"
PROBES = {"AtomEmb": 0.5, "MLP_Layer0": 2.0}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    path = tmp_path / "home"
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(path))
    # Two threads on a busy machine wait for one another.
    monkeypatch.setattr("core.training.settings.processes.usable_cores", lambda: 1)
    write_salts(path, forces=True)
    return path


@pytest.fixture
def trained():
    """A run that has a model, which is chgnet's own."""
    run = make_run(name="<b>mine")
    run.checkpoints.mkdir(exist_ok=True)
    save_model(run.best_checkpoint, load_model("chgnet-0.3.0"), {})
    return run


def open_run(run, shows="", **query):
    app = AppTest.from_file(APP, default_timeout=300)
    app.switch_page("pages/transfer.py")
    app.query_params["run"] = run.id
    for key, value in (query | ({"shows": shows} if shows else {})).items():
        app.query_params[key] = value
    app.run()
    assert not app.exception, app.exception
    return app


def texts(app):
    kinds = (app.markdown, app.caption, app.info, app.warning, app.error)
    return "\n".join(str(one.value) for kind in kinds for one in kind).replace("\\", "")


def numbers(values):
    """The numbers of an axis; missing ones are NaN."""
    return np.array(values, dtype=float)


def figures(app):
    return [pio.from_json(chart.proto.spec) for chart in app.get("plotly_chart")]


@pytest.mark.parametrize("shows", VIEWS.values())
@pytest.mark.parametrize("state", ["queued", "finished", "failed"])
def test_runs_of_all_ages_show_what_they_have(shows, state):
    """These runs recorded neither gradients nor memory, and have no checkpoint."""
    app = open_run(make_run(state), shows)
    told = {
        "Gradients": "No gradients yet",
        "Speed": "has not recorded it",
        "Parity": "has no best checkpoint yet",
        "By element": "has no best checkpoint yet",
        "Export": "No model yet",
    }
    assert told.get(shows, "") in texts(app)


@pytest.mark.parametrize("state", ["queued", "running"])
def test_a_run_of_another_machine_says_where_it_works(state):
    run = make_run()
    run.update(state=state, host="login_2", pid=1, pid_started=1.0, boot="another", ended=None)
    app = open_run(run)
    assert "On login_2." in texts(app)
    assert "ahead in the queue" not in texts(app)
    app.button(key=f"cancel-{run.id}").click().run()
    assert not app.exception
    assert "works on login_2; cancel it there" in texts(app)


def test_gradients_and_speed():
    run = make_run()
    step = {"kind": "step", "time": 2.0, "epoch": 0.5, "step": 1, "train": errors(60.0)}
    later = {"kind": "epoch", "time": 4.0, "epoch": 1, "step": 2, "train": errors(60.0)}
    events = [
        step | {"learning_rate": 1e-3, "loss": 1.0, "gradients": PROBES},
        later | {"validation": errors(50.0), "frames_per_second": 7.0, "memory_mb": 900.0},
        step | {"epoch": 1.5, "step": 3, "learning_rate": 5e-4, "gradients": PROBES},
    ]
    (run.path / "metrics.jsonl").write_bytes(b"".join(orjson.dumps(e) + b"\n" for e in events))
    app = open_run(run, "Gradients")
    (panels,) = figures(app)
    assert [numbers(trace.x).tolist() for trace in panels.data] == [[0.5, 1.5]] * 2
    assert "Figure 3a" in texts(app)
    app.toggle(key="first").set_value(True).run()
    assert [numbers(trace.x).tolist() for trace in figures(app)[0].data] == [[0.5]] * 2
    app.segmented_control(key="shows").set_value("speed").run()
    assert not app.exception
    shown = {one.layout.yaxis.title.text: numbers(one.data[0].y).tolist() for one in figures(app)}
    assert shown == {
        "Learning rate": [1e-3, 5e-4],
        "Throughput (frames/s)": [7.0],
        "Peak memory (MB)": [900.0],
    }


def test_parity_of_a_checkpoint(trained):
    app = open_run(trained, "Parity", part="validation")
    data = open_dataset("tiny")
    rows = data.split().validation
    expected = evaluate(trained.best_checkpoint, data, rows, device="cpu", threads=1)
    told = {one.label: one.value for one in app.metric}
    energy = expected["energy_mae_mev_per_atom"]
    assert told["Mean absolute error"] == f"{energy:,.0f} meV/atom"
    assert told["Values"] == str(len(rows))
    points = figures(app)[0].data[0]
    x, y = numbers(points.x).astype(float), numbers(points.y)
    np.testing.assert_allclose(x, data.energies()[rows], rtol=1e-6)
    assert 1000 * np.abs(y - x).mean() == pytest.approx(energy, rel=1e-4)
    minus = figures(app)[1]
    assert minus.layout.xaxis.title.text == "Energy minus AtomRef, label (eV/atom)"
    shifted = numbers(minus.data[0].y) - numbers(minus.data[0].x).astype(float)
    np.testing.assert_allclose(shifted, y - x, atol=1e-5)
    assert app.segmented_control(key="kind").options == ["Energy", "Force component"]
    app.segmented_control(key="kind").set_value("force").run()
    assert not app.exception
    force = expected["force_mae_mev_per_angstrom"]
    assert next(one.value for one in app.metric) == f"{force:.4g} meV/Å"
    app.segmented_control(key="model_of").set_value("untrained").run()
    assert not app.exception
    assert "The untrained model" in texts(app)


def test_parity_of_a_chosen_epoch(trained):
    other = load_model("chgnet-r2scan")
    save_model(trained.kept_checkpoint(20), other, {})
    assert trained.kept_epochs == [20]
    app = open_run(trained, "Parity", part="validation")
    app.segmented_control(key="model_of").set_value("epoch-20").run()
    assert not app.exception
    assert "The epoch-20 model" in texts(app)
    data = open_dataset("tiny")
    expected = evaluate("chgnet-r2scan", data, data.split().validation, device="cpu", threads=1)
    told = {one.label: one.value for one in app.metric}["Mean absolute error"]
    assert told == f"{expected['energy_mae_mev_per_atom']:,.0f} meV/atom"
    # A link to an epoch that was not kept shows the best one's.
    app = open_run(trained, "Parity", part="validation", model_of="epoch-7")
    assert "The best epoch's model" in texts(app)


def test_errors_by_element_flag_what_is_rare(trained):
    app = open_run(trained, "By element")
    assert "The mean error of the frames that contain the element" in texts(app)
    (table,) = figures(app)
    shown = next(trace for trace in table.data if trace.name == "elements")
    data = open_dataset("tiny")
    frames = data.frames(data.split().test)
    present = {int(number) for frame in frames for number in frame.atomic_numbers}
    assert len(shown.customdata) == len(present)
    rare = texts(app).split("in fewer than 10 frames: ")[1].split(".")[0]
    assert set(rare.split(", ")) == set(shown.customdata)
    app.segmented_control(key="error").set_value("force").run()
    assert not app.exception
    assert "force components on the element's atoms" in texts(app)


@pytest.mark.parametrize("label", ["Export", "Take it home"])
def test_export_of_the_model(trained, label):
    app = open_run(trained, label)
    codes = [code.value for code in app.code]
    assert any(f'CHGNet.from_file("{trained.id}.pth.tar")' in code for code in codes)
    assert any(f"export {trained.id} --out {trained.id}.pth.tar" in code for code in codes)
    assert any(f"report {trained.id} --out {trained.id}.html" in code for code in codes)
    assert {one.proto.label for one in app.get("download_button")} == {
        "Best checkpoint", "Model card", "Report", "Archive",
    }  # fmt: skip
    assert "# CHGNet for" in texts(app)
    assert list_runs() == [trained]


FORGOTTEN = {
    "source": {
        "dataset": "salt",
        "pseudolabels": True,
        "n_frames": 3,
        "before": {"energy_mae_mev_per_atom": 0.0},
        "after": {"energy_mae_mev_per_atom": 40.0},
    },
    "displaced": None,
    "compressed": {
        "n_frames": 3,
        "after_mev_per_angstrom": 60.0,
        "size_mev_per_angstrom": 900.0,
    },
    "volumes": {"n_frames": 3, "after_percent": 1.5},
    "dimers": {"n_pairs": 6, "falling_before": 1, "falling_after": 2, "pairs": []},
}


def test_frames_left_out_and_forces_without_labels_are_noted():
    run = make_run()
    path = run.path / "metrics.jsonl"
    lines = [orjson.loads(line) for line in path.read_bytes().splitlines()[:-1]]
    drift = {
        "n_frames": 16,
        "after_mev_per_angstrom": 57.2,
        "size_mev_per_angstrom": 812.0,
    }
    for event in lines:
        if event["kind"] == "start":
            event["left_out_why"] = {"an atom has no neighbour within 6 Å": 3}
        if event["kind"] == "end":
            event |= {"force_drift": drift, "forgotten": FORGOTTEN}
    if not any(event["kind"] == "end" for event in lines):
        end = {"kind": "end", "time": 2.0, "force_drift": drift, "forgotten": FORGOTTEN}
        lines.append(end)
    path.write_bytes(b"\n".join(map(orjson.dumps, lines)))
    for page in ("pages/transfer.py", "pages/runs.py"):
        app = AppTest.from_file(APP, default_timeout=300)
        app.switch_page(page)
        app.query_params["run" if page == "pages/transfer.py" else "runs"] = run.id
        app.run()
        told = texts(app)
        assert "3 frames left out: an atom has no neighbour within 6 Å." in told
        assert "forces 57 meV/Å away from the pretrained model's" in told
        if page == "pages/transfer.py":
            tables = [one.value for one in app.dataframe]
            (table,) = (one for one in tables if "After training" in one)
            assert table["After training"].tolist() == ["40 meV/atom", "60 meV/Å", "1.5 %", "2"]
