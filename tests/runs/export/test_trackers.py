"""Trackers read back what runs recorded, by their own libraries."""

import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from core.runs.export import trackers
from core.runs.results.quantities import Quantity, history
from tests.cli.helpers import mistake
from tests.pages.example_runs import make_run
from tests.salts import write_salts

METRIC = "validation/energy_mae_mev_per_atom"
WAIT_S = 300


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))
    write_salts(tmp_path, forces=True)
    return tmp_path


def export(tracker, folder, *runs):
    """Export as a shell does, for libraries keep a folder and threads for their process."""
    pytest.importorskip(tracker, reason=f"{tracker} is an extra: atomref-lab[{tracker}]")
    words = ["runs", "export", *runs, "--to", tracker, "--out", folder, "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "core", *map(str, words)],
        capture_output=True,
        check=True,
        timeout=WAIT_S,
        cwd=Path(__file__).parents[3],
    )
    return orjson.loads(done.stdout)


def test_points_are_those_of_the_curves(home):
    run = make_run()
    points = trackers.recorded(run)
    assert [(point.step, point.values.get("epoch")) for point in points] == [
        (0, None),
        (1, 0.5),
        (2, 1.0),
        (3, 1.5),
    ]
    for name, quantity in {
        METRIC: Quantity(kind="validation", of="energy_mae_mev_per_atom"),
        "train/force_mae_mev_per_angstrom": Quantity(kind="train", of="force_mae_mev_per_angstrom"),
        "learning_rate": Quantity(kind="learning_rate"),
    }.items():
        table = history(run, quantity)
        told = [(point.step, point.values[name]) for point in points if name in point.values]
        assert told == list(zip(table["step"], table["value"], strict=True))
    assert points[-1].values["test/energy_mae_mev_per_atom"] == 55.0


def test_what_is_missing_is_said(home, monkeypatch):
    run = make_run("queued")
    words = ("runs", "export", run.id, "--out", home / "out", "--to")
    monkeypatch.setitem(sys.modules, "wandb", None)
    assert "pip install 'atomref-lab[wandb]'" in mistake(*words, "wandb")
    # A folder of that name beside the command is no library.
    (home / "trackio").mkdir()
    monkeypatch.syspath_prepend(home)
    monkeypatch.delitem(sys.modules, "trackio", raising=False)
    monkeypatch.setattr(sys, "path", [str(home)])
    assert "pip install 'atomref-lab[trackio]'" in mistake(*words, "trackio")
    assert not (home / "out").exists()


def test_a_run_without_a_step_is_left_out(home, monkeypatch):
    monkeypatch.setitem(trackers._WRITERS, "json", ("JSON", lambda *_: None))
    first, second = make_run("queued"), make_run()
    with pytest.raises(trackers.LabError, match="has recorded anything yet"):
        trackers.export_to_tracker([first], "json", home / "out")
    assert trackers.export_to_tracker([first, second], "json", home / "out") == [second]


def test_tensorboard_reads_them(home):
    run, waiting = make_run(), make_run("queued")
    told = export("tensorboard", home / "out")
    assert (told["runs"], told["left_out"]) == ([run.id], [waiting.id])
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = reader.EventAccumulator(str(home / "out" / run.id)).Reload()
    read = [(it.step, it.value, it.wall_time) for it in events.Scalars(METRIC)]
    assert read == [(0, 90.0, 1.0), (2, 50.0, 1.0)]
    text = events.Tensors("settings/text_summary")[0].tensor_proto.string_val[0].decode()
    assert '"dataset": "tiny"' in text


def test_trackio_reads_them(home):
    run = make_run()
    told = export("trackio", home / "out", run.id)
    assert told["runs"] == [run.id]
    code = (
        "import json, trackio; (run,) = trackio.Api().runs('atomref-lab'); "
        "from trackio.sqlite_storage import SQLiteStorage as s; "
        "print(json.dumps([run.config, s.get_logs('atomref-lab', run.name)]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "TRACKIO_DIR": str(home / "out")},
        capture_output=True,
        check=True,
        timeout=WAIT_S,
    )
    config, rows = orjson.loads(done.stdout)
    assert config["dataset"] == "tiny"
    assert [(row["step"], row[METRIC]) for row in rows if METRIC in row] == [(0, 90.0), (2, 50.0)]


def test_wandb_reads_them(home):
    run = make_run()
    export("wandb", home / "out", run.id)
    proto = pytest.importorskip("wandb.proto.wandb_internal_pb2")
    (file,) = (home / "out").rglob("*.wandb")
    records = [proto.Record.FromString(data) for data in blocks(file.read_bytes())]
    (started,) = [record.run for record in records if record.HasField("run")]
    assert (started.run_id, started.project) == (run.id, "atomref-lab")
    rows = [
        {item.key or item.nested_key[0]: orjson.loads(item.value_json) for item in it.history.item}
        for it in records
        if it.HasField("history")
    ]
    read = [(row["_step"], row[METRIC], row["_timestamp"]) for row in rows if METRIC in row]
    assert read == [(0, 90.0, 1.0), (2, 50.0, 1.0)]


def blocks(data, header=7, block=32768):
    """The records of a LevelDB log: blocks, in which a header stands before each piece."""
    at, whole = header, b""
    while at + header <= len(data):
        if block - at % block < header:
            at += block - at % block
            continue
        length, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        if not kind:
            break
        whole += data[at + header : at + header + length]
        at += header + length
        if kind in {1, 4}:
            yield whole
            whole = b""
