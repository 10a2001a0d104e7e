"""Tables of runs, from run directories made by hand."""

import orjson
import pytest

from core.runs.process.local import create, delete
from core.runs.results.comparison import (
    PAPER,
    beside_paper,
    errors_table,
    label_of,
    method_label,
    no_gain,
    overview,
)
from core.runs.results.paper import TABLE_1
from core.training.settings.config import RunConfig
from core.training.settings.methods import METHODS
from core.training.settings.metrics import METRICS

ENERGY, FORCE, STRESS, MAGMOM = METRICS


def errors(energy, force=None):
    values = {ENERGY: energy, FORCE: force, STRESS: None, MAGMOM: None}
    return {"n_frames": 7, **values}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))


def new_run(events=(), name="", method="residual", epochs=4, **status):
    run = create(RunConfig(dataset="toy", name=name, method=method, epochs=epochs))
    lines = [orjson.dumps({"time": 0.0, **event}) for event in events]
    (run.path / "metrics.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    run.update(**status)
    return run


def start(energy, step=0):
    return {"kind": "start", "step": step, "validation": errors(energy, 9.0)}


def test_names_tell_runs_apart():
    first, second, third = new_run(name=" mine "), new_run(name="mine"), new_run()
    labels = [label_of(run) for run in (first, second, third)]
    assert labels[0] == f"mine ({first.id[-4:]})"
    assert len(set(labels)) == 3
    assert labels[2] == third.id
    assert method_label("refit") == "Transfer, refitted AtomRef (Method 4)"
    # Methods 1 and 4 have the same AtomRef.
    assert METHODS["scratch"].starts_from == "random weights, least-squares AtomRef"
    assert METHODS["refit"].starts_from == "pretrained weights, least-squares AtomRef"
    assert len({method.starts_from for method in METHODS.values()}) == len(METHODS)


@pytest.mark.parametrize(("epoch", "share"), [(0.0, 0.0), (1.0, 0.25), (4.0, 1.0), (9.0, 1.0)])
def test_share_that_is_done(epoch, share):
    assert new_run(epoch=epoch).status().done_share == share


def test_overview():
    running = new_run(name="one", state="cancelled", epoch=1.0)
    finished = new_run(state="finished", epoch=4.0, test=errors(5.0))
    gone = new_run(state="finished")
    delete(gone)
    table = overview([running, finished, gone])
    assert list(table["run"]) == [running.id, finished.id]
    assert list(table["label"]) == [label_of(running), finished.id]
    assert list(table["progress"]) == ["cancelled, 25 %", "finished"]
    assert table[f"test_{ENERGY}"][1] == 5.0
    assert overview([]).empty


def test_errors_before_and_after():
    run = new_run([start(90.0)], best_epoch=3, validation=errors(50.0), test=errors(55.0, 4.0))
    assert errors_table(new_run()).empty
    table = errors_table(run)
    assert list(table["model"]) == [
        "Validation, before training",
        "Validation, best epoch (3)",
        "Test, model of the best epoch",
    ]
    assert list(table[ENERGY]) == [90.0, 50.0, 55.0]
    assert table[FORCE][2] == 4.0
    assert table[STRESS].isna().all()
    assert table[STRESS].dtype.kind == "f"


def test_errors_beside_the_papers():
    tested = new_run(name="mine", method="frozen", test=errors(55.0), labels="chgnet-r2scan")
    untested = new_run(validation=errors(1.0))
    table = beside_paper([tested, untested])
    assert list(table["whose"]) == [label_of(tested)] + [PAPER] * len(TABLE_1)
    assert table["method"][0] == "frozen (Method 3)"
    assert table["data"][0] == "toy, 7 test frames"
    assert list(table["labels"]) == ["chgnet-r2scan"] + ["dft"] * len(TABLE_1)
    assert list(table[ENERGY]) == [55.0, 27.0, 26.0, 26.0, 17.0]
    assert list(table[MAGMOM][1:]) == [0.019, 0.027, 0.026, 0.023]


def test_a_run_that_gained_nothing_says_so():
    def told(validation, method="residual", **status):
        status = {"state": "finished", "epoch": 2.0, "validation": validation} | status
        return no_gain(new_run([start(20.0)], method=method, **status))

    assert told(errors(12.0, 8.0)) == ""
    text = told(errors(21.5, 8.0))
    assert "Energy MAE 21.5 meV/atom, 20 before training" in text
    assert "Force" not in text
    assert "Force MAE 9 meV/Å, 9 before training" in told(errors(12.0, 9.0))
    # Nothing to beat: random weights, no epoch, not finished.
    assert told(errors(21.5), method="scratch") == ""
    assert told(errors(20.0), epoch=0.0) == ""
    assert told(errors(21.5), state="cancelled") == ""
