"""A run that waits is a small program, and comes back where its turn comes or somebody stops it."""

import os
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from filelock import FileLock

from core.process import boot_id, identity
from core.runs.process import local, slots, waiter
from core.runs.record.listing import queue_position

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux")


def wait_until(true, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def memory(pid):
    """What a process alone holds and its share of what others hold too, in MB."""
    lines = (line.split() for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines())
    return {words[0]: int(words[1]) / 1e3 for words in lines if len(words) == 3}["Pss:"]


def test_it_imports_little_and_nothing_but_the_standard_library():
    code = "import sys; exec(open(sys.argv[1]).read(), {'__name__': 'x'}); print(*sys.modules)"
    said = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, waiter.__file__],
        capture_output=True,
        text=True,
        check=True,
    )
    modules = {name.partition(".")[0] for name in said.stdout.split()}
    assert modules - {"__main__"} <= sys.stdlib_module_names
    assert not modules & {"pathlib", "typing", "subprocess", "tempfile"}


def test_waiting_runs_are_small_and_stop_and_take_their_turns(lab):
    first, second, third = runs = [lab.new_run(pause=0.02) for _ in range(3)]
    local.launch(first)
    lab.wait(first, "running")
    os.kill(first.status().pid, signal.SIGSTOP)
    local.launch(second, third)
    handles = [run.status().handle for run in runs]
    for run in (second, third):
        wait_until(lambda run=run: slots.waits_smaller(run.status().pid))
        assert memory(run.status().pid) < 5
    assert [run.status().handle for run in runs] == handles
    assert [queue_position(run) for run in runs] == [None, 1, 2]

    local.pause(second)
    assert second.recorded().state == "paused"
    wait_until(lambda: not psutil.pid_exists(second.recorded().pid))
    os.kill(third.status().pid, signal.SIGTERM)
    assert "before its turn" in lab.wait(third, "cancelled").message

    local.resume(second)
    wait_until(lambda: slots.waits_smaller(second.status().pid))
    os.kill(first.status().pid, signal.SIGCONT)
    ended = [lab.wait(run, "finished") for run in (first, second)]
    assert ended[0].ended <= ended[1].started
    assert sum("Waiting for the device" in line for line in second.log_tail()) == 2


def test_a_run_that_is_cancelled_in_the_moment_of_its_turn_does_not_train(lab, monkeypatch):
    run = lab.new_run()
    pid, started = identity()
    monkeypatch.setattr("core.runs.process.lifecycle.own_command", lambda: ["train"])
    stopped = {"state": "cancelled", "pid": pid, "pid_started": started, "boot": boot_id()}
    run.update(**stopped, message="Stopped before its turn; resume it to start.")
    main = runpy.run_path(str(lab.body))
    status = main["execute"](run.path, fit=pytest.fail)
    assert status == run.recorded()
    assert status.state == "cancelled"


def test_it_knows_who_is_ahead_as_the_command_does(lab):
    run = lab.new_run()
    pid, started = identity()
    usual = {"queued": 1.0, "pid": pid, "pid_started": started, "boot": boot_id(), "device": "cpu"}
    soon = time.time() + 3600
    for changes, ahead in (
        ({}, True),
        ({"device": "cuda"}, False),
        ({"device": None}, True),
        ({"on": "a cluster"}, False),
        ({"queued": 3.0}, False),
        ({"state": "running"}, False),
        ({"pid": 2**22 + 1}, False),
        ({"pid_started": started - 5.0}, False),
        ({"boot": "an earlier one"}, False),
        ({"boot": None}, True),
        ({"pid": None}, False),
        ({"pid": None, "queued": soon}, True),
    ):
        run.update(**{"state": "queued", "on": None} | usual | changes)
        place = (soon if changes.get("queued") == soon else 2.0, "~")
        terms = {"place": [*place], "slot": "cpu", "grace": 60.0}
        assert waiter.is_ahead(str(run.path), terms) is ahead, changes
        if not changes.get("on"):
            assert slots._still_ahead(run, "cpu", place) is ahead, changes


def test_what_cannot_be_read_is_not_ahead(tmp_path):
    terms = {"place": [2.0, "x"], "slot": "cpu", "grace": 60.0}
    for text in ("", "5", "{}", '{"state": "queued", "queued": "soon"}', "\0"):
        (tmp_path / "status.json").write_text(text)
        assert not waiter.is_ahead(str(tmp_path), terms)


def test_a_device_is_free_until_somebody_holds_its_lock(tmp_path):
    lock = FileLock(tmp_path / "device-cpu.lock")
    assert waiter.is_free(lock.lock_file)
    with lock:
        assert not waiter.is_free(lock.lock_file)
    assert waiter.is_free(lock.lock_file)
