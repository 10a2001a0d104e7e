"""The launcher of a cluster with Slurm: a job per task, or per several that share its GPUs.

A submission is a directory in `jobs` in the lab's home: `plan.json` with its commands, the batch
file, and the output of its jobs. Its name is the name of its jobs, for Slurm uses ids again.
"""

import json
import secrets
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from core.errors import LabError
from core.files import disk_errors, write_whole
from core.home import CHECKOUT, home, jobs_dir
from core.runs.launchers.interface import Handle, JobState, Phase, Task
from core.runs.launchers.profiles import Profile, profile_named

if TYPE_CHECKING:
    from core.runs.launchers.batch import Accounting

PLAN: Final = "plan.json"

SUBMISSION: Final = "ATOMREF_LAB_SUBMISSION"
"""Variable with the name of the submission that a process belongs to."""

ATTEMPT: Final = "ATOMREF_LAB_ATTEMPT"
"""Variable with the number of times that Slurm has started its job again."""

_FRESH_SECONDS = 3.0
"""Slurm's list of jobs is asked for at most so often: all pages of a lab share the answers."""

_PATIENCE = 20.0
_CLOCKS = 600.0
"""Seconds by which the clocks of two machines may differ."""

_WAITING = {"PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT", "RESV_DEL_HOLD"}
_WORKING = {
    "RUNNING",
    "COMPLETING",
    "CONFIGURING",
    "SUSPENDED",
    "STOPPED",
    "SIGNALING",
    "STAGE_OUT",
    "RESIZING",
}


class SlurmLauncher:
    """Submits tasks with a profile.

    Args:
        profile: its name in `clusters.toml`; only submitting reads it.
    """

    def __init__(self, profile: str) -> None:
        self._profile = profile

    def submit(self, tasks: Sequence[Task]) -> list[Handle]:
        """Submit tasks as one job, or as one array of jobs.

        Raises:
            LabError: if the profile is not valid, submitit is missing, or Slurm refuses.
        """
        profile = profile_named(self._profile)
        packs = packed(tasks, profile.runs_per_job)
        name = f"atomref-{time.strftime('%Y%m%d-%H%M')}-{secrets.token_hex(4)}"
        folder = jobs_dir() / name
        with disk_errors(folder):
            folder.mkdir()
            write_whole(folder / PLAN, json.dumps(_plan(packs, profile), indent=1).encode())
        python = profile.python or sys.executable
        # Until the job listens, SIGUSR2 would end it; it also looks at the clock itself.
        command = ["bash", "-c", 'trap "" USR2; exec "$@"', "job"]
        command += [python, "-m", "core.runs.launchers.job", str(folder)]
        comment = ", ".join(task.name for task in tasks[:3]) + (" …" if len(tasks) > 3 else "")
        ids = _batch(folder, name, profile, comment).submit_command(shlex.join(command), len(packs))
        # A list of jobs that was asked for meanwhile may lack these.
        since = time.time()
        return [
            Handle(id=f"{job}/{i}" if len(pack) > 1 else job, since=since, place=name)
            for job, pack in zip(ids, packs, strict=True)
            for i in range(len(pack))
        ]

    def state(self, handle: Handle) -> JobState:
        """Return what Slurm says of a task's job.

        Its list of jobs tells whether it waits or works, and accounting how it ended.
        """
        job = _job(handle)
        rows = _QUEUE.mine(after=handle.since)
        if rows is None:
            return JobState(phase="unknown", reason="Slurm does not answer")
        row = rows.get(job)
        if row is None or not _is_same(handle, row.name, row.submitted):
            return JobState(phase="ended", reason=_end_of(handle))
        phase = _phase(row.state)
        if phase == "waiting":
            return JobState(phase=phase, position=_QUEUE.position(job), reason=row.reason)
        return JobState(phase=phase, reason="" if phase == "working" else row.state)

    def cancel(self, handle: Handle) -> None:
        """Send SIGTERM to a task whose job works; take a job out of the queue that waits.

        Tasks that share a job are marked instead, and notice by themselves that they are to stop;
        the job is cancelled with the last of them.

        Raises:
            LabError: if Slurm refuses.
        """
        state = self.state(handle)
        job, _, place = handle.id.partition("/")
        if state.phase == "ended":
            return
        if place:
            folder = jobs_dir() / str(handle.place)
            with disk_errors(folder):
                (folder / f"cancelled-{job}-{place}").touch()
            number = int(job.partition("_")[2] or 0)
            pack = json.loads((folder / PLAN).read_bytes())["packs"][number]
            if len(list(folder.glob(f"cancelled-{job}-*"))) < len(pack):
                return
        signal = ["--signal=TERM"] if state.phase == "working" else []
        done = ask("scancel", *signal, job)
        if done is None:
            raise LabError(f"Slurm does not cancel job {job}; try again, or call scancel {job}.")

    def logs(self, handle: Handle) -> list[Path]:
        """Return the output of the job, with what Slurm says about its end."""
        return sorted((jobs_dir() / str(handle.place)).glob(f"{_job(handle)}_*_log.out"))


def packed(tasks: Sequence[Task], size: int) -> list[list[Task]]:
    """Split tasks among jobs, as evenly as whole tasks allow and in their order.

    Args:
        tasks: at least one.
        size: largest number of tasks in a job.
    """
    n = -(-len(tasks) // size)
    small, larger = divmod(len(tasks), n)
    packs, rest = [], list(tasks)
    for i in range(n):
        length = small + (i < larger)
        packs.append(rest[:length])
        rest = rest[length:]
    return packs


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    state: str
    submitted: float
    reason: str


class _Queue:
    """Slurm's list of jobs, asked for once for many questions."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._mine: dict[str, _Row] | None = None
        self._asked = 0.0
        self._places: dict[str, int] = {}
        self._placed = 0.0

    def mine(self, *, after: float) -> dict[str, _Row] | None:
        """Return this user's jobs by id; None where Slurm does not answer.

        Args:
            after: UTC epoch seconds that the answer is to be later than.
        """
        with self._lock:
            now = time.time()
            if now - self._asked > _FRESH_SECONDS or self._asked <= after:
                self._mine, self._asked = _own_jobs(), now
            return self._mine

    def position(self, job: str) -> int | None:
        """Return a waiting job's place among all that wait for its partition, 1 for the next."""
        with self._lock:
            now = time.time()
            if now - self._placed > _FRESH_SECONDS or job not in self._places:
                self._places, self._placed = _positions(), now
            return self._places.get(job)


_QUEUE = _Queue()


def _own_jobs() -> dict[str, _Row] | None:
    text = ask("squeue", "--me", "-h", "-r", "-t", "all", "-o", "%i|%T|%V|%r|%j")
    if text is None:
        return None
    rows = (line.split("|", 4) for line in text.splitlines())
    return {
        job: _Row(name=name, state=state, submitted=_seconds(submitted), reason=reason)
        for job, state, submitted, reason, name in (row for row in rows if len(row) == 5)
    }


def _positions() -> dict[str, int]:
    """Return the places of all waiting jobs: by priority, then in the order of submission."""
    text = ask("squeue", "-h", "-r", "-t", "PENDING", "-S", "P,-p,i", "-o", "%i|%P") or ""
    places: dict[str, int] = {}
    in_partition: dict[str, int] = {}
    for line in text.splitlines():
        job, _, partition = line.partition("|")
        in_partition[partition] = places[job] = in_partition.get(partition, 0) + 1
    return places


def ask(*command: str) -> str | None:
    """Return what one of Slurm's commands prints; None where it fails.

    Args:
        *command: its words.
    """
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=_PATIENCE
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


def _end_of(handle: Handle) -> str:
    """Return how a job that is in Slurm's list no longer has ended; empty where unknown."""
    accounting = _accounting()
    facts = {} if accounting is None else accounting.facts(_job(handle))
    if not _is_same(handle, facts.get("JobName", ""), _seconds(facts.get("Submit", ""))):
        return ""
    # "CANCELLED by 1000" is one word to the others.
    state = str(facts.get("State", "")).partition(" ")[0]
    return state if _phase(state) == "ended" else ""


def _is_same(handle: Handle, name: str, submitted: float) -> bool:
    return name == handle.place and submitted > handle.since - _CLOCKS


def _phase(state: str) -> Phase:
    if state in _WAITING:
        return "waiting"
    return "working" if state in _WORKING else "ended"


def _job(handle: Handle) -> str:
    return handle.id.partition("/")[0]


def _seconds(text: str) -> float:
    """Return a time of Slurm's, which is local, in UTC epoch seconds; 0 where it is none."""
    try:
        return time.mktime(time.strptime(text, "%Y-%m-%dT%H:%M:%S"))
    except ValueError:
        return 0.0


def _plan(packs: Sequence[Sequence[Task]], profile: Profile) -> dict[str, Any]:
    def there(command: Sequence[str]) -> list[str]:
        own = profile.python is not None and command[:1] == [sys.executable]
        return [str(profile.python), *command[1:]] if own else list(command)

    tasks = [
        [
            {
                "command": there(task.command),
                "follow": there(task.follow),
                "log": str(task.log.absolute()),
            }
            for task in pack
        ]
        for pack in packs
    ]
    return {
        "version": 1,
        "nodes": profile.nodes,
        "seconds": profile.seconds - profile.stop_seconds,
        "packs": tasks,
    }


def _batch(folder: Path, name: str, profile: Profile, comment: str) -> Any:
    try:
        from core.runs.launchers.batch import Batch  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise LabError(
            "A cluster needs submitit, which is not installed: pip install 'atomref-lab[slurm]'."
        ) from error
    lines = [
        f"export ATOMREF_LAB_HOME={shlex.quote(str(home().absolute()))}",
        "export PYTHONUNBUFFERED=1",
        *profile.setup,
    ]
    return Batch(
        folder, name=name, profile=profile, comment=comment, setup=lines, directory=CHECKOUT
    )


@cache
def _accounting() -> "Accounting | None":
    try:
        from core.runs.launchers.batch import Accounting  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        return None
    return Accounting()
