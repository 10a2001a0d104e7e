"""What a job executes, with Slurm's variables set by hand; tests/cluster has the real one."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.runs.launchers.interface import Task
from core.runs.launchers.job import environment, job_id
from core.runs.launchers.slurm import packed

ROOT = Path(__file__).parents[3]


def tasks(n):
    return [Task(name=str(i), command=[], log=Path("log")) for i in range(n)]


@pytest.mark.parametrize(
    ("n", "size", "lengths"), [(5, 2, [2, 2, 1]), (4, 4, [4]), (9, 4, [3, 3, 3]), (2, 1, [1, 1])]
)
def test_tasks_are_packed_evenly_and_in_order(n, size, lengths):
    packs = packed(tasks(n), size)
    assert [len(pack) for pack in packs] == lengths
    assert [task.name for pack in packs for task in pack] == [str(i) for i in range(n)]


@pytest.mark.parametrize(
    ("gpus", "of", "expected"),
    [
        ("0,1", 4, ["0", "1", "0", "1"]),
        ("2,3,5", 2, ["2,5", "3"]),
        ("7", 1, [None]),
        ("", 2, [None, None]),
    ],
)
def test_commands_of_a_job_share_its_gpus_and_cores(tmp_path, gpus, of, expected):
    job = {"SLURM_JOB_ID": "12", "SLURM_CPUS_ON_NODE": "8", "CUDA_VISIBLE_DEVICES": gpus}
    own = [environment(job, tmp_path, i, of, 1) for i in range(of)]
    assert [one.get("CUDA_VISIBLE_DEVICES") for one in own] == expected
    assert {one["ATOMREF_LAB_CORES"] for one in own} == {str(8 // of)}
    assert own[0]["ATOMREF_LAB_SUBMISSION"] == tmp_path.name


def test_the_nodes_of_a_job_meet_at_a_port_of_this_attempt(tmp_path):
    job = {"SLURM_JOB_ID": "12", "SLURM_LAUNCH_NODE_IPADDR": "10.0.0.3", "SLURM_NODEID": "1"}
    first = environment(job, tmp_path, 0, 1, 2)
    again = environment({**job, "SLURM_RESTART_COUNT": "1"}, tmp_path, 0, 1, 2)
    assert first["ATOMREF_LAB_MEETING"] == "10.0.0.3:20084"
    assert again["ATOMREF_LAB_MEETING"] == "10.0.0.3:20085"
    assert (first["ATOMREF_LAB_NODE"], first["ATOMREF_LAB_NODES"]) == ("1", "2")


def test_elements_of_an_array_are_known_by_their_place():
    array = {"SLURM_JOB_ID": "15", "SLURM_ARRAY_JOB_ID": "12", "SLURM_ARRAY_TASK_ID": "3"}
    assert job_id(array) == "12_3"
    assert job_id({"SLURM_JOB_ID": "15"}) == "15"


# Ends with 75 when told of the time limit, and with 0 the next time.
BODY = """
import os, signal, sys, time
from pathlib import Path
there = Path(sys.argv[1])
def told(number, frame):
    there.touch()
    sys.exit(75)
signal.signal(signal.SIGUSR2, told)
print("attempt", os.environ["ATOMREF_LAB_ATTEMPT"], flush=True)
if sys.argv[2] == "short" or there.exists():
    sys.exit(0)
time.sleep(60)
"""


@pytest.fixture
def submission(tmp_path):
    """A plan with a command that needs two attempts and a short one, and a scontrol that notes."""
    (tmp_path / "body.py").write_text(BODY)
    pack = [
        {
            "command": [sys.executable, str(tmp_path / "body.py"), str(tmp_path / kind), kind],
            "follow": [],
            "log": str(tmp_path / f"{kind}.log"),
        }
        for kind in ("long", "short")
    ]
    plan = {"version": 1, "nodes": 1, "seconds": 3600, "packs": [pack]}
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    scontrol = tmp_path / "scontrol"
    scontrol.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\nkill -9 $PPID\n')
    scontrol.chmod(0o755)
    return tmp_path


def start(folder, attempt):
    return subprocess.Popen(
        [sys.executable, "-m", "core.runs.launchers.job", str(folder)],
        cwd=ROOT,
        env={
            **os.environ,
            "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
            "SLURM_JOB_ID": "12",
            "SLURM_RESTART_COUNT": str(attempt),
        },
    )


def test_a_job_that_is_told_of_its_limit_is_requeued_and_repeats_only_what_continues(submission):
    job = start(submission, 0)
    deadline = time.monotonic() + 60
    log, done = submission / "long.log", submission / "done-12-1"
    while not (log.exists() and log.read_text() and done.exists()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    job.send_signal(signal.SIGUSR2)
    # As Slurm ends a job that is requeued.
    assert job.wait(60) == -signal.SIGKILL
    assert (submission / "asked").read_text() == "requeue 12\n"
    assert start(submission, 1).wait(60) == 0
    assert (submission / "long.log").read_text().split("\n")[:2] == ["attempt 0", "attempt 1"]
    assert (submission / "short.log").read_text() == "attempt 0\n"
