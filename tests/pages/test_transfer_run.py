"""The Transfer page: one run, live or ended."""

import shutil

import pytest

from core.errors import LabError
from core.process import identity
from core.runs.process import local
from tests.pages.example_runs import make_run
from tests.pages.transfer_page import open_page, texts

pytestmark = pytest.mark.usefixtures("tiny_lab")


def test_finished_run(looks):
    run = make_run(name="**mine** <script>")
    app = open_page(run=run.id)
    seen = texts(app)
    assert "**mine** <script>" in seen
    assert "Labels: DFT" in seen
    assert len(app.get("plotly_chart")) == 3  # no stress labels, no stress figure
    table = app.dataframe[0].value
    assert list(table["model"]) == [
        "Validation, before training",
        "Validation, best epoch (2)",
        "Test, model of the best epoch",
    ]
    assert list(table["energy_mae_mev_per_atom"]) == [90.0, 50.0, 55.0]
    assert table["stress_mae_gpa"].isna().all()
    assert "one line <b>of</b> log" in [code.value for code in app.code]
    assert not any(button.label in {"Cancel", "Resume"} for button in app.button)
    app.toggle(key="log").set_value(False).run()
    assert not app.exception


@pytest.mark.parametrize(
    ("method", "source", "start"),
    [
        ("scratch", "chgnet-0.3.0", "from random weights, 2 epochs"),
        ("refit", "chgnet-r2scan", "from chgnet-r2scan, 2 epochs"),
        ("refit", "/home/runs/a-run/checkpoints/best.pth.tar", "from run a-run, 2 epochs"),
        ("refit", "/home/cache/uploads/12ab/mine.pth.tar", "from mine.pth.tar, 2 epochs"),
    ],
)
def test_run_says_where_it_starts(looks, method, source, start):
    run = make_run(method=method, source_model=source)
    assert start in texts(open_page(run=run.id))


def test_running_run_can_be_cancelled(looks, monkeypatch):
    pid, started = identity()
    run = make_run("running", pid=pid, pid_started=started, eta_s=80.0)
    cancelled = []
    monkeypatch.setattr(local, "cancel", cancelled.append)
    app = open_page(run=run.id)
    assert any(toggle.key == "follow" for toggle in app.toggle)
    app.button(key=f"cancel-{run.id}").click().run()
    assert not app.exception
    assert cancelled == [run]
    run.update(cancel_requested=True)
    app.run()
    assert app.button(key=f"cancel-{run.id}").disabled
    app.toggle(key="follow").set_value(False).run()
    assert not app.exception
    run.update(state="cancelled", message="Stopped on request; resume it to continue.")
    app.run()
    assert "Stopped on request" in app.warning[0].value


def test_queued_run_names_its_place(looks):
    pid, started = identity()
    first = make_run("queued", pid=pid, pid_started=started, device="cpu", queued=1.0)
    run = make_run("queued", pid=pid, pid_started=started, device="cpu", queued=2.0)
    assert first.id != run.id
    app = open_page(run=run.id)
    assert "Runs ahead in the queue: 1" in app.info[0].value


@pytest.mark.parametrize(
    ("state", "told"),
    [("running", "Job 12 on gpu."), ("queued", "Submitted. Slurm does not answer.")],
)
def test_run_on_a_cluster_names_its_job(looks, monkeypatch, state, told):
    monkeypatch.setattr("core.runs.launchers.slurm.ask", lambda *_: None)
    run = make_run(
        state, on="gpu", job="12", submitted=1.0, submission="mine", message="Submitted."
    )
    assert told in texts(open_page(run=run.id))


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_stopped_run_can_be_resumed(looks, monkeypatch, state):
    run = make_run(state, message="frames.csv: row 3 is <b>wrong</b>; mend it.")
    app = open_page(run=run.id)
    box = app.error if state == "failed" else app.warning
    assert "row 3 is \\<b\\>wrong" in box[0].value
    resumed = []
    monkeypatch.setattr(local, "resume", resumed.append)
    app.button(key=f"resume-{run.id}").click().run()
    assert not app.exception
    assert resumed == [run]

    told = []
    monkeypatch.setattr(local, "resume", lambda run, processes: told.append((run, processes)))
    app.number_input(key=f"processes-{run.id}").set_value(2).run()
    app.button(key=f"resume-{run.id}").click().run()
    assert not app.exception
    assert told == [(run, 2)]

    def refuse(_run, processes):
        raise LabError("it is gone; start a new run.")

    monkeypatch.setattr(local, "resume", refuse)
    app.button(key=f"resume-{run.id}").click().run()
    assert not app.exception
    assert "it is gone" in "".join(one.value for one in app.error)


def test_run_deleted_in_another_tab(looks):
    run = make_run()
    app = open_page(run=run.id)
    shutil.rmtree(run.path)
    app.run()
    assert not app.exception
    assert "There is no run" in app.info[0].value


@pytest.mark.parametrize("name", ["", "nonsense", "../../etc", "**b**"])
def test_link_to_no_run(looks, name):
    app = open_page(run=name)
    assert not app.exception
    assert not name or "There is no run" in app.info[0].value


def test_new_run_leaves_no_run_in_the_link(looks):
    app = open_page(run=make_run().id)
    del app.query_params["run"]
    app.run()
    assert not app.exception
    assert "run" not in app.query_params
    assert app.button(key="launch-run")


def test_another_run_opens_on_its_first_view(looks):
    first, second = make_run(name="first"), make_run(name="second")
    app = open_page(run=first.id)
    app.segmented_control(key="shows").set_value("export").run()
    assert app.session_state["shows"] == "export"
    app.query_params.clear()
    app.query_params["run"] = second.id
    app.run()
    assert not app.exception
    assert "second" in texts(app)
    assert app.session_state["shows"] == "errors"
