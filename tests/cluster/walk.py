"""Ten runs, an experiment and a sweep through a real Slurm, launched on the pages in Chromium.

    python -m tests.cluster.walk FOLDER [EPOCHS]

The server is killed and started again meanwhile, one run comes to the time limit of its job, one
is cancelled on its page. It then checks that all ended as they should, that each was submitted
once and did each step once, that a run cut by the time limit has the weights of one that was not,
and that neither jobs nor processes are left; it prints the times that all this took. FOLDER
keeps the lab's home and screenshots in both themes. EPOCHS are those of the runs that take longer
than three minutes, after which the limited one is cut: more on a fast machine. It takes a quarter
of an hour on two cores, and is no part of the test run.
"""

import json
import os
import re
import signal
import statistics
import sys
import time
from pathlib import Path

import psutil
import torch
from playwright.sync_api import Page, expect, sync_playwright

from core.runs.groups.experiment import Experiment
from core.runs.groups.group import Group
from core.runs.groups.sweep import Sweep
from core.runs.launchers.slurm import ask
from core.runs.record.directory import Run
from core.runs.record.listing import list_runs
from tests.browser.actions import settled
from tests.browser.conftest import CHROMIUM, FLAGS, Lab, opened
from tests.cluster import slurm
from tests.salts import write_salts

PROFILES = """
[small]
cpus = 1
time = 20

[limited]
cpus = 1
time = 4
stop_seconds = 60

[packed]
cpus = 1
time = 20
runs_per_job = 2
"""

N_RUNS = 10
PATIENCE = 900.0


class Walk:
    """What a reader does on the pages, and when.

    Args:
        page: of the browser.
        lab: the dashboard.
        shots: directory of screenshots.
    """

    def __init__(self, page: Page, lab: Lab, shots: Path) -> None:
        self._page, self._lab, self._shots = page, lab, shots
        self.clicks: list[float] = []

    def launch(self, where: str, to: str, link: str, *, by_hand: bool = False) -> str:
        """Launch what a link has set up, and return the id that the address then holds.

        Args:
            where: the page with its settings, without a place.
            to: profile of the cluster.
            link: parameter of the address that names what was launched.
            by_hand: choose the place in its box, not by the address.
        """
        page = self._page
        page.goto(f"{self._lab.url}/{where}" + ("" if by_hand else f"&on={to}"))
        button = page.get_by_role("button", name=re.compile("^(Launch|Launch all)$"))
        expect(button).to_be_enabled()
        if by_hand:
            page.get_by_role("combobox", name="Where").click()
            self.shoot("where")
            page.get_by_role("option", name=to, exact=True).click()
            page.wait_for_url(re.compile(f"[?&]on={to}"))
            settled(page)
            self.shoot("form")
        clicked = time.time()
        button.click()
        page.wait_for_url(re.compile(rf"[?&]{link}=."))
        self.clicks.append(time.time() - clicked)
        return re.search(rf"[?&]{link}=([^&]+)", page.url)[1]

    def open(self, address: str, text: str | re.Pattern[str]) -> float:
        """Open a page, wait until it says something, and return when it did."""
        self._page.goto(f"{self._lab.url}/{address}")
        return self.sees(text)

    def sees(self, text: str | re.Pattern[str]) -> float:
        """Return when the open page says something."""
        found = self._page.get_by_text(text, exact=isinstance(text, str)).first
        expect(found).to_be_visible(timeout=PATIENCE * 1000)
        return time.time()

    def press(self, name: str) -> None:
        """Click a button."""
        self._page.get_by_role("button", name=name, exact=True).click()

    def shoot(self, name: str) -> None:
        """Keep a screenshot in each theme."""
        for theme in ("light", "dark"):
            self._page.emulate_media(color_scheme=theme)
            self._page.wait_for_timeout(600)
            self._page.screenshot(path=self._shots / f"{name}-{theme}.png")
        self._page.emulate_media(color_scheme="light")


def wait_for(run: Run, *states: str, steps: int = 0) -> None:
    """Wait for a state of a run, and for some of its steps."""
    deadline = time.monotonic() + PATIENCE
    while run.status().state not in states or run.status().step < steps:
        if time.monotonic() > deadline:
            raise AssertionError(f"{run.id}: {run.status()}")
        time.sleep(0.2)


def walked(
    walk: Walk, lab: Lab, epochs: int
) -> tuple[dict[str, Run], list[Run], list[Group], dict[str, float]]:
    """Launch everything; return the runs with a part of their own, all ten, groups and waits."""
    home = lab.home
    settings = "transfer?dataset=tiny&frames=12&method=refit"
    first = walk.launch(f"{settings}&epochs=2", "small", "run", by_hand=True)
    walk.sees(re.compile("^(queued|running|finished)$"))
    walk.shoot("launched")
    cut = walk.launch(f"{settings}&epochs={epochs}", "limited", "run")
    doomed = walk.launch(f"{settings}&epochs={5 * epochs}", "small", "run")
    whole = walk.launch(f"{settings}&epochs={epochs}", "small", "run")
    names = [first, cut, doomed, whole]
    names += [
        walk.launch(f"{settings}&epochs=2&seed={seed}", "small", "run")
        for seed in range(1, N_RUNS - 3)
    ]
    group = "dataset=tiny&frames=12&epochs=2&seeds=1"
    tested = walk.launch(f"experiments?{group}", "packed", "experiment")
    walk.shoot("experiment")
    sweep = "scaling?view=Sweeps&dataset=tiny&sizes=6,12&epochs=2&seeds=1"
    swept = walk.launch(sweep, "packed", "own")
    # The server dies, and the cluster goes on.
    lab.process.kill()
    lab.process.wait()
    time.sleep(5)
    lab.start()
    runs = [Run(home / "runs" / name) for name in names]
    named = {"cut": runs[1], "doomed": runs[2], "whole": runs[3]}
    wait_for(named["doomed"], "running", steps=5)
    waits = {}
    walk.open(f"transfer?run={doomed}", "running")
    walk.shoot("running")
    asked = time.time()
    walk.press("Cancel")
    # The page shows the second alone where it looks only after the run has stopped.
    walk.sees(re.compile("^(Stopping …|cancelled)$"))
    waits["cancel: page says so"] = time.time() - asked
    seen = walk.sees("cancelled")
    waits["cancel: run has stopped"] = named["doomed"].status().ended - asked
    waits["cancel: page shows it after"] = seen - named["doomed"].status().ended
    walk.shoot("cancelled")
    groups: list[Group] = [Experiment.load(tested), Sweep.load(swept)]
    for group_, where in zip(
        groups,
        (f"experiments?experiment={tested}", f"scaling?view=Sweeps&own={swept}"),
        strict=True,
    ):
        of = len(group_.runs)
        walk.open(where, re.compile(f"of {of} runs finished"))
        opened_at = time.time()
        seen = walk.sees(re.compile(f"^{of} of {of} runs finished"))
        ended = max(run.status().ended or 0 for run in group_.existing_runs())
        waits[f"{group_.kind}: page shows its end after"] = seen - max(ended, opened_at)
        walk.shoot(group_.kind + "-finished")
    walk.open(f"transfer?run={cut}", re.compile("^(queued|running|finished)$"))
    seen = walk.sees("finished")
    waits["cut run: page shows its end after"] = seen - named["cut"].status().ended
    walk.shoot("cut-finished")
    wait_for(named["whole"], "finished")
    walk.open("runs", re.compile("^The paper's rows are Table 1"))
    walk.shoot("runs")
    return named, runs, groups, waits


def faults(named: dict[str, Run], runs: list[Run], groups: list[Group], folder: Path) -> list[str]:
    """Return what is not as it should be, one sentence each."""
    everything = runs + [run for group in groups for run in group.existing_runs()]
    found = []
    if {run.id for run in list_runs()} != {run.id for run in everything}:
        found.append("There are other runs than were launched.")
    for run in everything:
        status = run.status()
        wanted = "cancelled" if run == named["doomed"] else "finished"
        steps = [event["step"] for event in written(run) if event["kind"] == "step"]
        if status.state != wanted:
            found.append(f"{run.id} is {status.state}, not {wanted}: {status.message}")
        if len(set(steps)) != len(steps) or steps != sorted(steps):
            found.append(f"{run.id} did steps twice.")
        if status.state == "finished" and steps[-1] != status.steps:
            found.append(f"{run.id} did {len(steps)} of {status.steps} steps.")
    cut, whole = named["cut"], named["whole"]
    if not cut.status().attempt or whole.status().attempt:
        found.append("Not one of two runs came to a time limit.")
    for name in ("last.pt", "best.pth.tar"):
        ours, theirs = (
            torch.load(run.checkpoints / name, weights_only=True)["model"]["state_dict"]
            for run in (cut, whole)
        )
        if not all(torch.equal(value, theirs[key]) for key, value in ours.items()):
            found.append(f"{name}: the weights of the limited run are not those of the other.")
    submissions = {run.status().submission for run in everything}
    if {path.name for path in (folder / "home" / "jobs").iterdir()} != submissions:
        found.append("Something was submitted twice.")
    if left := ask("squeue", "-h", "-t", "PD,R"):
        found.append(f"Jobs are left: {left}")
    left = [
        one.pid
        for one in psutil.process_iter(["cmdline"])
        if str(folder / "home" / "runs") in " ".join(one.info["cmdline"] or [])
    ]
    if left:
        found.append(f"Processes are left: {left}")
    return found


def written(run: Run) -> list[dict]:
    """Return all events as written, those of steps done again among them."""
    return [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]


def times(runs: list[Run]) -> str:
    """Return a table of waiting and working, one row per run."""
    rows = ["run                           profile  state      queue s  work s  starts"]
    for run in runs:
        status, first = run.status(), run.log.read_text()[:19]
        began = time.mktime(time.strptime(first, "%Y-%m-%d %H:%M:%S"))
        rows.append(
            f"{run.id:29} {status.on:8} {status.state:9} {began - status.submitted:8.0f}"
            f" {status.ended - began:7.0f} {(status.attempt or 0) + 1:7}"
        )
    return "\n".join(rows)


def main(folder: Path, epochs: int) -> int:
    """Walk; return 0 if all ended as it should."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    home, shots = folder / "home", folder / "screenshots"
    for path in (home, shots):
        path.mkdir(parents=True)
    os.environ["ATOMREF_LAB_HOME"] = str(home)
    (home / "clusters.toml").write_text(PROFILES)
    write_salts(home)
    lab = Lab(home)
    try:
        os.environ.update(slurm.up(folder / "slurm"))
        lab.start()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = opened(browser, "light")
            page.set_viewport_size({"width": 1400, "height": 1500})
            walk = Walk(page, lab, shots)
            named, runs, groups, waits = walked(walk, lab, epochs)
            browser.close()
        found = faults(named, runs, groups, folder)
        told = [times(runs + [run for group in groups for run in group.existing_runs()])]
        waits["launch: click until the address names it"] = statistics.median(walk.clicks)
        told += [f"{seconds:7.1f} s  {what}" for what, seconds in waits.items()]
        told += found or ["All ended as they should."]
        sys.stdout.write("\n".join(told) + "\n")
    finally:
        lab.stop()
        slurm.down(folder / "slurm")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute(), int([*sys.argv, "300"][2])))
