"""A lab of its own for each test, and runs whose training is counting."""

import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from core.runs.process import local
from core.runs.record.directory import Run
from core.training.settings.config import RunConfig

ROOT = Path(__file__).parents[2]

BODY = '''\
"""Counts steps; the name of the run says how long a step takes and where it goes wrong."""
import os, sys, time
from pathlib import Path
from types import SimpleNamespace
from core.errors import LabError
from core.process import usable_cores
from core.runs.process.worker import execute, exit_status

STEPS = 5

def errors(value):
    return {"n_frames": 3, "energy_mae_mev_per_atom": value, "force_mae_mev_per_angstrom": 2.0,
            "stress_mae_gpa": None, "magmom_mae_mub": None}

def fit(run, emit, should_stop):
    assert "torch" not in sys.modules
    total, last = run.config.epochs * STEPS, run.last_checkpoint
    pause, _, trouble = run.config.name.partition(" ")
    step = int(last.read_text()) if last.exists() else 0
    print("chatter of a library")
    print("GPUs", os.environ.get("CUDA_VISIBLE_DEVICES"), "cores", usable_cores())
    emit({"kind": "prepare", "time": time.time(), "what": "structures", "done": 5, "total": 8})
    emit({"kind": "start", "time": time.time(), "device": "cpu", "n_train": 8, "n_validation": 1,
          "n_test": 1, "validation": errors(99.0), "step": step, "steps": total})
    if trouble == "lab":
        raise LabError("frames.csv: row 3 is wrong; mend it.")
    if trouble == "bug":
        raise ValueError("something\\nodd")
    if trouble == "full":
        raise OSError(28, "No space left on device", "last.pt")
    while step < total:
        if should_stop():
            last.write_text(str(step))
            return SimpleNamespace(state="cancelled", best_epoch=None, validation=None, test=None)
        time.sleep(float(pause))
        step += 1
        told = errors(100.0 - step)
        emit({"kind": "step", "time": time.time(), "epoch": step / STEPS, "step": step,
              "steps": total, "train": told, "loss": 1.0, "learning_rate": 1e-3,
              "attempt": os.getpid()})
        if step % STEPS == 0:
            last.write_text(str(step))
            emit({"kind": "epoch", "time": time.time(), "epoch": step // STEPS, "step": step,
                  "train": told, "validation": told, "learning_rate": 1e-3, "seconds": 1.0,
                  "frames_per_second": 1.0})
    emit({"kind": "end", "time": time.time(), "best_epoch": total // STEPS, "seconds": 1.0,
          "validation": told, "test": told})
    return SimpleNamespace(state="finished", best_epoch=total // STEPS, validation=told, test=told)

if __name__ == "__main__":
    status = execute(Path(sys.argv[1]), fit=fit, echo=lambda line: print(line, file=sys.stderr))
    sys.exit(exit_status(status))
'''


class Lab:
    """A lab in a directory of its own, whose started runs count instead of training."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.runs = path / "home" / "runs"
        self.body = path / "body.py"
        self.body.write_text(BODY)

    def command(self, run):
        return [sys.executable, str(self.body), str(run.path)]

    def new_run(self, pause=0.0, trouble="", epochs=2, path=None, on=None, **config) -> Run:
        config = {"dataset": "toy", "device": "cpu", "epochs": epochs} | config
        return local.create(RunConfig(name=f"{pause} {trouble}".strip(), **config), path, on=on)

    def wait(self, run, *states, seconds=20.0):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            status = run.status()
            if status.state in states:
                return status
            time.sleep(0.02)
        raise AssertionError(f"{run.status()}\n" + "\n".join(run.log_tail()))

    def wait_for_steps(self, run, n):
        while len(run.metrics("step")) < n:
            assert run.status().is_active, run.log_tail()
            time.sleep(0.01)

    def end_all(self):
        for process in psutil.process_iter(["cmdline"]):
            if str(self.body) in (process.info["cmdline"] or []):
                with suppress(psutil.NoSuchProcess):  # it may end by itself meanwhile
                    process.kill()


@pytest.fixture
def lab(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    lab = Lab(tmp_path)
    monkeypatch.setattr(local, "_command", lab.command)
    yield lab
    lab.end_all()
