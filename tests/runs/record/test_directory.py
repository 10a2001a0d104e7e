"""Reading a run directory while it is being written, and after it was torn."""

import json
import subprocess
import sys
import threading

import pytest

from core.errors import LabError
from core.files import write_whole
from core.progress import duration_text
from core.runs.process import local
from core.runs.record.directory import Run
from core.runs.record.events import StatusTracker, errors_text
from core.runs.record.listing import find_run, list_runs
from core.runs.results.comparison import COLUMNS, overview
from core.training.settings.config import RunConfig
from core.training.settings.metrics import METRICS

E1 = dict.fromkeys(METRICS, 5.0) | {"n_frames": 4}


def write_metrics(run, *lines):
    (run.path / "metrics.jsonl").write_text("".join(lines))


def step(n, **more):
    return json.dumps({"kind": "step", "step": n, **more}) + "\n"


def test_a_torn_last_line_is_left_out(lab):
    run = lab.new_run()
    assert run.metrics() == []
    write_metrics(run, step(1), step(2), step(3)[:-5])
    assert [event["step"] for event in run.metrics()] == [1, 2]
    write_metrics(run, step(1), "\0" * 64)
    assert [event["step"] for event in run.metrics("step")] == [1]


def test_steps_told_again_count_once(lab):
    run = lab.new_run()
    first, second = (json.dumps({"kind": "start", "step": n}) + "\n" for n in (0, 2))
    epoch = json.dumps({"kind": "epoch", "step": 2, "epoch": 1}) + "\n"
    lines = (first, step(1), step(2), epoch, step(3), step(4), second, step(3, again=True))
    write_metrics(run, *lines)
    assert [event["step"] for event in run.metrics()] == [0, 1, 2, 2, 2, 3]
    assert run.metrics("step")[-1]["again"]
    assert [event["epoch"] for event in run.metrics("epoch")] == [1]


def test_the_log_s_tail(lab):
    run = lab.new_run()
    run.log.write_text("".join(f"line {i}\n" for i in range(100_000)))
    assert run.log_tail(2) == ["line 99998", "line 99999"]
    assert run.log_tail(0) == []


def test_status_is_whole_for_every_reader_while_two_write(lab):
    run = lab.new_run()
    script = (
        "import sys; from pathlib import Path; from core.runs.record.directory import Run\n"
        "run = Run(Path(sys.argv[1]))\n"
        "for i in range(150): run.update(**{sys.argv[2]: i + 1})"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", script, str(run.path), field])
        for field in ("step", "frames")
    ]
    seen = []
    while any(writer.poll() is None for writer in writers):
        seen.append(run.status().step)
    status = run.status()
    assert all(writer.returncode == 0 for writer in writers)
    assert (status.step, status.frames) == (150, 150), "no writer undoes another's change"
    assert seen == sorted(seen)
    assert not [path for path in run.path.iterdir() if path.name.startswith(".status")]


def test_a_lock_is_waited_for(lab):
    run = lab.new_run()
    inside = threading.Event()
    order = []

    def hold():
        with run.locked():
            inside.set()
            order.append("first")

    with run.locked():
        thread = threading.Thread(target=hold)
        thread.start()
        assert not inside.wait(0.2)
        order.append("zeroth")
    thread.join()
    assert order == ["zeroth", "first"]


def test_what_is_no_run_is_told(lab, tmp_path):
    with pytest.raises(LabError, match="no such run"):
        find_run("20260101-0000-residual-aaaa")
    with pytest.raises(LabError, match="not a run directory"):
        Run(tmp_path).status()
    run = lab.new_run()
    assert find_run(run.id) == find_run(run.path) == run
    (run.path / "status.json").write_text("{")
    with pytest.raises(LabError, match="delete the run"):
        run.status()
    assert list_runs() == []


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.json"
    write_whole(path, b"old")
    with pytest.raises(TypeError):
        write_whole(path, "not bytes")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_the_table_has_its_columns_with_and_without_runs(lab):
    assert list(overview([]).columns) == list(COLUMNS)
    run = lab.new_run(epochs=3)
    gone = lab.new_run()
    runs = list_runs()
    local.cancel(gone)
    local.delete(gone)
    run.update(
        validation=E1, test=None, best_epoch=2, labels="chgnet-0.3.0", started=10.0, ended=14.0
    )
    table = overview(runs)
    assert list(table["run"]) == [run.id]
    row = table.iloc[0]
    assert row["validation_energy_mae_mev_per_atom"] == 5.0
    assert row["test_energy_mae_mev_per_atom"] != row["test_energy_mae_mev_per_atom"]
    assert (row["epochs"], row["best_epoch"], row["seconds"]) == (3, 2, 4.0)
    assert row["labels"] == "chgnet-0.3.0"
    assert str(table["frames"].dtype) == "Int64"


def events(*steps, total=10, start=0.0, seconds=2.0):
    for n in steps:
        told = {"kind": "step", "time": start + seconds * n, "step": n, "steps": total}
        yield {**told, "epoch": n / 5, "loss": 1.0, "train": E1}


def test_time_left_follows_the_rate_of_steps():
    begin = {"kind": "start", "time": 0.0, "device": "cpu", "n_train": 4, "step": 0, "steps": 10}
    fresh = StatusTracker(epochs=2)
    fresh.changes(begin)
    assert [fresh.changes(e)["eta_s"] for e in events(1, 2, 10)] == [18.0, 16.0, 0.0]
    resumed = StatusTracker(epochs=2)
    resumed.changes(begin | {"time": 12.0, "step": 5})
    assert [resumed.changes(e)["eta_s"] for e in events(6, 7, start=2.0)] == [8.0, 6.0]


def test_the_best_epoch_is_the_one_with_the_lowest_energy_error():
    progress = StatusTracker(epochs=3)
    values = [(1, 5.0), (2, 3.0), (3, 4.0)]
    told = [
        progress.changes(
            {"kind": "epoch", "epoch": n, "validation": {"energy_mae_mev_per_atom": value}}
        )
        for n, value in values
    ]
    assert [changes.get("best_epoch") for changes in told] == [1, 2, None]


def test_phrases():
    assert duration_text(40) == "40 s"
    assert duration_text(720) == "12 min"
    assert duration_text(3 * 3600 + 300) == "3 h 5 min"
    text = errors_text({"energy_mae_mev_per_atom": 41.26, "stress_mae_gpa": None})
    assert text == "energy 41.26 meV/atom"
    assert errors_text(None) == "no labels to compare with"


def test_settings_written_by_a_newer_lab_do_not_hide_the_other_runs(lab):
    old, new = lab.new_run(), lab.new_run()
    path = new.path / "config.json"
    path.write_text(path.read_text().replace('"version": 1', '"version": 2'))
    assert list_runs() == [old]
    assert RunConfig.load(old.path / "config.json") == old.config
