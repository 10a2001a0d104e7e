"""Runs of two real training processes on tiny frames: to the end, stopped, resumed, killed.

Torchrun starts those of the run that goes through; the others are forks.
"""

import json
import os
import shutil
import signal
import sys
import threading
import time
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch

from core.errors import LabError
from core.runs.process import local, rank, team, worker
from core.runs.process.restart import restart_lost
from core.runs.process.worker import execute
from core.runs.record.directory import Run
from core.training.loop import loop
from core.training.loop.outcome import Outcome
from core.training.settings.config import RunConfig
from core.training.step import parallel
from tests.forked import start_forked
from tests.salts import write_salts

EPOCHS = 8


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory):
    """A lab whose data set "tiny" has 14 training frames of two atoms, with energies."""
    home = tmp_path_factory.mktemp("parallel")
    write_salts(home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATOMREF_LAB_HOME", str(home))
        yield home
    for one in rank_processes(home):
        one.kill()


def new_run(processes, **settings):
    config = {"dataset": "tiny", "method": "frozen", "device": "cpu", "threads": 1, "batch_size": 4}
    return local.create(RunConfig(**config, epochs=EPOCHS, processes=processes, **settings))


def idle_run(processes):
    """A run that no other waits for."""
    run = new_run(processes)
    local.cancel(run)
    return run


def rank_processes(place):
    """The training processes, and what starts them, of all runs in a directory."""
    found = []
    for one in psutil.process_iter(["cmdline"]):
        words = one.info["cmdline"] or []
        if "core.runs.process.rank" in words and words[-1].startswith(str(place)):
            found.append(one)
    return found


def ranks(run):
    return [one for one in rank_processes(run.path) if "torch.distributed.run" not in one.cmdline()]


def wait(run, *states, seconds=400.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        status = run.status()
        if status.state in states:
            return status
        time.sleep(0.05)
    raise AssertionError(f"{run.status()}\n" + "\n".join(run.log_tail()))


def wait_for_epochs(run, n):
    while len(run.metrics("epoch")) < n:
        assert run.status().is_active, "\n".join(run.log_tail())
        time.sleep(0.01)


def works(process):
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until_ended(processes, seconds=100.0):
    deadline = time.monotonic() + seconds
    while any(map(works, processes)):
        assert time.monotonic() < deadline, "orphans"
        time.sleep(0.05)


def wait_until_none_is_left(run, seconds=100.0):
    deadline = time.monotonic() + seconds
    while rank_processes(run.path):
        assert time.monotonic() < deadline, "orphans"
        time.sleep(0.05)


def go_on_here(run, *, until=None):
    """Train in this process, which has torch already; cancel after so many epochs."""

    def cancel():
        wait_for_epochs(run, until)
        local.cancel(run)

    if until is not None:
        threading.Thread(target=cancel, daemon=True).start()
    return execute(run.path)


def copy_of(run, name):
    copy = Run(run.path.with_name(f"{run.id}-{name}"))
    shutil.copytree(run.path, copy.path)
    return copy


def weights(path):
    return torch.load(path, map_location="cpu", weights_only=True)["model"]["state_dict"]


def timeless(run, kind):
    clocks = {"time", "seconds", "frames_per_second", "memory_mb"}
    events = [event for event in run.metrics() if event["kind"] == kind]
    return [{key: value for key, value in one.items() if key not in clocks} for one in events]


def errors(run):
    """Energy errors of all epochs and of the test."""
    told = [event["validation"] for event in run.metrics("epoch")] + [run.status().test]
    return [one["energy_mae_mev_per_atom"] for one in told]


@pytest.fixture(scope="module")
def whole(home):
    """A run on two processes that nothing interrupted."""
    run = new_run(2)
    local.launch(run)
    status = wait(run, "finished")
    return run, status


@pytest.fixture(scope="module")
def stopped(home):
    """One on two processes that was cancelled on its way."""
    run = new_run(2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.runs.launchers.local.start_detached", start_forked)
        local.launch(run)
    wait_for_epochs(run, 3)
    local.cancel(run)
    return run, wait(run, "cancelled")


def test_two_processes_train_to_the_end(whole):
    run, status = whole
    (start,) = run.metrics("start")
    assert (start["processes"], start["threads"], start["n_train"]) == (2, 1, 14)
    assert (start["n_validation"], start["n_test"]) == (2, 2)
    assert status.processes == 2
    assert [event["epoch"] for event in run.metrics("epoch")] == list(range(1, EPOCHS + 1))
    assert all(event["train"]["n_frames"] == 14 for event in run.metrics("epoch"))
    assert status.test["n_frames"] == 2
    assert "Traceback" not in run.log.read_text()
    wait_until_none_is_left(run)
    alone = new_run(1)
    assert go_on_here(alone).processes == 1
    assert errors(run) == pytest.approx(errors(alone), rel=1e-2)


def test_stopped_and_killed_on_two_is_bit_for_bit_uninterrupted(whole, stopped, monkeypatch):
    monkeypatch.setattr("core.runs.launchers.local.start_detached", start_forked)
    expected = whole[0]
    before, status = stopped
    assert "resume it" in status.message
    assert 3 * 4 <= status.step < EPOCHS * 4
    run = copy_of(before, "two")
    local.resume(run)
    wait_for_epochs(run, len(before.metrics("epoch")) + 1)
    forks = psutil.Process(run.status().pid).children()
    assert run.status().processes == len(forks) == 2
    time.sleep(np.random.default_rng(2).uniform(0, 0.05))
    os.kill(run.status().pid, signal.SIGKILL)
    assert wait(run, "failed").message == "The process ended unexpectedly; resume it."
    wait_until_ended(forks)

    assert run in restart_lost()
    status = wait(run, "finished")
    assert status.processes == 2
    first, *others = run.metrics("start")
    assert first["step"] == 0
    assert len(others) == 2
    assert all(start["step"] > 0 for start in others)
    for name in ("last.pt", "best.pth.tar"):
        ours, theirs = (weights(one.checkpoints / name) for one in (run, expected))
        assert all(torch.equal(value, theirs[key]) for key, value in ours.items())
    for kind in ("step", "epoch", "end"):
        assert timeless(run, kind) == timeless(expected, kind)


def test_resumed_on_one_process(whole, stopped):
    expected = whole[0]
    run = copy_of(stopped[0], "one")
    run.update(processes=1)
    status = go_on_here(run)
    assert (status.state, status.processes) == ("finished", 1)
    assert [start["processes"] for start in run.metrics("start")] == [2, 1]
    assert errors(run) == pytest.approx(errors(expected), rel=1e-2)


def test_a_killed_process_ends_the_run(whole, monkeypatch):
    """Begun on one process, resumed on two, one of which is killed, and ended on one."""
    monkeypatch.setattr("core.runs.launchers.local.start_detached", start_forked)
    run = new_run(1)
    assert go_on_here(run, until=2).state == "cancelled"
    done = len(run.metrics("epoch"))
    local.resume(run, processes=2)
    wait_for_epochs(run, done + 1)
    forks = psutil.Process(run.status().pid).children()
    assert run.status().processes == len(forks) == 2
    forks[-1].kill()
    status = wait(run, "failed")
    assert status.message.startswith("One of the run's 2 training processes ended unexpectedly")
    assert "resume the run" in status.message
    wait_until_ended(forks)

    run.update(processes=1)
    assert go_on_here(run).state == "finished"
    assert run.metrics("start")[-1]["step"] > 0
    assert errors(run) == pytest.approx(errors(whole[0]), rel=1e-2)


def test_torchrun_leaves_no_other_of_a_killed_process():
    run = idle_run(2)

    def kill_one():
        if len(both := ranks(run)) == 2:
            both[-1].kill()
        return False

    with pytest.raises(LabError, match="One of the run's 2 training processes ended unexpectedly"):
        team.spread(run, 2, emit=print, should_stop=kill_one)
    wait_until_none_is_left(run)


def started_instead(monkeypatch, code):
    """Let a few lines of Python stand for torchrun and all that it starts."""
    words = [sys.executable, "-c", f"import os, socket, sys, time\n{code}"]
    monkeypatch.setattr(team, "_command", lambda *_: words)


def test_what_training_processes_say_first_is_the_runs_message(monkeypatch):
    lines = [{"event": {"kind": "end"}}, {"failure": "a.csv: wrong; mend it."}, {"failure": "No."}]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    started_instead(monkeypatch, f"os.write(0, {text.encode()!r}); sys.stderr.write('noise')")
    events = []
    with pytest.raises(LabError, match=r"^a\.csv: wrong; mend it\.$"):
        team.spread(idle_run(2), 2, emit=events.append, should_stop=bool)
    assert events == [{"kind": "end"}]


def test_where_nobody_says_why_the_log_does(monkeypatch, capsys):
    started_instead(monkeypatch, "sys.exit('rank 1 was struck by lightning')")
    with pytest.raises(LabError, match="One of the run's 7 training processes ended unexpectedly"):
        team.spread(idle_run(7), 7, emit=print, should_stop=bool)
    assert "struck by lightning" in capsys.readouterr().out


def test_the_wish_to_stop_reaches_every_process(monkeypatch):
    outcome = {"state": "cancelled", "best_epoch": 1, "validation": None, "test": None}
    text = json.dumps({"outcome": outcome}).encode() + b"\n"
    peek = "link = socket.socket(fileno=0)\nassert link.recv(1, socket.MSG_PEEK) == b's'"
    started_instead(monkeypatch, f"{peek}\nlink.sendall({text!r})")
    ended = team.spread(idle_run(2), 2, emit=print, should_stop=lambda: True)
    assert (ended.state, ended.best_epoch) == ("cancelled", 1)


class FakeLink:
    def __init__(self, _log):
        FakeLink.told = []

    def send(self, **content):
        FakeLink.told.append(content)

    def stop_requested(self):
        return False


@pytest.mark.parametrize(
    ("error", "told", "traced"),
    [
        (LabError("a.csv: wrong; mend it."), "a.csv: wrong; mend it.", False),
        (ValueError("odd\nthing"), "unexpected ValueError (odd); see log.txt", True),
        (OSError(28, "No space left", "last.pt"), "last.pt: the disk is full", True),
        (parallel.TeamError("gone"), None, False),
    ],
)
def test_a_training_process_says_why_it_ends(monkeypatch, capsys, error, told, traced):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(rank, "Link", FakeLink)
    monkeypatch.setattr(parallel, "joined", lambda _: nullcontext(parallel.SINGLE_PROCESS))
    monkeypatch.setattr(loop, "fit", fail)
    assert rank.main(idle_run(2).path) == 1
    assert [told in one["failure"] for one in FakeLink.told] == ([True] if told else [])
    assert ("Traceback" in capsys.readouterr().err) == traced


def test_the_first_process_tells_the_outcome(monkeypatch):
    ended = Outcome(state="finished", best_epoch=1, validation=None, test=None)
    monkeypatch.setattr(rank, "Link", FakeLink)
    monkeypatch.setattr(loop, "fit", lambda *_, **__: ended)
    for number, told in ((0, [{"outcome": asdict(ended)}]), (1, [])):
        team = parallel.Team(rank=number, size=2)
        monkeypatch.setattr(parallel, "joined", lambda _, team=team: nullcontext(team))
        assert rank.main(idle_run(2).path) == 0
        assert FakeLink.told == told


@pytest.mark.parametrize(
    ("device", "gpus", "wanted", "told"),
    [("mps", 0, 2, "MPS takes one process"), ("cuda", 2, 3, "there are 2 GPUs for 3 processes")],
)
def test_more_processes_than_devices_are_refused(monkeypatch, device, gpus, wanted, told):
    monkeypatch.setattr(worker, "n_gpus", lambda: gpus)
    run = idle_run(wanted)
    run.update(device=device)
    with pytest.raises(LabError, match=told):
        worker.train(run, print, bool)


def test_a_short_run_stays_in_one_process(monkeypatch):
    run = new_run(None)
    monkeypatch.setattr("core.training.settings.processes.usable_cores", lambda: 2)
    assert go_on_here(run).processes == 1


def test_gpus_are_counted_by_torch():
    assert worker.n_gpus() == torch.cuda.device_count()


def test_environment_keeps_to_this_machine():
    known = team._environment(idle_run(3), team.Nodes(), 3)
    assert known["OMP_NUM_THREADS"] == "1"
    inside = psutil.net_if_addrs()[known["GLOO_SOCKET_IFNAME"]]
    assert "127.0.0.1" in {one.address for one in inside}
    assert Path(known["ATOMREF_LAB_HOME"]).is_absolute()
