"""kill -9 at random moments, and what comes out is bit for bit what would have come out anyway.

The same where a job comes to its time limit, which Slurm tells by SIGUSR2 before it ends the job.
What a kill leaves of a run on two processes is tested in test_team.py.
"""

import os
import signal
import time

import numpy as np
import pytest
import torch

from core.frames.schema import Card, Frame
from core.frames.store import write_frames
from core.runs.process import local
from core.runs.process.restart import restart_lost
from core.training.settings.config import RunConfig
from tests.forked import start_forked

EPOCHS = 8
SIGNALS = (signal.SIGUSR2, signal.SIGKILL)
"""In every test run; ten and more were tried by hand."""


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("killed")
    rng = np.random.default_rng(3)
    frames = (
        Frame(
            frame_id=f"f{number}",
            material_id=f"m{number}",
            atomic_numbers=np.array([11, 17], dtype=np.uint8),
            frac_coords=np.array([[0.0, 0, 0], [0.5, 0.5, 0.5]]),
            lattice=np.diag(rng.uniform(3.2, 3.8, 3)),
            energy_per_atom=float(rng.normal(-20, 0.1)),
        )
        for number in range(20)
    )
    card = Card(name="tiny", kind="frames", functional="r2SCAN", labels="dft")
    write_frames(home / "datasets" / "tiny", card, frames)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATOMREF_LAB_HOME", str(home))
        patch.setattr("core.runs.launchers.local.start_detached", start_forked)
        yield home


def started():
    run = local.create(
        RunConfig(
            dataset="tiny", method="refit", device="cpu", threads=1, batch_size=4, epochs=EPOCHS,
            processes=1,
        )
    )  # fmt: skip
    local.launch(run)
    return run


def wait(run, *states, seconds=120.0):
    deadline = time.monotonic() + seconds
    while (status := run.status()).state not in states:
        assert time.monotonic() < deadline, "\n".join(run.log_tail())
        time.sleep(0.02)
    return status


def kill(run, step, number):
    """End the run's process once it has made a step."""
    status = wait(run, "running")
    while not any(event["step"] >= step for event in run.metrics("step")):
        assert run.status().state == "running"
        time.sleep(0.02)
    os.kill(status.pid, number)
    wait(run, "failed")


def test_killed_at_random_and_the_same_in_the_end():
    rng = np.random.default_rng(1)
    whole = started()
    wait(whole, "finished")
    killed = started()
    # Behind the last of these steps are enough for a signal to come in time on a busy machine.
    moments = np.sort(rng.integers(1, 2 * EPOCHS, len(SIGNALS)))
    for step, number in zip(moments, SIGNALS, strict=True):
        kill(killed, step, number)
        # Killed too often at its start it is left alone, and somebody resumes it.
        if not restart_lost():
            local.resume(killed)
    wait(killed, "finished")
    for name in ("last.pt", "best.pth.tar"):
        ours, theirs = (
            torch.load(one.checkpoints / name, weights_only=True)["model"]["state_dict"]
            for one in (killed, whole)
        )
        assert all(torch.equal(value, theirs[key]) for key, value in ours.items())
    assert killed.status().test == whole.status().test
    steps = [event["step"] for event in killed.metrics("step")]
    assert steps == [event["step"] for event in whole.metrics("step")]
