"""Runs: create, start, cancel, resume, delete, on this machine or on a cluster.

A started run is a process in its own session with its own log, or a job of the cluster. It outlives
the page or the shell that started it, which keeps no handle on it: all information is in the run
directory.
"""

import secrets
import shutil
import socket
import string
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from core import access
from core.access import UNKNOWN
from core.errors import LabError
from core.files import disk_errors, is_full_disk, write_whole
from core.home import runs_dir
from core.runs.launchers.choice import launcher_of
from core.runs.launchers.interface import Handle, Task
from core.runs.launchers.profiles import profile_named
from core.runs.process.lifecycle import queued_again
from core.runs.process.slots import waits_smaller
from core.runs.record.directory import Run
from core.runs.record.listing import list_runs, status_if_any
from core.runs.record.status import Status
from core.training.settings.config import RunConfig

MOST_RESTARTS = 3
"""Number of restarts in a row, without a step in between, after which a run stays failed."""


def create(config: RunConfig, path: Path | None = None, *, on: str | None = None) -> Run:
    """Create a run directory, completely or not at all; nothing is started.

    Args:
        config: the settings. A source model given as a file is stored by its absolute path.
        path: the directory, which must not exist or be empty; None for a new one in the lab.
        on: profile of the cluster that it is to be launched on; None for this machine.

    Raises:
        LabError: if there is no such profile, the directory is not empty, or cannot be written.
    """
    now = time.time()
    if on is not None:
        profile_named(on)
    person = access.require("launch", f"launch a run of {config.method} on {config.dataset}")
    if not person.is_local:
        _check_limits(person.name)
    source = Path(config.source_model)
    if source.is_file():
        config = config.model_copy(update={"source_model": str(source.absolute())})
    with disk_errors(path or Path("runs")):
        target = (path or runs_dir() / _new_id(config, now)).absolute()
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise LabError(f"{target}: exists and is not empty; name another run directory.")
        draft = target.with_name(f".new-{target.name}-{secrets.token_hex(4)}")
        (draft / "checkpoints").mkdir(parents=True)
        try:
            status = Status(
                created=now, queued=now, epochs=config.epochs, launched_by=person.name, on=on
            )
            write_whole(draft / "config.json", config.to_json().encode())
            write_whole(draft / "status.json", status.model_dump_json(indent=2).encode())
            (draft / "log.txt").touch()
            draft.replace(target)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    return Run(target)


def launch(*runs: Run) -> None:
    """Start the processes of new runs; they wait for their device by themselves.

    Those of one profile of a cluster are submitted as one array of jobs.

    Raises:
        LabError: if a run was started before, or cannot be started.
    """
    with ExitStack() as stack:
        statuses = []
        for run in runs:
            stack.enter_context(run.locked())
            status = run.status()
            if status.state != "queued" or status.handle is not None:
                raise LabError(
                    f"{run.id}: is already {status.state}; only a new run can be launched."
                )
            statuses.append(status)
        _spawn(runs, statuses)


def resume(*runs: Run, processes: int | None = None) -> None:
    """Start cancelled, paused or failed runs again, from their last checkpoints.

    A run continues where it was: on this machine, or on the cluster with the same profile.

    Args:
        *runs: the runs.
        processes: number of training processes; None for as many as before.

    Raises:
        LabError: if a run is finished, or waits or trains already.
    """
    with ExitStack() as stack:
        statuses = [stack.enter_context(_resumed(run, processes)) for run in runs]
        _spawn(runs, statuses)


@contextmanager
def _resumed(run: Run, processes: int | None) -> Iterator[Status]:
    """Lock a run, and yield the status with which it is resumed."""
    with run.locked():
        status = run.status()
        access.require("launch", f"resume {run.id}", owner=status.launched_by or UNKNOWN)
        if status.state not in {"cancelled", "paused", "failed"}:
            raise LabError(
                f"{run.id}: is {status.state}; only a run that was stopped or failed can be "
                "resumed."
            )
        again = queued_again(status).model_copy(update={"revivals": 0})
        if processes is not None:
            again = again.model_copy(update={"processes": processes})
        yield again


def restart(run: Run) -> bool:
    """Restart a run whose process was lost: killed, or gone with the machine.

    It keeps its place in the queue and continues from its last checkpoint. A run that is lost
    repeatedly without a step in between is left as failed.

    Returns:
        Whether it was started.

    Raises:
        LabError: if it cannot be started.
    """
    with run.locked():
        status = run.status()
        if not run.is_lost() or status.revivals >= MOST_RESTARTS:
            return False
        again = queued_again(status, place=status.queued)
        _spawn([run], [again.model_copy(update={"revivals": status.revivals + 1})])
    return True


def cancel(run: Run) -> None:
    """Ask a run to stop. A training run writes a checkpoint first, so it ends a little later.

    Nothing changes if the run was asked before or is cancelled already.

    Raises:
        LabError: if the run has finished or failed, or belongs to another user.
    """
    _stop(run, pausing=False)


def pause(run: Run) -> None:
    """Ask a run to stop as `cancel` does, to be resumed later; other runs get the device meanwhile.

    Raises:
        LabError: as `cancel`.
    """
    _stop(run, pausing=True)


def _stop(run: Run, *, pausing: bool) -> None:
    with run.locked():
        status = run.status()
        what = "pause" if pausing else "cancel"
        access.require("launch", f"{what} {run.id}", owner=status.launched_by or UNKNOWN)
        wanted = status.model_copy(update={"pausing": pausing})
        if status.state == wanted.stopped_as:
            return
        if status.is_active and status.cancel_requested:
            run.write(wanted)
            return
        if status.is_active and run.is_elsewhere(status):
            raise LabError(f"{run.id}: works on {status.host}; {what} it there.")
        if not status.is_active and status.state not in {"cancelled", "paused"}:
            raise LabError(f"{run.id}: is {status.state} already; there is nothing to {what}.")
        handle, launcher = status.handle, launcher_of(status.on)
        if handle is None or not status.is_active or _waits(status, handle):
            message = "Stopped before its turn; resume it to start."
            if not status.is_active:
                message = status.message
            elif handle is None:
                message = "Never started."
            elif status.step:
                message = "Stopped on request; resume it to continue."
            # A process or, without its submission, a job that starts now leaves the run alone.
            changes = {
                "state": wanted.stopped_as,
                "ended": time.time(),
                "message": message,
                "submission": None,
            }
            run.write(wanted.model_copy(update=changes))
            if handle is not None and status.is_active:
                launcher.cancel(handle)
            return
        stopping = {"cancel_requested": True, "message": "Stopping at the next step."}
        try:
            run.write(wanted.model_copy(update=stopping))
        except LabError as error:
            # A full disk is what one may want to stop a run for.
            if not is_full_disk(error.__cause__):
                raise
        try:
            launcher.cancel(handle)
        except LabError as error:
            run.write(status)
            raise LabError(f"{run.id}: {error}") from error


def _waits(status: Status, handle: Handle) -> bool:
    """Return whether a run waits in a queue, and has no process that would record its end."""
    if status.on is None:
        return status.state == "queued" and waits_smaller(int(handle.id))
    return launcher_of(status.on).state(handle).phase == "waiting"


def delete(run: Run) -> None:
    """Delete a run directory with its checkpoints.

    Raises:
        LabError: if the run waits or trains, or the directory may not be changed.
    """
    with run.locked():
        status = run.status()
        access.require("launch", f"delete {run.id}", owner=status.launched_by or UNKNOWN)
        if status.is_active:
            raise LabError(f"{run.id}: is {status.state}; cancel it before deleting it.")
        doomed = run.path.with_name(f".deleted-{run.id}-{secrets.token_hex(4)}")
        with disk_errors(run.path):
            run.path.replace(doomed)
    with disk_errors(doomed):
        shutil.rmtree(doomed)


def _check_limits(name: str) -> None:
    """Check that a person may launch another run.

    Raises:
        LabError: if they, or all people, have too many or too large ones, or the disk is full.
    """
    runs = [(run, status) for run in list_runs() if (status := status_if_any(run))]
    access.check_queue([status.launched_by for _, status in runs if status.is_active])
    own = (run.path for run, status in runs if status.launched_by == name)
    access.check_disk(sum(file.stat().st_size for path in own for file in path.rglob("*")))


def _spawn(runs: Sequence[Run], statuses: Sequence[Status]) -> None:
    """Start processes and record them; the caller holds the locks, so they read them later."""
    together: dict[str | int, list[tuple[Run, Status]]] = {}
    for i, (run, status) in enumerate(zip(runs, statuses, strict=True)):
        # On this machine one by one: what has started is recorded, whatever becomes of the next.
        together.setdefault(status.on or i, []).append((run, status))
    for some in together.values():
        handles = launcher_of(some[0][1].on).submit([_task(run) for run, _ in some])
        for (run, status), handle in zip(some, handles, strict=True):
            run.write(_launched(status, handle))


def _launched(status: Status, handle: Handle) -> Status:
    """Return the status of a run that was launched."""
    if status.on is None:
        own = {"pid": int(handle.id), "pid_started": handle.since, "boot": handle.place}
        return status.model_copy(update={**own, "host": socket.gethostname()})
    return status.model_copy(
        update={
            "job": handle.id,
            "submitted": handle.since,
            "submission": handle.place,
            "message": f"Submitted to {status.on} as job {handle.id}.",
        }
    )


def _task(run: Run) -> Task:
    path = str(run.path)
    follow = [sys.executable, "-m", "core.runs.process.follow", path]
    return Task(name=run.id, command=_command(run), log=run.log, follow=follow)


def _command(run: Run) -> list[str]:
    return [sys.executable, "-m", "core", "train", "--run-dir", str(run.path)]


def _new_id(config: RunConfig, now: float) -> str:
    alphabet = string.ascii_lowercase + string.digits
    code = "".join(secrets.choice(alphabet) for _ in range(4))
    return f"{time.strftime('%Y%m%d-%H%M', time.localtime(now))}-{config.method}-{code}"
