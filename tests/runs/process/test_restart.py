"""Lost runs start again by themselves, keep their place, and are given up in the end; pausing."""

import os
import signal
import socket
import time

import pytest

from core import process
from core.errors import LabError
from core.process import boot_id, identity, is_alive
from core.runs.process import local
from core.runs.process.restart import restart_lost, watch
from core.runs.record.listing import queue_ahead, queue_position


def kill(run):
    status = run.status()
    os.kill(status.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while is_alive(status.pid, status.pid_started):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_killed_run_starts_again_and_ends_as_if_nothing_had_been(lab):
    run = lab.new_run(pause=0.1)
    local.launch(run)
    lab.wait_for_steps(run, 6)
    assert restart_lost() == []  # it lives
    kill(run)
    assert run.is_lost()
    assert [one.id for one in restart_lost()] == [run.id]
    assert restart_lost() == []  # once is enough
    assert lab.wait(run, "finished").revivals == 0
    # It went on from its checkpoint of step 5.
    assert [event["step"] for event in run.metrics("step")] == list(range(1, 11))
    assert len(run.metrics("start")) == 2


def test_a_waiting_run_keeps_its_place(lab):
    first, second, third = (lab.new_run(pause=0.2) for _ in range(3))
    for run in (first, second, third):
        local.launch(run)
    lab.wait(first, "running")
    deadline = time.monotonic() + 20
    while second.status().device is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    kill(second)
    assert [run.id for run in restart_lost()] == [second.id]
    assert queue_position(second) == 1
    assert queue_position(third) == 2
    for run in (first, second, third):
        local.cancel(run)


def test_a_run_that_is_lost_over_and_over_is_given_up(lab):
    run = lab.new_run(pause=30)
    local.launch(run)
    for _ in range(local.MOST_RESTARTS):
        lab.wait(run, "running")
        kill(run)
        assert restart_lost()
    lab.wait(run, "running")
    kill(run)
    assert restart_lost() == []
    assert run.status().state == "failed"
    local.resume(run)  # by hand it may begin anew
    assert run.status().revivals == 0
    local.cancel(run)


def test_what_somebody_stopped_stays_stopped(lab):
    run = lab.new_run(pause=0.2)
    local.launch(run)
    lab.wait_for_steps(run, 1)
    local.cancel(run)
    kill(run)
    assert not run.is_lost()
    assert restart_lost() == []


def test_a_watch_looks_again_and_again_until_it_is_told_to_stop():
    seen = []

    def look():
        seen.append(len(seen))
        if len(seen) == 1:
            raise LabError("the disk is busy; try again.")

    enough = watch(seconds=0.01, check=look)
    deadline = time.monotonic() + 10
    while len(seen) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    enough.set()


def test_pause_lets_others_train_and_resume_goes_on(lab):
    first, second = lab.new_run(pause=0.1, epochs=3), lab.new_run()
    local.launch(first)
    lab.wait_for_steps(first, 3)
    local.launch(second)
    local.pause(first)
    assert lab.wait(first, "paused").message.startswith("Stopped on request")
    local.pause(first)  # twice changes nothing
    lab.wait(second, "finished")
    local.resume(first)
    assert lab.wait(first, "finished").pausing is False
    assert [event["step"] for event in first.metrics("step")] == list(range(1, 16))
    with pytest.raises(LabError, match="nothing to pause"):
        local.pause(first)


def test_a_paused_run_can_be_cancelled_and_a_waiting_one_paused(lab):
    first, second = lab.new_run(pause=0.2), lab.new_run()
    local.launch(first)
    lab.wait(first, "running")
    local.launch(second)
    local.pause(second)
    lab.wait(second, "paused")
    local.cancel(second)
    assert second.status().state == "cancelled"
    never = lab.new_run()
    local.pause(never)
    assert (never.status().state, never.status().message) == ("paused", "Never started.")
    local.cancel(first)


def test_a_run_of_another_machine_on_the_same_home_is_left_to_it(lab):
    run = lab.new_run()
    gone = {"state": "running", "pid": 1, "pid_started": 1e9, "boot": "another"}
    run.update(**gone, host="login-2")
    record = run.path / "status.json"

    def last_written(seconds_ago):
        then = time.time() - seconds_ago
        os.utime(record, (then, then))
        return run.status()

    assert run.status().state == last_written(600).state == "running"
    for stop in (local.cancel, local.pause):  # process 1 of this machine is another
        with pytest.raises(LabError, match=r"works on login-2; (cancel|pause) it there"):
            stop(run)
    with pytest.raises(LabError, match="is running; only a run that was stopped"):
        local.resume(run)
    assert last_written(1000).state == "failed"
    assert "launched on login-2 and has given no sign of life" in run.status().message
    run.update(state="queued")
    assert last_written(1000).state == "queued"  # while it waits, nothing is written
    # it waits for that machine's devices, and keeps nobody here waiting
    later = lab.new_run()
    later.update(device="cpu")
    assert queue_ahead(later) == queue_ahead(run) == []
    assert (queue_position(later), queue_position(run)) == (1, None)
    assert last_written(90_000).state == "failed"
    run.update(state="running")
    assert restart_lost() == []
    # This machine has started again since, perhaps under another name.
    run.update(host=socket.gethostname())
    assert run.is_lost()
    run.update(host="login-2", boot=boot_id())
    assert run.is_lost()


def test_a_process_of_an_earlier_boot_is_dead(monkeypatch):
    pid, started = identity()
    assert is_alive(pid, started, boot_id())
    assert is_alive(pid, started)
    if boot_id() is not None:
        assert not is_alive(pid, started, "of another boot")
    monkeypatch.setattr(process, "boot_id", lambda: None)
    assert is_alive(pid, started, "unknown here")
