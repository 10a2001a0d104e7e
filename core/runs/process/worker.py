"""The body of a run's process: wait for the device, train, and record the outcome.

`atomref train --run-dir DIR` ends up here, whether a page, the command line or a queue
started it.
"""

import os
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, TYPE_CHECKING, Any, cast

from core.errors import LabError
from core.runs.launchers.job import CONTINUES
from core.runs.process.lifecycle import claim, lease_here
from core.runs.process.slots import n_gpus, slot_of, wait_for_slot
from core.runs.process.waiter import SIGNALS
from core.runs.record.directory import Run
from core.runs.record.failure import failure_message
from core.runs.record.recorder import Log, Recorder
from core.runs.record.status import Status

if TYPE_CHECKING:
    from core.frames.store import FrameSet
    from core.training.loop.outcome import Outcome

MOST_IDLE = 3
"""Number of time limits in a row, without a step in between, after which a run fails."""

_LOOK_SECONDS = 1.0

Emit = Callable[[dict[str, Any]], None]
ShouldStop = Callable[[], bool]
Fit = Callable[[Run, Emit, ShouldStop], "Outcome"]


def train(run: Run, emit: Emit, should_stop: ShouldStop) -> "Outcome":
    """Open the run's data set and train, from the last checkpoint where there is one.

    Args:
        run: a run that has its device.
        emit: receives the training loop's events.
        should_stop: called by the loop between steps.

    Returns:
        The outcome of the loop.

    Raises:
        LabError: if data set, model and settings do not fit together, or training goes wrong.
    """
    # These import pandas, which a waiting process does not need.
    from core.frames.registry import open_frame_set  # noqa: PLC0415
    from core.runs.process.team import spread  # noqa: PLC0415

    frames = open_frame_set(run.config.dataset)
    processes = processes_of(run, frames)
    run.update(labels=frames.card.labels, processes=processes)
    if processes > 1:
        outcome = spread(run, processes, emit=emit, should_stop=should_stop)
    else:
        # It imports torch, which a process that only starts others does not need.
        from core.training.loop.loop import fit  # noqa: PLC0415

        outcome = fit(
            run.config,
            frames,
            checkpoints=run.checkpoints,
            emit=emit,
            should_stop=should_stop,
            resume=True,
        )
    if run.config.stability == "off" or outcome.state != "finished":
        return outcome
    from core.training.loop.stability import with_stability  # noqa: PLC0415

    return with_stability(
        outcome,
        run.config,
        frames,
        checkpoints=run.checkpoints,
        emit=emit,
        should_stop=should_stop,
    )


def processes_of(run: Run, frames: "FrameSet") -> int:
    """Return the number of training processes: the last requested one, or the default.

    On several nodes it is that of all nodes together, and each has at least one.

    Raises:
        LabError: if the device does not take so many.
    """
    from core.runs.process.team import Nodes  # noqa: PLC0415
    from core.training.settings.processes import (  # noqa: PLC0415
        FRAMES_PER_PROCESS,
        default_processes,
    )

    config, status = run.config, run.recorded()
    wanted = status.processes or config.processes
    device = status.device or slot_of(config.device)
    if wanted == 1 or device == "mps":
        if (wanted or 1) > 1:
            raise LabError(f"processes: MPS takes one process, not {wanted}; ask for 1.")
        return 1
    gpus, nodes = n_gpus() if device == "cuda" else 0, Nodes.here().number
    if wanted is None:
        on_each = default_processes(config, frames, device=device, n_gpus=gpus)
        return nodes * max(1, min(on_each, config.batch_size // FRAMES_PER_PROCESS // nodes))
    gpus *= nodes
    if device == "cuda" and wanted > gpus:
        raise LabError(
            f"processes: there are {gpus} GPUs for {wanted} processes; ask for {gpus} at most."
        )
    return wanted


def exit_status(status: Status) -> int:
    """Return the exit status of a process that has worked on a run.

    Args:
        status: as `execute` returns it.
    """
    return {"failed": 2, "cancelled": 130, "queued": CONTINUES}.get(status.state, 0)


def execute(path: Path, *, fit: Fit = train, echo: Callable[[str], None] | None = None) -> Status:
    """Run a run directory in this process, from the queue to the end.

    SIGTERM and Ctrl-C stop it at the next step with a checkpoint; a second Ctrl-C stops it at once.
    SIGUSR2, by which Slurm announces the time limit of a job, stops it likewise, and the run then
    waits for its job to start again.

    Args:
        path: the run directory; an interrupted run continues from its last checkpoint.
        fit: the training.
        echo: receives each line that is written to the log.

    Returns:
        The status at the end: finished, cancelled, paused or failed; on a cluster also queued.

    Raises:
        LabError: if this is not a run directory, the run is finished or already has a process, or
            its status cannot be written.
    """
    run = Run(path.absolute(), lease_here())
    with ExitStack() as stack:
        stop = stack.enter_context(_stop_signals(run))
        status = claim(run)
        if not status.is_active:
            return status
        if status.cancel_requested:
            stop.requested = True
        log = Log(run, echo)
        stack.enter_context(redirect_stdout(cast("IO[str]", log)))
        try:
            changes = _work(run, fit, stop, log, stack)
        except KeyboardInterrupt:
            changes = {"state": "cancelled", "message": "Stopped at once; resume it to continue."}
        except Exception as error:  # noqa: BLE001 - the run reports any error
            if not isinstance(error, LabError):
                log.write(traceback.format_exc())
            changes = {"state": "failed", "message": failure_message(error, run)}
        log.line(f"{changes['state']}: {changes['message']}")
        if changes["state"] == "queued":
            return run.update(**changes)
        return run.update(**changes, ended=time.time(), eta_s=None)


def _work(run: Run, fit: Fit, stop: "_Stop", log: Log, stack: ExitStack) -> dict[str, Any]:
    status = run.recorded()
    step = status.step
    # The one that it waits for already, where it comes back from waiting as another program.
    slot = (status.device if run.lease is None else None) or slot_of(run.config.device)
    if run.lease is None:
        message = f"Waiting for the device ({slot})."
        if status.message != message:
            run.update(device=slot, message=message)
            log.line(message)
        lock = wait_for_slot(run, slot, stop)
        if lock is None:
            message = "Stopped before its turn; resume it to start."
            return {"state": run.recorded().stopped_as, "message": message}
        # Released after the last status is written: two runs of a device never show as running.
        stack.callback(lock.release)
    status = run.update(state="running", started=time.time(), message="Preparing.", device=slot)
    log.line("Preparing.")
    with Recorder(run, status, log) as emit:
        outcome = fit(run, emit, stop)
    if outcome.state == "cancelled":
        status = run.recorded()
        if stop.out_of_time and not status.cancel_requested:
            return _continues(status, since=step)
        message = "Stopped on request; resume it to continue."
        return {"state": status.stopped_as, "message": message}
    return {
        "state": outcome.state,
        "message": "Trained and tested.",
        "best_epoch": outcome.best_epoch,
        "validation": outcome.validation,
        "test": outcome.test,
    }


def _continues(status: Status, *, since: int) -> dict[str, Any]:
    """Return what changes of a run that waits for its job to start again after the time limit.

    Args:
        status: the run's.
        since: its step when this process began.
    """
    idle = 0 if status.step > since else status.revivals + 1
    if idle > MOST_IDLE:
        message = (
            f"The time limit of {status.on} ended it {idle} times in a row without a step; give "
            "the profile a longer time, then resume it."
        )
        return {"state": "failed", "message": message}
    message = "Stopped at the time limit; continues when its job starts again."
    return {"state": "queued", "queued": time.time(), "revivals": idle, "message": message}


@dataclass
class _Stop:
    """Whether the process was asked to stop. A plain flag is safe in a signal handler.

    On a cluster the record of the run is read too: it may have been cancelled or paused alone among
    those that share its job, or another job may have it.
    """

    run: Run
    requested: bool = False
    out_of_time: bool = False
    looked: float = 0.0

    def __call__(self) -> bool:
        if self.run.lease is not None and time.monotonic() - self.looked > _LOOK_SECONDS:
            self.looked = time.monotonic()
            status = self.run.recorded()
            self.run.check_lease(status)
            self.requested = self.requested or status.cancel_requested
        return self.requested


@contextmanager
def _stop_signals(run: Run) -> Iterator[_Stop]:
    stop = _Stop(run)

    def handle(number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGUSR2:
            stop.out_of_time = True
        if number == signal.SIGINT:
            if stop.requested:
                raise KeyboardInterrupt
            # Buffered streams may be in the middle of a write when a signal comes.
            os.write(2, b"\nStopping at the next step; Ctrl-C again stops at once.\n")
        stop.requested = True

    before = {number: signal.signal(number, handle) for number in SIGNALS}
    # They are blocked where this process comes back from waiting as another program.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
