"""The Transfer page: its form, its preview and the launch."""

import time
from dataclasses import replace

import pytest
import torch
from streamlit.testing.v1 import AppTest

from core.errors import LabError
from core.frames.registry import open_dataset
from core.frames.schema import Card
from core.frames.store import write_frames
from core.home import datasets_dir, home
from core.potential import threads
from core.potential.models import load_model, save_model
from core.progress import silent
from core.reference.fits.library import given_atomref, save_atomref
from core.runs.process import local
from core.runs.record.listing import list_runs
from core.runs.results.comparison import method_label
from core.studies.job.directory import Job
from core.studies.job.local import compute_here
from core.studies.models.preflight import PreflightStudy
from core.studies.study import Study
from core.training.loop.preflight import estimated_seconds, preflight
from core.training.settings import processes
from core.training.settings.methods import DEFAULT, METHODS
from core.training.settings.partition import usual_method
from pages.parts.training import preflight as preflight_part
from tests.pages.example_runs import make_run
from tests.pages.transfer_page import APP, PAGE, command, open_page, texts

BEGINNINGS = ("scratch", "frozen", "refit", "residual")
"""Methods whose network or AtomRef differs before training."""

pytestmark = pytest.mark.usefixtures("tiny_lab")


def test_form_begins_with_a_lesson(looks):
    app = AppTest.from_file(APP, default_timeout=300)
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
        "atomref train --method residual --dataset mp-frames-r2scan --frames 300 --epochs 5"
    )
    # What the preview shows is shipped.
    assert not any(isinstance(look, Study) for look in looks)
    assert not app.get("progress")


def test_energies_alone_begin_with_the_closed_form(home, looks):
    data = open_dataset("tiny")
    frames = [
        replace(frame, forces=None, stress=None, magmoms=None)
        for frame in data.frames(range(len(data)))
    ]
    card = Card(name="bare", kind="frames", functional="r2SCAN")
    write_frames(datasets_dir() / "bare", card, frames)
    app = open_page(dataset="bare")
    assert app.radio(key="method").value == "linearised"
    assert app.number_input(key="epochs").value == 0
    assert command(app).startswith("atomref train --method linearised --dataset bare")
    # Coming from a data set with forces, the choice stays until the reader takes the other one.
    app = open_page("bare")
    assert app.radio(key="method").value == "residual"
    app.button(key="take-usual").click().run()
    assert app.radio(key="method").value == "linearised"
    assert app.number_input(key="epochs").value == 0
    assert not app.exception
    assert usual_method("bare") == "linearised"
    assert usual_method("tiny") == "residual"
    assert usual_method("tiny", {"force": 0, "stress": 0, "magmom": 0}) == "linearised"


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
        "atomref train --method refit --dataset tiny --frames 6 --epochs 5 --lr 0.0005 "
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
    assert app.number_input(key="teacher-copies").disabled
    app.number_input(key="teacher").set_value(0.5).run()
    app.number_input(key="teacher-copies").set_value(2).run()
    assert "--teacher 0.5 --teacher-copies 2" in command(app)
    assert app.number_input(key="replay-ratio").disabled
    app.selectbox(key="replay").select("tiny").run()
    app.selectbox(key="replay-labels").select("pretrained")
    app.number_input(key="replay-ratio").set_value(0.25).run()
    words = "--replay tiny --replay-labels pretrained --replay-ratio 0.25"
    assert words in command(app)
    app.number_input(key="ema").set_value(0.99)
    app.number_input(key="l2-sp").set_value(0.01)
    app.selectbox(key="best-by").select("force")
    app.selectbox(key="atomref-after").select("solved").run()
    assert "--ema 0.99 --l2-sp 0.01 --best-by force --atomref-after solved" in command(app)
    # What cannot be is said before the launch.
    app.text_input(key="rates").set_value("conv0=2").run()
    assert "conv0 is frozen and has a learning rate" in texts(app)
    assert app.button(key="launch-run").disabled


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
    assert len([look for look in looks if isinstance(look, Study)]) == len(BEGINNINGS) + 1
    app.button(key="launch-run").click().run()
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
    assert app.button(key="launch-run").disabled


def test_preview_tells_what_preflight_finds(monkeypatch):
    # Two threads on a busy machine wait for one another.
    monkeypatch.setattr(threads, "usable_cores", lambda: 1)
    monkeypatch.setattr(
        preflight_part, "computed_apart", lambda study: compute_here(Job.of(study), silent)
    )
    monkeypatch.setattr(preflight_part, "estimated_seconds", estimated_seconds)
    preflight_part.previews.clear()
    app = open_page(dataset="tiny")
    for _ in range(2000):
        if all(one.value != "…" for one in app.metric) and not app.get("progress"):
            break
        time.sleep(0.1)
        app.run()
    assert not app.exception
    assert not app.error, app.error[0].value
    table = next(one.value for one in app.dataframe if "error" in one.value)
    assert list(table["chosen"]) == ["▶" if key == DEFAULT else "" for key in METHODS]
    by_method = dict(zip(METHODS, table["error"], strict=True))
    assert by_method["trainable"] == by_method["frozen"]
    config = preflight_part.RunConfig(dataset="tiny", epochs=5, threads=1)
    assert by_method["residual"] == pytest.approx(preflight(config).energy_mae_mev_per_atom)
    told = {one.label: one.value for one in app.metric}
    assert told["Energy MAE before training"] == f"{by_method['residual']:,.0f} meV/atom"
    assert told["Estimated duration"].endswith(" s")
    assert "No training frame has a stress label" in texts(app)
    assert "Labels: DFT" in texts(app)


def test_preview_tells_an_error_once(monkeypatch):
    def fail(_config):
        raise LabError("the model cannot be read; give another.")

    monkeypatch.setattr(preflight_part, "computed_apart", fail)
    monkeypatch.setattr(preflight_part, "estimated_seconds", fail)
    preflight_part.previews.clear()
    app = open_page()
    for _ in range(100):
        if app.error:
            break
        time.sleep(0.1)
        app.run()
    assert not app.exception
    assert [one.value for one in app.error] == ["the model cannot be read; give another\\."]
    assert not app.button(key="launch-run").disabled
    preflight_part.previews.clear()


def test_new_settings_replace_those_that_wait(monkeypatch):
    looked = []

    def slow(config):
        time.sleep(0.1)
        looked.append(config.seed)

    monkeypatch.setattr(preflight_part, "computed_apart", slow)
    previews = preflight_part.Previews()
    configs = [PreflightStudy(dataset="tiny", method="frozen", seed=seed) for seed in range(5)]
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
    # Chosen just before the click, for which the page is not drawn again.
    app.radio(key="method").set_value("frozen")
    app.number_input(key="frames").set_value(6)
    app.button(key="launch-run").click().run()
    assert not app.exception
    (run,) = list_runs()
    assert launched == [run]
    assert (run.config.method, run.config.frames, run.config.epochs) == ("frozen", 6, 5)
    assert app.query_params["run"] == run.id
    assert run.id in texts(app)
    assert not any(button.key == "launch-run" for button in app.button)


def test_second_click_of_a_double_click_starts_nothing():
    def form():
        import streamlit as st  # noqa: PLC0415

        from pages.parts.shared.launch import launch_button, note_click  # noqa: PLC0415

        started = st.session_state.setdefault("started", [])
        if "first" in st.session_state:
            # It came before the browser showed the form again.
            note_click("run", st.session_state["first"])
        launch_button("run", "settings", started.append, label="Launch", help_text="Starts it.")

    script = AppTest.from_function(form).run()
    token = script.session_state["run draft"]
    script.button(key="launch-run").click().run()
    assert script.session_state["started"] == ["settings"]
    script.session_state["first"] = token
    script.button(key="launch-run").click().run()
    assert not script.exception
    assert script.session_state["started"] == ["settings"]


def test_where_a_run_works_is_asked_where_there_is_a_choice(looks, launched):
    app = open_page()
    assert "on" not in [box.key for box in app.selectbox]
    (home() / "clusters.toml").write_text("[gpu]\ngpus = 2\npartition = 'a_b_c'\n")
    app.run().selectbox(key="on").select("gpu").run()
    told = r"A job asks for: partition a\_b\_c, 2 GPUs, time limit 24\:00\:00."
    assert told in [caption.value for caption in app.caption]
    assert command(app).endswith("--on gpu")
    app.button(key="launch-run").click().run()
    assert not app.exception
    assert [run.recorded().on for run in launched] == ["gpu"]


def test_no_run_is_launched_with_profiles_that_cannot_be_read(looks, launched):
    (home() / "clusters.toml").write_text("[gpu]\nnodes = 0\n")
    app = open_page()
    assert "should be at least 1" in app.error[0].value
    assert app.button(key="launch-run").disabled


def test_launch_that_fails_says_why(looks, monkeypatch):
    def refuse(_run):
        raise LabError("runs: the disk is full; free some space, then resume or try again.")

    monkeypatch.setattr(local, "launch", refuse)
    app = open_page()
    app.button(key="launch-run").click().run()
    assert not app.exception
    assert "the disk is full" in app.error[0].value
    assert not app.button(key="launch-run").disabled
    assert list_runs() == []


def test_a_finished_runs_model_is_a_source(looks, launched):
    run = make_run(name="first")
    app = open_page()
    app.selectbox(key="model").select(f"Run first ({run.id[-4:]})").run()
    assert f"--model {run.best_checkpoint}" in command(app)


def test_an_uploaded_checkpoint_is_a_source(looks, home, tmp_path):
    model = tmp_path / "mine.pth.tar"
    save_model(model, load_model("chgnet-0.3.0"), {"functional": "HSE06"})
    app = open_page()
    app.selectbox(key="model").select("Uploaded checkpoint").run()
    assert app.button(key="launch-run").disabled
    app.file_uploader(key="checkpoint").upload("mine.pth.tar", model.read_bytes()).run()
    assert not app.exception
    assert "functional HSE06" in texts(app)
    assert str(home / "cache" / "uploads") in command(app)
    app.file_uploader(key="checkpoint").upload("other.pth.tar", b"not a model").run()
    assert not app.exception
    assert "is not a checkpoint" in app.error[0].value.replace("\\", "")
    assert app.button(key="launch-run").disabled


def test_reference_energies_of_ones_own(looks):
    save_atomref("mine", given_atomref({"Na": -1.0, "Cl": -2.0, "K": -3.0}, "PBE"))
    app = open_page()
    own = app.selectbox(key="own-references")
    assert own.options == ["those of the method", "mine"]
    own.select("mine").run()
    assert "--atomref mine" in command(app)
    app.radio(key="method").set_value("refit").run()
    assert app.selectbox(key="own-references").disabled
    assert "--atomref" not in command(app)
    assert "--atomref mine" in command(
        open_page(dataset="tiny", method="frozen", **{"own-references": "mine"})
    )


def test_several_functionals_are_one_run(looks):
    app = open_page()
    app.radio(key="method").set_value("multifidelity").run()
    assert not app.exception
    (further,) = [one for one in app.multiselect if one.key == "further"]
    (other,) = further.value
    app.number_input(key="further-weight").set_value(0.5).run()
    assert not app.exception
    first = app.selectbox(key="dataset").value
    assert f"--method multifidelity --dataset {first},{other}" in command(app)
    assert f"--functional-weights {other}=0.5" in command(app)
