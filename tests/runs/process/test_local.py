"""Real processes over run directories: start, queue, cancel, kill, resume, delete."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from core.errors import LabError
from core.files import rewrite
from core.potential import devices
from core.process import identity, is_alive
from core.runs.process import local, slots
from core.runs.process.slots import slot_of
from core.runs.process.worker import execute
from core.runs.record.listing import list_runs, queue_position
from core.training.settings.config import RunConfig


def test_a_launched_run_finishes_and_says_so(lab, monkeypatch):
    monkeypatch.chdir(lab.path)
    monkeypatch.setenv("ATOMREF_LAB_HOME", "home")
    run = lab.new_run()
    assert run.status().state == "queued"
    local.launch(run)
    pid = run.status().pid
    assert os.getsid(pid) == pid != os.getsid(0)
    status = lab.wait(run, "finished")
    assert (status.step, status.steps, status.epoch, status.best_epoch) == (10, 10, 2.0, 2)
    assert status.test["energy_mae_mev_per_atom"] == 90.0
    assert status.test["n_frames"] == 3
    assert status.eta_s is None
    assert status.queued <= status.started <= status.ended
    assert status.frames == 8
    assert [event["step"] for event in run.metrics("step")] == list(range(1, 11))
    log = "\n".join(run.log_tail(100))
    assert "chatter of a library" in log
    assert [path.name for path in (lab.path / "home" / "locks").iterdir()] == ["device-cpu.lock"]
    assert log.count("epoch 2/2 done") == 1
    with pytest.raises(LabError, match="only a new run"):
        local.launch(run)
    with pytest.raises(LabError, match="nothing to cancel"):
        local.cancel(run)
    with pytest.raises(LabError, match="only a run that was stopped or failed"):
        local.resume(run)
    local.delete(run)
    assert list_runs() == []
    assert not run.path.exists()
    with pytest.raises(LabError, match="not a run directory"):
        run.status()


def test_runs_of_one_device_take_turns_in_the_order_they_were_made(lab):
    first, second, third = runs = [lab.new_run(pause=0.1) for _ in range(3)]
    for run in (first, third, second):
        local.launch(run)
        lab.wait(run, "running", "queued")
    lab.wait(first, "running")
    assert [queue_position(run) for run in runs] == [None, 1, 2]
    assert [run.id for run in list_runs()] == [run.id for run in reversed(runs)]
    one, two, three = (lab.wait(run, "finished") for run in runs)
    assert one.ended <= two.started <= two.ended <= three.started


def test_cancel_of_a_queued_run_leaves_the_running_one_alone(lab):
    first, second = lab.new_run(pause=0.15), lab.new_run()
    local.launch(first)
    lab.wait(first, "running")
    # However busy the machine, the first run does not end before the second is cancelled.
    os.kill(first.status().pid, signal.SIGSTOP)
    local.launch(second)
    with pytest.raises(LabError, match="cancel it before deleting"):
        local.delete(second)
    while second.status().device is None:
        time.sleep(0.01)
    local.cancel(second)
    local.cancel(second)
    assert "before its turn" in lab.wait(second, "cancelled").message
    local.cancel(second)
    os.kill(first.status().pid, signal.SIGCONT)
    assert lab.wait(first, "finished").state == "finished"
    local.resume(second)
    assert lab.wait(second, "finished").step == 10


def test_cancel_before_the_process_is_ready(lab):
    run = lab.new_run(pause=1)
    local.launch(run)
    local.cancel(run)
    assert lab.wait(run, "cancelled").cancel_requested
    local.resume(run)
    assert not run.status().cancel_requested
    local.cancel(run)
    lab.wait(run, "cancelled")


def test_cancel_of_a_run_that_was_never_launched(lab):
    run = lab.new_run()
    local.cancel(run)
    assert run.status().state == "cancelled"
    with pytest.raises(LabError, match="already cancelled"):
        local.launch(run)
    local.delete(run)


def test_a_cancelled_run_writes_a_checkpoint_and_goes_on_from_it(lab):
    run = lab.new_run(pause=0.1)
    local.launch(run)
    lab.wait(run, "running")
    lab.wait_for_steps(run, 2)
    tabs = [threading.Thread(target=local.cancel, args=(run,)) for _ in range(4)]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join()
    status = lab.wait(run, "cancelled")
    assert "resume it" in status.message
    assert run.last_checkpoint.exists()
    done = int(run.last_checkpoint.read_text())
    assert 2 <= done < 10
    assert status.step == done
    local.resume(run)
    with pytest.raises(LabError, match="only a run that was stopped or failed"):
        local.resume(run)
    lab.wait(run, "finished")
    steps = run.metrics("step")
    assert [event["step"] for event in steps] == list(range(1, 11))
    assert len({event["attempt"] for event in steps[done:]}) == 1


def test_kill_nine_shows_as_failed_and_can_be_resumed(lab):
    run = lab.new_run(pause=0.05)
    local.launch(run)
    lab.wait_for_steps(run, 7)
    os.kill(run.status().pid, signal.SIGKILL)
    status = lab.wait(run, "failed")
    assert status.message == "The process ended unexpectedly; resume it."
    assert status.eta_s is None
    with (run.path / "metrics.jsonl").open("ab") as file:
        file.write(b'{"kind": "step", "st')
    local.resume(run)
    lab.wait(run, "finished")
    lines = (run.path / "metrics.jsonl").read_bytes().splitlines()
    assert all(line.endswith(b"}") for line in lines)
    assert len(lines) > len(run.metrics())
    steps = run.metrics("step")
    assert [event["step"] for event in steps] == list(range(1, 11))
    assert len({event["attempt"] for event in steps[5:]}) == 1, "the later telling counts"


def test_the_slot_of_a_killed_run_is_free_again(lab):
    first, second = lab.new_run(pause=0.3), lab.new_run()
    local.launch(first)
    lab.wait(first, "running")
    local.launch(second)
    os.kill(first.status().pid, signal.SIGKILL)
    lab.wait(second, "finished")
    assert first.status().state == "failed"


def test_a_run_outlives_its_launcher(lab):
    run = lab.new_run(pause=0.1)
    code = (
        "import sys; from pathlib import Path; from core.runs.process import local; "
        "from core.runs.record.directory import Run; "
        f"local._command = lambda run: [sys.executable, {str(lab.body)!r}, str(run.path)]; "
        f"local.launch(Run(Path({str(run.path)!r})))"
    )
    launcher = subprocess.run([sys.executable, "-c", code], check=True, timeout=20, cwd="/")
    assert launcher.returncode == 0
    assert run.status().is_active
    assert psutil.Process(run.status().pid).ppid() != os.getpid()
    lab.wait(run, "finished")


def test_a_zombie_is_dead(lab):
    run = lab.new_run()
    zombie = subprocess.Popen([sys.executable, "-c", ""])
    try:
        process = psutil.Process(zombie.pid)
        run.update(state="running", pid=zombie.pid, pid_started=identity(zombie.pid)[1])
        while process.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
        assert run.status().state == "failed"
    finally:
        zombie.wait()


def test_a_process_id_given_to_another_is_not_the_run(lab):
    run = lab.new_run()
    started = identity()[1]
    run.update(state="running", pid=os.getpid(), pid_started=started)
    assert run.status().state == "running"
    run.update(pid_started=started - 3600)
    assert run.status().state == "failed"
    local.resume(run)
    lab.wait(run, "finished")


def test_a_clock_that_is_set_kills_nobody(monkeypatch):
    pid, started = identity()
    real = psutil.boot_time(), psutil.Process(pid).create_time()
    monkeypatch.setattr(psutil, "boot_time", lambda: real[0] + 3600)
    monkeypatch.setattr(psutil.Process, "create_time", lambda _: real[1] + 3600)
    assert is_alive(pid, started)


def test_a_run_that_was_never_started_does_not_block_the_queue(lab):
    forgotten = lab.new_run()
    forgotten.update(queued=time.time() - 3600)
    assert "could not be started" in forgotten.status().message
    run = lab.new_run()
    local.launch(run)
    lab.wait(run, "finished")


@pytest.mark.parametrize(
    ("trouble", "message"),
    [
        ("lab", "frames.csv: row 3 is wrong; mend it."),
        ("bug", "Training stopped on an unexpected ValueError (something); see log.txt."),
        ("full", "last.pt: the disk is full; free some space, then resume or try again."),
    ],
)
def test_a_failure_is_told_in_one_sentence(lab, trouble, message):
    run = lab.new_run(trouble=trouble)
    local.launch(run)
    assert lab.wait(run, "failed").message == message
    assert ("Traceback" in run.log.read_text()) == (trouble != "lab")


def test_a_full_disk_under_the_metrics(lab):
    run = lab.new_run()

    def fit(same, emit, should_stop):
        assert same == run
        assert not should_stop()
        emit._file = open("/dev/full", "wb", buffering=0)  # noqa: PTH123, SIM115
        emit({"kind": "end"})

    status = execute(run.path, fit=fit)
    assert status.state == "failed"
    assert status.message.startswith(f"{run.path}/metrics.jsonl: the disk is full")
    assert run.status() == status


def test_a_run_is_cancelled_on_a_full_disk(lab, monkeypatch):
    run = lab.new_run(pause=0.2)
    local.launch(run)
    lab.wait_for_steps(run, 1)

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("core.files.tempfile.mkstemp", full)
        local.cancel(run)
        assert run.status().cancel_requested
        with pytest.raises(LabError, match="the disk is full"):
            local.create(RunConfig(dataset="toy"))
        with pytest.raises(OSError, match="No space left"):
            rewrite(run.path / "status.json", b" " * (1 << 20))
    assert lab.wait(run, "cancelled").cancel_requested


def test_a_second_ctrl_c_stops_at_once(lab):
    def fit(run, _emit, should_stop):
        assert not should_stop()
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)
        assert should_stop()
        assert run.status().state == "running"
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)

    before = signal.getsignal(signal.SIGINT)  # ignored where a script started the tests with &
    status = execute(lab.new_run().path, fit=fit)
    assert (status.state, status.message) == (
        "cancelled",
        "Stopped at once; resume it to continue.",
    )
    assert signal.getsignal(signal.SIGINT) is before


def test_one_run_has_one_process(lab):
    run = lab.new_run(pause=0.1)
    local.launch(run)
    lab.wait(run, "running")
    with pytest.raises(LabError, match="already running in process"):
        execute(run.path)
    with pytest.raises(LabError, match="only a new run"):
        local.launch(run)
    with pytest.raises(LabError, match="cancel it before deleting"):
        local.delete(run)
    lab.wait(run, "finished")
    assert len(run.metrics("start")) == 1


def test_the_slot_of_a_device(monkeypatch):
    assert [slot_of(device) for device in ("cpu", "cuda", "mps")] == ["cpu", "cuda", "mps"]
    monkeypatch.setattr(devices, "_ACCELERATOR_NODES", ("null",))
    assert slot_of("auto") in {"cpu", "cuda", "mps"}
    monkeypatch.setattr(slots, "_ASK_TORCH", "1 / 0")
    with pytest.raises(LabError, match="choose cpu, cuda or mps"):
        slot_of("auto")


def test_create_is_whole_or_nothing(lab, monkeypatch):
    run = local.create(RunConfig(dataset="toy"), lab.path / "somewhere" / "mine")
    assert run.path == lab.path / "somewhere" / "mine"
    assert sorted(path.name for path in run.path.iterdir()) == [
        "checkpoints",
        "config.json",
        "log.txt",
        "status.json",
    ]
    with pytest.raises(LabError, match="exists and is not empty"):
        local.create(RunConfig(dataset="toy"), run.path)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(local, "write_whole", full)
    with pytest.raises(LabError, match="the disk is full"):
        local.create(RunConfig(dataset="toy"), lab.path / "somewhere" / "other")
    assert [path.name for path in (lab.path / "somewhere").iterdir()] == ["mine"]


def test_a_source_model_file_is_kept_by_its_absolute_path(lab, monkeypatch):
    monkeypatch.chdir(lab.path)
    (lab.path / "mine.pth.tar").touch()
    run = local.create(RunConfig(dataset="toy", source_model="mine.pth.tar"))
    assert run.config.source_model == str(lab.path / "mine.pth.tar")
    assert local.create(RunConfig(dataset="toy")).config.source_model == "chgnet-0.3.0"


def test_a_directory_that_may_not_be_written(lab, monkeypatch):
    # Permissions do not stop root, so the refusal is put where the system would give it.
    def refuse(path, *args, **kwargs):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(LabError, match="no permission to write"):
        lab.new_run()


def test_deleting_while_others_look(lab):
    runs = [lab.new_run() for _ in range(5)]
    for run in runs:
        local.cancel(run)
    failures = []

    def look():
        for _ in range(20):
            try:
                list_runs()
            except Exception as error:  # noqa: BLE001
                failures.append(error)

    watcher = threading.Thread(target=look)
    watcher.start()
    for run in runs:
        local.delete(run)
    watcher.join()
    assert failures == []
    shutil.rmtree(lab.runs)
    assert list_runs() == []
