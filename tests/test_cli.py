"""The command line: JSON on stdout, one line on stderr for mistakes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from chgnet.model import CHGNet
from typer.main import get_group
from typer.testing import CliRunner

from core.cli import app
from core.cli import train as train_module
from core.elements import SYMBOLS
from core.frames.registry import open_dataset
from core.frames.schema import Card, Frame
from core.frames.sources.table import import_pairs
from core.frames.store import write_frames
from core.home import datasets_dir
from core.runs import local, worker
from core.runs.directory import Run
from core.runs.listing import list_runs
from core.transfer.config import FLAGS, RunConfig
from core.transfer.metrics import METRICS

ROOT = Path(__file__).parents[1]
FORMULAS = ["LiF", "NaCl", "MgO", "LiCl", "NaF", "CaO", "MgF2", "CaCl2", "Li2O", "Na2O"]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def invoke(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def answer(*words):
    result = invoke(*words, "--json")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return json.loads(result.stdout)


def mistake(*words):
    result = invoke(*words)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


def pair_table(path, n=40, seed=0):
    rng = np.random.default_rng(seed)
    formulas = [FORMULAS[i % len(FORMULAS)] for i in range(n)]
    source = rng.normal(-5, 1, n)
    table = pd.DataFrame(
        {
            "material_id": [f"m-{i}" for i in range(n)],
            "formula": formulas,
            "energy_gga_corrected": source,
            "energy_r2scan": source - 9 + rng.normal(0, 0.1, n),
        }
    )
    table.to_csv(path, index=False)
    return table


def make_frames(name="salt", n=10, functional="r2SCAN", shift=0.0):
    """Rattled rock salt in ten lattice constants, with invented labels."""
    rng = np.random.default_rng(1)
    corners = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    frames = [
        Frame(
            frame_id=f"f-{i}",
            material_id=f"m-{i}",
            atomic_numbers=np.array([11] * 4 + [17] * 4),
            frac_coords=np.vstack([corners, corners + 0.5]) + rng.normal(0, 0.01, (8, 3)),
            lattice=np.eye(3) * (5.4 + 0.05 * i),
            energy_per_atom=-3.4 + 0.01 * i + shift,
            forces=rng.normal(0, 0.1, (8, 3)),
        )
        for i in range(n)
    ]
    write_frames(
        datasets_dir() / name, Card(name=name, kind="frames", functional=functional), frames
    )


def test_help_names_every_command_and_torch_stays_away():
    code = (
        "import sys; from typer.testing import CliRunner; from core.cli import app; "
        "assert CliRunner().invoke(app, sys.argv[1:]).exit_code == 0; "
        "sys.exit('torch' in sys.modules)"
    )
    for words in ([], ["datasets", "list"], ["runs", "list", "--json"], ["train", "--help"]):
        subprocess.run([sys.executable, "-c", code, *words], check=True, cwd=ROOT)
    result = invoke()
    assert result.exit_code == 0
    for name in ("datasets", "import", "shift", "atomref", "train", "runs", "evaluate", "export"):
        assert name in result.stdout


def test_data_sets_are_imported_listed_shown_and_deleted(home):
    pair_table(home / "pairs.csv")
    told = answer("import", "pairs.csv", "--name", "mine", "--licence", "CC0")
    assert (told["kind"], told["n"]) == ("pairs", 40)
    rows = {row["name"]: row for row in answer("datasets", "list")["datasets"]}
    assert rows["mine"] == {
        "name": "mine",
        "kind": "pairs",
        "functional": None,
        "n": 40,
        "embedded": False,
        "labels": "dft",
    }
    shown = answer("datasets", "show", "mine")
    assert shown["licence"] == "CC0"
    assert {energy["functional"] for energy in shown["energies"]} == {"GGA/GGA+U", "r2SCAN"}
    assert "mine" in invoke("datasets", "list").stdout
    assert "energy_r2scan (r2SCAN, corrections: none)" in invoke("datasets", "show", "mine").stdout
    assert answer("datasets", "delete", "mine") == {"deleted": "mine"}
    assert "mine" not in {row["name"] for row in answer("datasets", "list")["datasets"]}


def test_frames_are_imported_from_a_table_with_structures():
    structure = {
        "lattice": {"matrix": [[4.2, 0, 0], [0, 4.2, 0], [0, 0, 4.2]]},
        "sites": [
            {"species": [{"element": "Na", "occu": 1}], "abc": [0, 0, 0]},
            {"species": [{"element": "Cl", "occu": 1}], "abc": [0.5, 0.5, 0.5]},
        ],
    }
    rows = [(f"m{i}", json.dumps(structure), -3.4) for i in range(12)]
    pd.DataFrame(rows, columns=["material_id", "structure_json", "energy_r2scan"]).to_parquet(
        "frames.parquet"
    )
    words = ("import", "frames.parquet", "--name", "salt", "--format", "frames")
    assert "--functional" in mistake(*words)
    assert answer(*words, "--functional", "r2SCAN")["n"] == 12
    assert answer("datasets", "show", "salt")["split"] == {"train": 10, "validation": 1, "test": 1}


def test_the_prior_is_the_users_choice(home):
    pair_table(home / "pairs.csv")
    import_pairs(home / "pairs.csv", name="mine", labels="DFT")
    words = ("atomref", "mine", "--method", "ridge", "--strength", "1e6")
    first = answer("atomref", "mine", "--out", "first.json")
    assert first["labels"] == "dft"
    pulled = answer(*words, "--prior", "first.json")
    for symbol in first["counts"]:
        assert pulled["energies"][symbol] == pytest.approx(first["energies"][symbol], abs=1e-3)
    assert answer(*words, "--prior", "source")["prior"] == "source"
    assert "none.json" in mistake(*words, "--prior", "none.json")


def test_corrections_can_be_told():
    pair_table(Path("pairs.csv"))
    words = ("import", "pairs.csv", "--name", "mine")
    assert "is none of" in mistake(*words, "--corrections", "energy_r2scan=some")
    answer(*words, "--corrections", "energy_r2scan=unknown")
    columns = {one["column"]: one for one in answer("datasets", "show", "mine")["energies"]}
    assert columns["energy_r2scan"]["corrections"] == "unknown"


def test_the_systems_refusals_are_one_line(monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", "/proc/nothing/here")
    assert "cannot be used" in mistake("datasets", "list")


def test_import_tells_pairs_from_frames():
    Path("none.csv").write_text("material_id,formula\nm-1,Fe\n")
    assert "no column that looks like total energies" in mistake(
        "import", "none.csv", "--name", "none"
    )
    pair_table(Path("pairs.csv"))
    assert answer("import", "pairs.csv", "--name", "both")["kind"] == "pairs"
    told = mistake("import", "pairs.csv", "--name", "one", "--functional", "r2SCAN")
    assert "structures" in told, "one functional means frames, which need structures"


def test_shift_of_a_table_and_of_a_data_set(home):
    table = pair_table(home / "pairs.csv")
    import_pairs(home / "pairs.csv", name="mine")
    source, target = table["energy_gga_corrected"], table["energy_r2scan"]
    columns = ("--source", "energy_gga_corrected", "--target", "energy_r2scan")
    for words in (("pairs.csv",), ("pairs.csv", *columns), ("mine",), ("mine", *columns)):
        told = answer("shift", *words)
        assert told["n"] == 40
        assert told["mean_shift"] == pytest.approx((target - source).mean())
        assert told["mae"] == pytest.approx((target - source).abs().mean())
        assert told["pearson_raw"] == pytest.approx(np.corrcoef(source, target)[0, 1])
    assert told["source_functional"] == "GGA/GGA+U"
    backward = answer("shift", "mine", "--source", columns[3], "--target", columns[1])
    assert backward["mean_shift"] == pytest.approx(-told["mean_shift"])
    assert "mean shift, eV/atom" in invoke("shift", "mine").stdout


def test_shift_between_two_data_sets_of_frames():
    make_frames("a", functional="GGA/GGA+U")
    make_frames("b", shift=-9.0)
    assert answer("shift", "a", "b")["mean_shift"] == pytest.approx(-9)
    assert "second data set" in mistake("shift", "a")
    assert "leave them out" in mistake("shift", "a", "b", "--source", "x")


def test_atomref_by_least_squares_agrees_with_numpy(home):
    table = pair_table(home / "pairs.csv")
    import_pairs(home / "pairs.csv", name="mine")
    told = answer("atomref", "mine", "--out", "ref.json")
    X = open_dataset("mine").fractions()
    expected = np.linalg.lstsq(X, table["energy_r2scan"], rcond=None)[0]
    for symbol, energy in told["energies"].items():
        assert energy == pytest.approx(expected[SYMBOLS.index(symbol)], abs=1e-6)
    assert (told["functional"], told["method"], told["n"]) == ("r2SCAN", "lstsq", 40)
    assert told["rank"] <= len(told["counts"]) == 7
    assert "condition" in told
    assert json.loads(Path("ref.json").read_text())["energies"] == told["energies"]
    other = answer("atomref", "mine", "--column", "energy_gga_corrected", "--out", "ref.csv")
    assert other["functional"] == "GGA/GGA+U"
    assert len(pd.read_csv("ref.csv")) == 94
    assert "Na" in invoke("atomref", "mine").stdout
    assert "neither .json nor .csv" in mistake("atomref", "mine", "--out", "ref.txt")


def test_atomref_with_a_prior(home):
    pair_table(home / "pairs.csv")
    import_pairs(home / "pairs.csv", name="mine")
    make_frames()
    ridge = answer("atomref", "mine", "--method", "ridge", "--strength", "0.1")
    assert (ridge["method"], ridge["strength"]) == ("ridge", 0.1)
    assert len(ridge["energies"]) > 80, "elements without frames keep the prior"
    assert "no structures" in mistake("atomref", "mine", "--method", "residual")
    residual = answer("atomref", "salt", "--method", "residual")
    assert {symbol for symbol, n in residual["counts"].items() if n} == {"Na", "Cl"}
    assert residual["method"] == "residual"
    assert "leave out --column" in mistake("atomref", "salt", "--column", "x")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("datasets", "show", "nothing"), "nothing"),
        (("datasets", "show"), "Missing argument"),
        (("datasets",), "Missing command"),
        (("bogus",), "No such command 'bogus'"),
        (("--bogus",), "No such option"),
        (("shift", "missing.csv"), "missing.csv"),
        (("import", "missing.csv", "--name", "x"), "missing.csv"),
        (("import", "missing.csv", "--name", "x", "--map", "energy"), "NAME=VALUE"),
        (("atomref", "x", "--method", "magic"), "magic"),
        (("train",), "--dataset"),
        (("train", "--dataset", "nothing"), "nothing"),
        (("train", "--dataset", "x", "--epochs", "0"), "epochs"),
        (("train", "--dataset", "x", "--epochs", "many"), "--epochs"),
        (("train", "--dataset", "x", "--method", "magic"), "magic"),
        (("train", "--run-dir", "nowhere"), "--dataset"),
        (("runs", "show", "nothing"), "nothing"),
        (("runs", "cancel", "nothing"), "nothing"),
        (("evaluate", "nothing", "--dataset", "y"), "y"),
        (("export", "nothing", "--out", "model.pth.tar"), "nothing"),
    ],
)
def test_mistakes_are_one_line(words, told):
    assert told in mistake(*words)


def test_pairs_are_refused_where_frames_are_needed(home):
    pair_table(home / "pairs.csv")
    import_pairs(home / "pairs.csv", name="mine")
    assert "--format frames" in mistake("train", "--dataset", "mine")
    assert "--format frames" in mistake("evaluate", "chgnet-0.3.0", "--dataset", "mine")
    assert list_runs() == []


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
    assert set(told) == {"run", "run_dir", "state", "epochs", "validation", "test"}
    run = Run(Path(told["run_dir"]))
    assert run.config.seed == 5
    assert "chatter" in run.log.read_text()

    shown = answer("runs", "show", told["run"])
    assert shown["config"]["epochs"] == 3
    assert shown["command"].startswith("python -m core train --method residual --dataset salt")
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
    answer("runs", "delete", told["run"])
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
    monkeypatch.setattr(local, "_spawn", lambda run, status: run.write(status))
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
    result = core("train", *words, "--batch-size", 4, "--json")
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    assert (told["state"], told["epochs"]) == ("finished", 2)
    assert told["test"]["energy_mae_mev_per_atom"] > 0
    assert told["test"]["stress_mae_gpa"] is None
    run = Run(Path(told["run_dir"]))
    status = run.status()
    assert (status.frames, status.labels, status.device) == (10, "dft", "cpu")
    assert [event["epoch"] for event in run.metrics("epoch")] == [1, 2]
    assert run.metrics("end")[0]["test"] == told["test"]

    again = answer("evaluate", run.id, "--dataset", "salt")
    assert again == {
        key: None if value is None else pytest.approx(value, rel=1e-4)
        for key, value in told["test"].items()
    }
    everything = invoke("evaluate", run.id, "--dataset", "salt", "--split", "all").stdout
    assert "12 (all of salt, labels: dft)" in everything
    answer("export", run.id, "--out", home / "model.pth.tar")
    assert CHGNet.from_file(str(home / "model.pth.tar")).n_params > 400_000
