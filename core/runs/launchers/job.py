"""What a job of Slurm executes on each of its nodes: `python -m core.runs.launchers.job FOLDER`.

It starts the commands of its part of the plan, shares cores and GPUs among them, and passes on what
Slurm says: SIGTERM to stop, SIGUSR2 as the time limit comes near, or when its own clock says so.
Commands that then end with 75 are to continue: their job goes back into the queue, with the same id
and the same plan.
"""

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, Final

from core.process import CORES
from core.runs.launchers.slurm import ATTEMPT, PLAN, SUBMISSION, ask

CONTINUES: Final = os.EX_TEMPFAIL
"""Exit status of a command that is to be started again."""

NODES: Final = "ATOMREF_LAB_NODES"
NODE: Final = "ATOMREF_LAB_NODE"
MEETING: Final = "ATOMREF_LAB_MEETING"
"""Variables with the number of a command's nodes, which of them this is, and the address and port
at which their processes meet."""

_POLL_SECONDS = 0.2
_REQUEUE_SECONDS = 60.0
_FIRST_PORT, _PORTS = 20000, 12000


def main(folder: Path) -> int:
    """Execute this job's part of the plan; return the exit status."""
    received: list[int] = []
    began = time.monotonic()

    def note(number: int, _frame: FrameType | None) -> None:
        received.append(number)

    for number in (signal.SIGTERM, signal.SIGUSR2):
        signal.signal(number, note)
    plan = json.loads((folder / PLAN).read_bytes())
    here = os.environ
    pack = plan["packs"][int(here.get("SLURM_ARRAY_TASK_ID", "0"))]
    node = int(here.get("SLURM_NODEID", "0"))
    ended = folder / f"ended-{job_id(here)}-{here.get('SLURM_RESTART_COUNT', '0')}"
    if node:
        return _follow(pack[0], environment(here, folder, 0, 1, plan["nodes"]), ended)
    codes = _lead(folder, pack, plan["nodes"], received, began + plan["seconds"])
    ended.touch()
    if CONTINUES in codes:
        return _requeue()
    return 0 if set(codes) <= {0, 130} else 1


def environment(
    job: Mapping[str, str], folder: Path, place: int, of: int, nodes: int
) -> dict[str, str]:
    """Return the variables of one of the commands that share a job.

    Args:
        job: the variables that Slurm has set.
        folder: of the submission.
        place: of the command, from 0.
        of: number of commands in the job.
        nodes: number of the job's nodes.
    """
    variables = {
        SUBMISSION: folder.name,
        ATTEMPT: job.get("SLURM_RESTART_COUNT", "0"),
        CORES: str(max(1, _cores(job) // of)),
    }
    gpus = [one for one in job.get("CUDA_VISIBLE_DEVICES", "").split(",") if one]
    if gpus and of > 1:
        variables["CUDA_VISIBLE_DEVICES"] = ",".join(gpus[place::of] or [gpus[place % len(gpus)]])
    if nodes > 1:
        # Jobs that share a node have different ids, and each attempt a fresh port.
        number = int(job["SLURM_JOB_ID"]) * 7 + int(variables[ATTEMPT])
        variables |= {
            NODES: str(nodes),
            NODE: job.get("SLURM_NODEID", "0"),
            MEETING: f"{job['SLURM_LAUNCH_NODE_IPADDR']}:{_FIRST_PORT + number % _PORTS}",
        }
    return variables


def job_id(job: Mapping[str, str]) -> str:
    """Return the id by which Slurm knows a job, such as 12 or 12_3."""
    array = job.get("SLURM_ARRAY_JOB_ID")
    return f"{array}_{job['SLURM_ARRAY_TASK_ID']}" if array else job["SLURM_JOB_ID"]


def _lead(
    folder: Path,
    pack: Sequence[Mapping[str, Any]],
    nodes: int,
    received: list[int],
    limit: float,
) -> list[int]:
    """Execute the commands of a job and return their exit statuses.

    One that has ended is noted, and not started again with the others when Slurm repeats the job.
    """
    job = job_id(os.environ)
    marks = [folder / f"done-{job}-{i}" for i in range(len(pack))]
    started = {}
    for i, task in enumerate(pack):
        if not marks[i].exists():
            variables = environment(os.environ, folder, i, len(pack), nodes)
            started[i] = _start(task["command"], task["log"], variables)
    codes = {i: 0 for i in range(len(pack)) if i not in started}
    while len(codes) < len(pack):
        if time.monotonic() > limit:
            received.append(signal.SIGUSR2)
            limit = math.inf
        _pass_on(received, [one for i, one in started.items() if i not in codes])
        for i, process in started.items():
            if i in codes or process.poll() is None:
                continue
            code = process.returncode
            # It was told before it could listen.
            codes[i] = CONTINUES if code == -signal.SIGUSR2 else code
            if codes[i] != CONTINUES:
                marks[i].touch()
        time.sleep(_POLL_SECONDS)
    return [codes[i] for i in range(len(pack))]


def _follow(task: Mapping[str, Any], variables: dict[str, str], ended: Path) -> int:
    """Execute what the other nodes of a command do, until the first node has ended.

    What Slurm says is for the first node, which tells the others.
    """
    process = _start(task["follow"], task["log"], variables)
    while not ended.exists():
        time.sleep(_POLL_SECONDS)
    process.terminate()
    process.wait()
    return 0


def _start(
    command: Sequence[str], log: str, variables: Mapping[str, str]
) -> "subprocess.Popen[bytes]":
    with Path(log).open("ab") as file:
        return subprocess.Popen(
            command,
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            # Slurm signals the processes of a session: each is told once, by this one.
            start_new_session=True,
        )


def _pass_on(received: list[int], processes: Sequence["subprocess.Popen[bytes]"]) -> None:
    while received:
        number = received.pop(0)
        for process in processes:
            with suppress(ProcessLookupError):
                process.send_signal(number)


def _requeue() -> int:
    """Put the job back into the queue: Slurm ends this process meanwhile."""
    if ask("scontrol", "requeue", job_id(os.environ)) is None:
        return 1
    time.sleep(_REQUEUE_SECONDS)
    return 0


def _cores(job: Mapping[str, str]) -> int:
    return int(job.get("SLURM_CPUS_PER_TASK") or job.get("SLURM_CPUS_ON_NODE") or 1)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
