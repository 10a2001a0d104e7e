"""Runs through a real Slurm: to the end, past a time limit, cancelled, packed, on two nodes.

Those that count instead of training work side by side, and so do the two that train.
"""

import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.frames.registry import open_dataset
from core.runs.launchers.choice import launcher_of
from core.runs.process import local
from core.runs.record.directory import job_state
from core.runs.record.listing import queue_position
from core.training.settings.config import RunConfig
from tests.runs.conftest import ROOT
from tests.salts import write_salts

PROFILES = """
[one]
cpus = 1
time = 5
stop_seconds = 10

[packed]
cpus = 1
gpus = 2
time = 5
runs_per_job = 2

[whole]
nodes = 2
time = 5
flags = { exclusive = true }
"""

# What a server that did not submit a run knows of it.
ANOTHER = """
import sys
from core.runs.record.directory import Run, job_state
from pathlib import Path
status = Run(Path(sys.argv[1])).status()
print(status.state, status.job, job_state(status).phase)
"""


@pytest.fixture
def home(lab, cluster):
    home = lab.path / "home"
    home.mkdir(exist_ok=True)
    (home / "clusters.toml").write_text(PROFILES)
    return home


def wait(lab, run, *states):
    try:
        return lab.wait(run, *states, seconds=300)
    except AssertionError as error:
        handle = run.recorded().handle
        said = [file.read_text() for file in launcher_of("one").logs(handle)] if handle else []
        raise AssertionError(f"{error}\n{said}") from None


def test_runs_work_past_a_time_limit_are_cancelled_alone_and_share_gpus(lab, home):
    limited = lab.new_run(pause=0.1, on="one", epochs=10)
    cancelled = lab.new_run(pause=0.1, on="one", epochs=200)
    pack = [lab.new_run(on="packed") for _ in range(4)]
    for runs in ([limited], [cancelled], pack):
        local.launch(*runs)
    wait(lab, limited, "running")
    lab.wait_for_steps(limited, 3)
    # What Slurm sends as the time limit comes near.
    words = ["scancel", "--signal=USR2", limited.status().job]
    subprocess.run(words, check=True)
    wait(lab, cancelled, "running")
    lab.wait_for_steps(cancelled, 3)
    # A server that did not submit it sees it, and cancels it.
    seen = subprocess.run(
        [sys.executable, "-c", ANOTHER, str(cancelled.path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert seen.stdout.split() == ["running", cancelled.status().job, "working"]
    local.cancel(cancelled)
    stopped = wait(lab, cancelled, "cancelled")
    # Of four runs, two shared each job and had a GPU each.
    assert len({run.status().job.partition("/")[0] for run in pack}) == 2
    for run in pack:
        wait(lab, run, "finished")
    gpus = [line for run in pack for line in run.log_tail() if line.startswith("GPUs")]
    assert sorted(gpus) == ["GPUs 0 cores 1"] * 2 + ["GPUs 1 cores 1"] * 2
    # The limit came before the end, and the job started again where the run was.
    status = wait(lab, limited, "finished")
    assert status.attempt == 1
    steps = limited.metrics("step")
    assert [event["step"] for event in steps] == list(range(1, 51))
    assert len({event["attempt"] for event in steps}) == 2
    # It goes on in a new job.
    before = len(cancelled.metrics("step"))
    assert before >= stopped.step
    local.resume(cancelled)
    wait(lab, cancelled, "running")
    local.pause(cancelled)
    again = wait(lab, cancelled, "paused")
    assert again.job != stopped.job
    handle = again.handle
    deadline = time.monotonic() + 60
    while launcher_of("one").state(handle).phase != "ended":
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_a_documented_job_imports_what_is_there_afterwards(lab, home, tmp_path):
    """The command of docs/how-to/cluster.md, with another file."""
    page = (ROOT / "docs" / "how-to" / "cluster.md").read_text()
    line = next(one for one in page.splitlines() if "atomref import" in one)
    table = tmp_path / "mine.csv"
    table.write_text("formula,energy_gga,energy_r2scan\nLiF,-4.8,-7.1\nNaCl,-3.4,-5.9\n")
    line = line.replace("calculations", str(table)).replace("=8:00:00", "=5").replace("=8 ", "=1 ")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        [*shlex.split(line), "--wait"],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, [file.read_text() for file in tmp_path.glob("slurm-*.out")]
    assert len(open_dataset("mine")) == 2


def test_two_nodes_train_together_as_one_process_would(lab, home, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(home))
    write_salts(home, 12)
    config = RunConfig(
        dataset="tiny", method="frozen", device="cpu", threads=1, batch_size=8, epochs=1
    )
    two, waiting = (local.create(config, on="whole") for _ in range(2))
    local.launch(two)
    local.launch(waiting)
    wait(lab, two, "running")
    # It waits for both nodes; cancelled, it leaves the queue at once.
    deadline = time.monotonic() + 60
    while queue_position(waiting) != 1:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert job_state(waiting.status()).phase == "waiting"
    local.cancel(waiting)
    assert waiting.status().state == "cancelled"
    status = wait(lab, two, "finished")
    alone = local.create(config.model_copy(update={"processes": 1}), on="one")
    local.launch(alone)
    assert wait(lab, alone, "finished").processes == 1
    assert status.processes == 2
    both, one = two.event("step"), alone.event("step")
    assert both["gradients"] == pytest.approx(one["gradients"], rel=1e-4)
    assert both["loss"] == pytest.approx(one["loss"], rel=1e-5)
