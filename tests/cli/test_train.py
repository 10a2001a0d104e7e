"""`train`, `runs` and `export` from the command line."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from chgnet.model import CHGNet
from typer.main import get_group

from core.cli import train as train_module
from core.runs.process import local, worker
from core.runs.record.directory import Run
from core.runs.record.listing import list_runs
from core.training.settings.config import RunConfig
from core.training.settings.flags import FLAGS
from core.training.settings.metrics import METRICS, STABILITY_METRICS
from tests.cli.helpers import answer, invoke, make_frames, mistake, pair_table

ROOT = Path(__file__).parents[2]


def test_every_setting_of_a_run_is_an_option():
    command = get_group(train_module.app).commands["train"]
    options = {flag for parameter in command.params for flag in parameter.opts}
    assert set(FLAGS.values()) <= options


def fake_fit(run, emit, should_stop):
    """Learn nothing in one step, unless told to fail or to wait for Ctrl-C."""
    sys.stdout.write("chatter")
    emit({"kind": "prepare", "what": "structures", "done": 1, "total": 2})
    if run.config.name == "bad":
        raise ValueError("odd\nlines")
    if run.config.name == "slow":
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.05)
        assert should_stop()
        return SimpleNamespace(state="cancelled", best_epoch=None, validation=None, test=None)
    errors = {"n_frames": 1, **dict.fromkeys(METRICS, 1.0)}
    emit({"kind": "epoch", "epoch": run.config.epochs, "validation": errors})
    (run.checkpoints / "best.pth.tar").write_bytes(b"weights")
    return SimpleNamespace(state="finished", best_epoch=1, validation=errors, test=errors)


def test_train_show_export_and_delete(monkeypatch):
    make_frames()
    execute = worker.execute
    monkeypatch.setattr(
        train_module, "execute", lambda path, echo: execute(path, fit=fake_fit, echo=echo)
    )
    words = ("train", "--dataset", "salt", "--device", "cpu", "--epochs", "3", "--json")
    result = invoke(*words, "--seed", "5")
    told = json.loads(result.stdout)
    assert result.exit_code == 0
    assert "Preparing." in result.stderr
    assert (told["state"], told["epochs"], told["test"]["n_frames"]) == ("finished", 3, 1)
    assert set(told) == {"run", "run_dir", "state", "epochs", "validation", "test", "force_drift"}
    run = Run(Path(told["run_dir"]))
    assert run.config.seed == 5
    assert "chatter" in run.log.read_text()
    # Its output would be at the end of the log.
    monkeypatch.setattr(train_module, "own_command", lambda: ["atomref"])
    assert invoke(*words[:-1], "--run-dir", "launched").stdout == ""

    shown = answer("runs", "show", told["run"])
    assert shown["config"]["epochs"] == 3
    assert shown["command"].startswith("atomref train --method residual --dataset salt")
    rows = answer("runs", "list")["runs"]
    assert [row["run"] for row in rows] == [told["run"]]
    assert "finished" in invoke("runs", "list").stdout
    assert "meV/atom" in invoke("runs", "show", told["run"]).stdout

    answer("export", told["run"], "--out", "model.pth.tar")
    assert Path("model.pth.tar").read_bytes() == b"weights"
    assert "exists already" in mistake("export", told["run"], "--out", "model.pth.tar")
    assert "nothing to cancel" in mistake("runs", "cancel", told["run"])
    assert "give --run-dir alone" in mistake("train", "--run-dir", run.path, "--seed", "1")
    assert "is finished" in mistake("train", "--run-dir", run.path)
    answer("runs", "delete", told["run"], "--yes")
    assert list_runs() == []

    failed = invoke(*words, "--name", "bad", "--run-dir", "mine")
    assert failed.exit_code == 2
    assert failed.stdout == ""
    assert failed.stderr.splitlines()[-1].startswith("error: Training stopped")
    cancelled = invoke(*words, "--name", "slow")
    assert cancelled.exit_code == 130
    assert json.loads(cancelled.stdout)["state"] == "cancelled"


def core(*words, **options):
    return subprocess.run(
        [sys.executable, "-m", "core", *map(str, words)],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        **options,
    )


def test_a_run_goes_on_with_other_processes(monkeypatch):
    monkeypatch.setattr(local, "_spawn", lambda runs, statuses: runs[0].write(statuses[0]))
    run = local.create(RunConfig(dataset="any", processes=2))
    for words, wanted in (([], None), (["--processes", "3"], 3), ([], 3)):
        local.cancel(run)
        assert answer("runs", "resume", run.id, *words)["state"] == "queued"
        assert answer("runs", "show", run.id)["processes"] == wanted
    assert run.config.processes == 2
    mistake("runs", "resume", run.id, "--processes", "0")


def test_a_mistake_in_a_real_process(home):
    pair_table(home / "pairs.csv")
    text = (home / "pairs.csv").read_text().replace("NaCl", "NaXx", 1)
    (home / "pairs.csv").write_text(text)
    result = core("import", home / "pairs.csv", "--name", "mine", "--json")
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert "pairs.csv" in result.stderr
    assert "3" in result.stderr
    assert not (home / "home" / "datasets" / "mine").exists()


def test_a_real_training_from_the_command_line(home):
    make_frames(n=12)
    words = ("--dataset", "salt", "--epochs", 2, "--device", "cpu", "--threads", 1)
    result = core("train", *words, "--batch-size", 4, "--stability", "static", "--json")
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    assert (told["state"], told["epochs"]) == ("finished", 2)
    assert told["test"]["energy_mae_mev_per_atom"] > 0
    assert told["test"]["stress_mae_gpa"] is None
    run = Run(Path(told["run_dir"]))
    status = run.status()
    assert (status.frames, status.labels, status.device) == (10, "dft", "cpu")
    assert [event["epoch"] for event in run.metrics("epoch")] == [1, 2]
    judged = {key: run.event("stability")[key] for key in STABILITY_METRICS}
    assert told["test"] == run.event("end")["test"] | judged

    again = answer("evaluate", run.id, "--dataset", "salt", "--stability", "static")
    assert again.pop("stability")["n"] == again["n_frames"]
    assert again["formation_mae_mev_per_atom"] > 0
    assert again.pop("findings") == again.pop("unseen_elements") == []
    assert again.pop("mismatch") == ""
    assert again == {
        key: None if value is None else pytest.approx(value, rel=1e-4)
        for key, value in told["test"].items()
    }
    everything = invoke("evaluate", run.id, "--dataset", "salt", "--split", "all").stdout
    assert "12 (all of salt, labels: dft)" in everything
    answer("export", run.id, "--out", home / "model.pth.tar")
    assert CHGNet.from_file(str(home / "model.pth.tar")).n_params > 400_000
