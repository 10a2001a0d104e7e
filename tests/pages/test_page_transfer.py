"""The Transfer page: its form, its preview, the launch, and the live view of a run."""

import shutil
import time
from pathlib import Path

import pytest
import torch
from made_runs import make_run, write_tiny
from streamlit.testing.v1 import AppTest

from core.errors import LabError
from core.potential.models import load_model, save_model
from core.runs import local
from core.runs.comparison import method_label
from core.runs.listing import list_runs
from core.runs.process import identity
from core.transfer import processes, runtime
from core.transfer.methods import METHODS
from core.transfer.preflight import preflight
from pages.parts import run_preview

APP = Path(__file__).parents[2] / "app.py"
PAGE = "pages/transfer.py"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    path = tmp_path / "home"
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(path))
    torch.set_num_threads(1)
    write_tiny(path)
    return path


@pytest.fixture
def looks(monkeypatch):
    """The settings that were looked at, without the work."""
    asked = []
    monkeypatch.setattr(run_preview, "preflight", asked.append)
    run_preview.previews.clear()
    yield asked
    run_preview.previews.clear()


@pytest.fixture
def launched(monkeypatch):
    """The runs that would have been started."""
    runs = []
    monkeypatch.setattr(local, "launch", runs.append)
    return runs


def open_page(choose="tiny", **query):
    app = AppTest.from_file(APP, default_timeout=60)
    app.switch_page(PAGE)
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    if not query:
        app.selectbox(key="dataset").select(choose).run()
    assert not app.exception, app.exception
    return app


def texts(app):
    """What the page says, without the backslashes that keep Markdown from reading it."""
    kinds = (app.markdown, app.caption, app.subheader, app.info, app.warning, app.error, app.metric)
    return "\n".join(str(one.value) for kind in kinds for one in kind).replace("\\", "")


def command(app):
    return next(code.value for code in app.code if code.value.startswith("python -m core train"))


def test_form_begins_with_a_lesson(looks):
    app = AppTest.from_file(APP, default_timeout=60)
    app.switch_page(PAGE).run()
    assert not app.exception
    assert app.selectbox(key="dataset").value == "mp-frames-r2scan"
    assert "model-labelled, not DFT" in texts(app)
    assert app.radio(key="method").value == "residual"
    assert len(app.radio(key="method").options) == len(METHODS)
    assert app.number_input(key="frames").value == 300
    assert app.number_input(key="epochs").value == 5
    ratios = [app.number_input(key=kind).value for kind in ("energy", "force", "stress", "magmom")]
    assert ratios == [3.0, 1.0, 0.1, 1.0]
    assert command(app) == (
        "python -m core train --method residual --dataset mp-frames-r2scan --frames 300 --epochs 5"
    )


def test_only_devices_of_this_machine(looks):
    options = open_page().selectbox(key="device").options
    assert options[0].startswith("auto (here: ")
    assert "cpu" in options
    assert ("cuda" in options) == torch.cuda.is_available()


def test_command_follows_the_form(looks):
    app = open_page()
    assert app.number_input(key="frames").max == 14
    assert "--frames" not in command(app)  # all of them
    app.radio(key="method").set_value("refit")
    app.number_input(key="frames").set_value(6)
    app.number_input(key="rate").set_value(0.0005)
    app.number_input(key="stress").set_value(0.0)
    app.text_input(key="name").set_value("$(rm -rf x) **b**")
    app.run()
    assert not app.exception
    assert command(app) == (
        "python -m core train --method refit --dataset tiny --frames 6 --epochs 5 --lr 0.0005 "
        "--loss-stress 0.0 --name '$(rm -rf x) **b**'"
    )
    app.button(key="preset-paper").click().run()
    assert "--frames" not in command(app)
    assert "--epochs" not in command(app)  # 50, as in the paper
    app.button(key="preset-laptop").click().run()
    assert "--minutes 15.0" in command(app)
    app.button(key="preset-lesson").click().run()
    assert "--epochs 10 --minutes 1.0" in command(app)


def test_how_the_network_learns_is_a_choice(looks, launched):
    app = open_page()
    app.selectbox(key="optimizer").select("adamw").run()
    app.number_input(key="warmup").set_value(0.5)
    app.number_input(key="patience").set_value(3)
    app.multiselect(key="frozen").set_value(["conv0", "embedding"])
    app.text_input(key="rates").set_value("readout=2, conv3=0.5").run()
    assert command(app).endswith(
        "--epochs 5 --patience 3 --optimizer adamw --weight-decay 0.01 --warmup 0.5 "
        "--freeze embedding,conv0 --block-rates conv3=0.5,readout=2.0"
    )
    # What cannot be is said before the launch.
    app.text_input(key="rates").set_value("conv0=2").run()
    assert "conv0 is frozen and has a learning rate" in texts(app)
    assert app.button(key="launch").disabled


def test_processes_are_a_choice(looks, launched, monkeypatch):
    monkeypatch.setattr(processes, "usable_cores", lambda: 3)
    app = open_page()
    assert app.number_input(key="processes").value is None
    assert app.number_input(key="processes").placeholder == "auto (here: 1)"  # a lesson is short
    assert "--processes" not in command(app)
    app.number_input(key="epochs").set_value(5000).run()
    assert app.number_input(key="processes").placeholder == "auto (here: 3)"
    app.number_input(key="processes").set_value(2).run()
    assert not app.exception
    assert "--processes 2" in command(app)
    # the time depends on it, what the references do does not
    assert {look.processes for look in looks if look.threads == 1} == {None}
    app.button(key="launch").click().run()
    assert launched[0].config.processes == 2


def test_link_holds_the_processes(looks):
    app = open_page(dataset="tiny", processes="4")
    assert app.number_input(key="processes").value == 4
    assert "--processes 4" in command(app)


def test_frames_follow_the_data_set(looks):
    app = open_page("mp-frames-r2scan")
    app.number_input(key="frames").set_value(1500).run()
    app.selectbox(key="dataset").select("tiny").run()
    assert not app.exception
    assert app.number_input(key="frames").value == 14


def test_link_with_values_out_of_range(looks):
    app = open_page(dataset="tiny", frames="99999", epochs="-3", method="nonsense", seed="x")
    assert app.number_input(key="frames").value <= 14
    assert app.number_input(key="epochs").value >= 1
    assert app.radio(key="method").value == "residual"


@pytest.mark.parametrize("named", ["refit", method_label("refit")])
def test_a_link_names_the_method_by_its_name_or_its_label(looks, named):
    app = open_page(dataset="tiny", method=named)
    assert app.radio(key="method").value == "refit"
    assert "--method refit" in command(app)


def test_a_loss_of_nothing_cannot_be_launched(looks):
    app = open_page()
    for kind in ("energy", "force", "stress", "magmom"):
        app.number_input(key=kind).set_value(0.0)
    app.run()
    assert not app.exception
    assert "at least one loss ratio should be above zero" in app.error[0].value
    assert app.button(key="launch").disabled


def test_preview_tells_what_preflight_finds(monkeypatch):
    # Two threads on a busy machine wait for one another.
    monkeypatch.setattr(runtime, "usable_cores", lambda: 1)
    run_preview.previews.clear()
    app = open_page()
    for _ in range(100):
        if any(one.label.startswith("Training") and one.value != "…" for one in app.metric):
            break
        time.sleep(0.5)
        app.run()
    assert not app.exception
    assert not app.error, app.error[0].value
    table = next(one.value for one in app.dataframe if "error" in one.value)
    assert list(table["chosen"]) == ["", "", "", "", "▶"]
    by_method = dict(zip(METHODS, table["error"], strict=True))
    assert by_method["trainable"] == by_method["frozen"]
    config = run_preview.RunConfig(dataset="tiny", epochs=5, threads=1)
    assert by_method["residual"] == pytest.approx(preflight(config).energy_mae_mev_per_atom)
    assert app.metric[0].value == f"{by_method['residual']:,.0f} meV/atom"
    assert "No training frame has a stress label" in texts(app)
    assert "Labels: DFT" in texts(app)


def test_preview_tells_an_error_once(monkeypatch):
    def fail(_config):
        raise LabError("the model cannot be read; give another.")

    monkeypatch.setattr(run_preview, "preflight", fail)
    run_preview.previews.clear()
    app = open_page()
    time.sleep(0.2)
    app.run()
    assert not app.exception
    assert [one.value for one in app.error] == ["the model cannot be read; give another\\."]
    assert not app.button(key="launch").disabled
    run_preview.previews.clear()


def test_new_settings_replace_those_that_wait(monkeypatch):
    looked = []

    def slow(config):
        time.sleep(0.1)
        looked.append(config.seed)

    monkeypatch.setattr(run_preview, "preflight", slow)
    previews = run_preview.Previews()
    configs = [run_preview.RunConfig(dataset="tiny", seed=seed) for seed in range(5)]
    previews.ask(configs[:4], "data")
    (last,) = previews.ask(configs[4:], "data")
    last.result(timeout=5)
    assert looked in ([4], [0, 4])
    (first, *_) = previews.ask(configs[:1], "data")
    first.result(timeout=5)
    assert previews.ask(configs[:1], "data")[0] is first
    assert previews.ask(configs[:1], "other data")[0] is not first


def test_launch_starts_one_run_and_shows_it(looks, launched):
    app = open_page()
    app.radio(key="method").set_value("frozen")
    app.number_input(key="frames").set_value(6).run()
    app.button(key="launch").click().run()
    assert not app.exception
    (run,) = list_runs()
    assert launched == [run]
    assert (run.config.method, run.config.frames, run.config.epochs) == ("frozen", 6, 5)
    assert app.query_params["run"] == run.id
    assert run.id in texts(app)
    assert not any(button.key == "launch" for button in app.button)


def test_second_click_of_a_double_click_starts_nothing(looks, launched):
    from pages.parts.run_form import _start  # noqa: PLC0415  after the page has loaded torch

    app = open_page()
    draft = app.session_state["draft"]

    def twice():
        import streamlit as st  # noqa: PLC0415

        st.session_state.setdefault("draft", "one")
        start, config = st.session_state["what"]
        start(config, "one")
        start(config, "one")

    script = AppTest.from_function(twice)
    script.session_state["what"] = (_start, run_preview.RunConfig(dataset="tiny"))
    script.run()
    assert not script.exception
    assert len(launched) == len(list_runs()) == 1
    assert draft != "one"


def test_launch_that_fails_says_why(looks, monkeypatch):
    def refuse(_config):
        raise LabError("runs: the disk is full; free some space, then resume or try again.")

    monkeypatch.setattr(local, "create", refuse)
    app = open_page()
    app.button(key="launch").click().run()
    assert not app.exception
    assert "the disk is full" in app.error[0].value
    assert not app.button(key="launch").disabled


def test_a_finished_runs_model_is_a_source(looks, launched):
    run = make_run(name="first")
    app = open_page()
    app.selectbox(key="model").select(f"Run first ({run.id[-4:]})").run()
    assert f"--model {run.best_checkpoint}" in command(app)


def test_an_uploaded_checkpoint_is_a_source(looks, home, tmp_path):
    model = tmp_path / "mine.pth.tar"
    save_model(model, load_model("chgnet-0.3.0"), {"functional": "HSE06"})
    app = open_page()
    app.selectbox(key="model").select("A checkpoint of my own").run()
    assert app.button(key="launch").disabled
    app.file_uploader(key="checkpoint").upload("mine.pth.tar", model.read_bytes()).run()
    assert not app.exception
    assert "functional HSE06" in texts(app)
    assert str(home / "cache" / "uploads") in command(app)
    app.file_uploader(key="checkpoint").upload("other.pth.tar", b"not a model").run()
    assert not app.exception
    assert "is not a checkpoint" in app.error[0].value.replace("\\", "")
    assert app.button(key="launch").disabled


def test_finished_run(looks):
    run = make_run(name="**mine** <script>")
    app = open_page(run=run.id)
    seen = texts(app)
    assert "**mine** <script>" in seen
    assert "Labels: DFT" in seen
    assert len(app.get("plotly_chart")) == 3  # no stress labels, no stress figure
    table = app.dataframe[0].value
    assert list(table["what"]) == [
        "Validation, before training",
        "Validation, best epoch (2)",
        "Test, the best epoch's model",
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
    run.update(state="cancelled", message="Stopped on request; resume it to go on.")
    app.run()
    assert "Stopped on request" in app.warning[0].value


def test_queued_run_names_its_place(looks):
    pid, started = identity()
    first = make_run("queued", pid=pid, pid_started=started, device="cpu", queued=1.0)
    run = make_run("queued", pid=pid, pid_started=started, device="cpu", queued=2.0)
    assert first.id != run.id
    app = open_page(run=run.id)
    assert "1 more wait" in app.info[0].value


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
    assert app.button(key="launch")
