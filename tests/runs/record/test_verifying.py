"""Reading every file of a run."""

import io

import pytest
import torch

from core.runs.process.local import create
from core.runs.record.verifying import verify
from core.sealed import sealed
from core.training.settings.config import RunConfig


def archive():
    buffer = io.BytesIO()
    torch.save({"weight": torch.arange(100.0)}, buffer)
    return buffer.getvalue()


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))
    run = create(RunConfig(dataset="toy"))
    run.checkpoints.mkdir(exist_ok=True)
    (run.checkpoints / "last.pt").write_bytes(sealed(archive()))
    # As versions without digests wrote it.
    run.best_checkpoint.write_bytes(archive())
    (run.path / "metrics.jsonl").write_text('{"kind": "start"}\n{"kind": "sto')
    return run


def test_a_run_is_sound_though_its_last_event_was_cut(run):
    files, damaged = verify(run)
    assert {run.best_checkpoint, run.path / "config.json"} < set(files)
    assert damaged == []


@pytest.mark.parametrize("name", ["checkpoints/last.pt", "checkpoints/best.pth.tar"])
def test_one_flipped_bit_of_a_weight_is_told(run, name):
    data = bytearray((run.path / name).read_bytes())
    data[data.index(torch.tensor(57.0).numpy().tobytes())] ^= 4
    (run.path / name).write_bytes(data)
    _, damaged = verify(run)
    assert damaged == [f"{run.path / name} is damaged; resume or repeat the run."]


def test_a_damaged_event_names_its_line(run):
    (run.path / "metrics.jsonl").write_text('{"kind": "start"}\n5\n{"kind": "end"}\n')
    _, damaged = verify(run)
    assert damaged == [
        f"{run.path / 'metrics.jsonl'} is damaged in line 2; other lines are still read."
    ]
