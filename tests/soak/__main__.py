"""Kill servers and runs at random: `make soak`, or `python -m tests.soak --seconds 1800`.

Two servers share one home, in which runs and experiments of tiny structures train. Every few
seconds a server, a run or a process that creates an experiment is killed; once the disk is full
for a while (where a file system can be mounted). In the end every run has to have ended as it
should, with the events and the errors of one that nobody disturbed, and nothing may be left over.
Prints one line of JSON, and each finding before.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import numpy as np
import psutil

from core.errors import LabError
from core.frames.schema import Card, Frame
from core.frames.store import write_frames
from core.runs.groups.experiment import Experiment
from core.runs.groups.leftovers import remove_unlaunched
from core.runs.process import local
from core.runs.record.directory import Run
from core.runs.record.listing import list_runs
from core.runs.record.verifying import verify
from core.sweeping import DAY, sweep
from core.training.settings.config import RunConfig
from tests.browser.conftest import Lab

ACTIVE = 4
"""Runs that wait or train at any time."""

_CONFIG = RunConfig(
    dataset="tiny", method="refit", device="cpu", threads=1, batch_size=4, epochs=12, processes=1
)
_CREATE = """
from core.runs.groups.experiment import Experiment
from tests.soak.__main__ import _CONFIG
Experiment.draft(_CONFIG, methods=["refit"], seeds=list(range(100, 400))).create()
"""


class Soak:
    """A home with two servers and its runs.

    Args:
        home: the home.
        seed: of what is killed when.
    """

    def __init__(self, home: Path, seed: int) -> None:
        self.home = home
        self.chance = random.Random(seed)  # noqa: S311  no secrets
        self.labs = [Lab(home / "servers" / name) for name in ("one", "other")]
        self.kills: Counter[str] = Counter()
        self.runs: list[Run] = []
        self.cancelled: set[str] = set()
        self.resumed = 0
        self.findings: list[str] = []

    def find(self, text: str) -> None:
        """Record and print what is not as it should be."""
        self.findings.append(text)
        sys.stderr.write(f"finding: {text}\n")

    def start(self, lab: Lab) -> None:
        """Start a server, and read a page of it, which begins its watch of lost runs."""
        lab.home.mkdir(parents=True, exist_ok=True)
        lab.start(lab_home=self.home, seconds=1800)  # slow on a busy machine
        self.read(lab)

    def read(self, lab: Lab) -> None:
        """Read the list of runs as a reader would."""
        from benchmarks.harness.session import Session  # noqa: PLC0415  starts late

        try:
            with Session(lab.url, "runs") as session:
                for error in session.run().errors:
                    self.find(f"the page of runs shows {error}")
        except (OSError, TimeoutError) as error:
            if lab.is_running:
                self.find(f"a server does not answer: {error}")

    def keep_busy(self) -> None:
        """Launch runs, and resume those that were given up, until enough wait or train."""
        for run in self.runs:
            status = run.status()
            given_up = not run.is_lost() or status.revivals >= local.MOST_RESTARTS
            if run.id not in self.cancelled and status.state == "failed" and given_up:
                with suppress(LabError):  # a server has just restarted it
                    local.resume(run)
                    self.resumed += 1
        while sum(run.status().is_active for run in self.runs) < ACTIVE:
            run = local.create(_CONFIG.model_copy(update={"seed": len(self.runs) % 3}))
            local.launch(run)
            self.runs.append(run)

    def harm(self) -> None:
        """Kill something, or cancel a run."""
        choices = {"run": 6, "server": 2, "creation": 1, "cancel": 1}
        match self.chance.choices(list(choices), list(choices.values()))[0]:
            case "run":
                self.kill_run()
            case "server":
                lab = self.chance.choice(self.labs)
                if lab.process is not None and lab.is_running:
                    lab.process.kill()
                    lab.process.wait()
                    self.kills["servers"] += 1
                self.start(lab)
            case "creation":
                creating = subprocess.Popen([sys.executable, "-c", _CREATE])
                time.sleep(self.chance.uniform(1.5, 4))
                creating.kill()
                creating.wait()
                self.kills["creations"] += 1
            case "cancel":
                if active := [run for run in self.runs if run.status().is_active]:
                    self.cancel(self.chance.choice(active))

    def kill_run(self) -> None:
        """Kill the process of a run that waits or trains, mostly of the one that trains."""
        active = [(run, status) for run in self.runs if (status := run.status()).is_active]
        training = [one for one in active if one[1].state == "running"]
        run, status = self.chance.choice(training or active or [(None, None)])
        if run is not None and status is not None and status.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(status.pid, signal.SIGKILL)
                self.kills["runs"] += 1

    def cancel(self, run: Run) -> None:
        """Cancel a run, which it has to be in the end unless it had finished."""
        with suppress(LabError):  # it has just ended
            local.cancel(run)
            self.cancelled.add(run.id)

    def fill_disk(self) -> None:
        """Fill the disk for a while; a run can be cancelled meanwhile."""
        full = self.home / "full"
        with suppress(OSError), full.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1 << 16))
        self.kills["full disks"] += 1
        training = [run for run in self.runs if run.status().state == "running"]
        if training:
            pid = training[0].status().pid
            self.cancel(training[0])
            deadline = time.monotonic() + 60
            while pid is not None and psutil.pid_exists(pid) and time.monotonic() < deadline:
                time.sleep(0.2)
            if pid is not None and psutil.pid_exists(pid):
                self.find(f"{training[0].id} trains on though it was cancelled on a full disk")
        self.read(self.labs[0])
        full.unlink()

    def count_processes(self) -> None:
        """Look for runs that two processes train."""
        trained = Counter(
            line[-1]
            for process in psutil.process_iter(["cmdline"])
            if "--run-dir" in (line := process.info["cmdline"] or [])
        )
        for path, n in trained.items():
            if n > 1 and path.startswith(str(self.home)):
                self.find(f"{n} processes have {path}")

    def finish(self, seconds: float) -> None:
        """Wait until all runs have ended."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for lab in self.labs:
                if not lab.is_running:
                    self.start(lab)
            for run in self.runs:
                if run.id not in self.cancelled and run.status().state == "failed":
                    with suppress(LabError):
                        local.resume(run)
                        self.resumed += 1
            if not any(run.status().is_active for run in self.runs):
                return
            time.sleep(1)
        self.find("not all runs have ended")

    def check(self) -> None:
        """Compare runs of the same seed with each other, and look for what is left over."""
        by_seed: dict[int, list[Run]] = {}
        for run in self.runs:
            status = run.status()
            ended = {"cancelled", "finished"} if run.id in self.cancelled else {"finished"}
            # Where its checkpoint found no room, a cancelled run says that.
            stopped_full = run.id in self.cancelled and "disk is full" in status.message
            if status.state not in ended and not stopped_full:
                self.find(f"{run.id} is {status.state}: {status.message}")
            elif status.state == "finished":
                by_seed.setdefault(run.config.seed, []).append(run)
            steps = [event["step"] for event in run.metrics("step")]
            if len(steps) != len(set(steps)):
                self.find(f"{run.id} has doubled steps")
            for damage in verify(run)[1]:
                self.find(damage)
        for runs in by_seed.values():
            tests = {json.dumps(run.status().test, sort_keys=True) for run in runs}
            steps = {tuple(event["step"] for event in run.metrics("step")) for run in runs}
            if len(tests) > 1 or len(steps) > 1:
                self.find(f"runs of one seed differ: {sorted(run.id for run in runs)}")
        later = time.time() + DAY + 60
        sweep(later)
        remove_unlaunched(later)
        groups = {name for group in Experiment.load_all() for name in group.runs}
        known = {run.id for run in self.runs} | groups
        for run in list_runs():
            if run.id not in known:
                self.find(f"{run.id} is left over")
            elif run.id in groups and run.status().pid is not None:
                self.find(f"{run.id} was never launched and has a process")
        hidden = [*self.home.glob("runs/.*"), *self.home.glob("runs/*/checkpoints/.*")]
        for path in hidden:
            self.find(f"{path} is left over")


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[bool]:
    """Mount a file system of its own, and say whether that worked."""
    mounted = not subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)],  # noqa: S607
        check=False,
        capture_output=True,
    ).returncode
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=False)  # noqa: S607


def frames() -> Iterator[Frame]:
    """Yield structures of two atoms with energies of no meaning."""
    rng = np.random.default_rng(3)
    for number in range(20):
        yield Frame(
            frame_id=f"f{number}",
            material_id=f"m{number}",
            atomic_numbers=np.array([11, 17], dtype=np.uint8),
            frac_coords=np.array([[0.0, 0, 0], [0.5, 0.5, 0.5]]),
            lattice=np.diag(rng.uniform(3.2, 3.8, 3)),
            energy_per_atom=float(rng.normal(-20, 0.1)),
        )


def main(words: Sequence[str] | None = None) -> int:
    """Soak, print one line of JSON, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1800)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--disk-mb", type=int, default=1500, help="size of the file system")
    options = parser.parse_args(words)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, ExitStack() as stack:
        is_small = stack.enter_context(small_disk(Path(folder), options.disk_mb))
        home = Path(folder) / "home"
        os.environ.update(ATOMREF_LAB_HOME=str(home), OMP_NUM_THREADS="1")
        card = Card(name="tiny", kind="frames", functional="r2SCAN", labels="dft")
        write_frames(home / "datasets" / "tiny", card, frames())
        soak = Soak(home, options.seed)
        for lab in soak.labs:
            stack.callback(lab.stop)
            soak.start(lab)
        begin = time.monotonic()
        while (passed := time.monotonic() - begin) < options.seconds:
            with suppress(LabError):  # the disk is full
                soak.keep_busy()
            if is_small and passed > options.seconds / 2 and not soak.kills["full disks"]:
                soak.fill_disk()
            soak.harm()
            sys.stderr.write(f"{passed:.0f} s: {dict(soak.kills)}, {len(soak.runs)} runs\n")
            soak.count_processes()
            soak.read(soak.chance.choice(soak.labs))
            time.sleep(soak.chance.uniform(0, 4))
        soak.finish(max(600.0, options.seconds))
        soak.check()
        line = {
            "name": "soak",
            "seconds": round(time.monotonic() - begin),
            "kills": dict(soak.kills),
            "runs": len(soak.runs),
            "cancelled": len(soak.cancelled),
            "resumed_by_hand": soak.resumed,
            "findings": soak.findings,
        }
    sys.stdout.write(f"{json.dumps(line)}\n")
    return 1 if soak.findings else 0


if __name__ == "__main__":
    sys.exit(main())
