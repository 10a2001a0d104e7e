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
from core.runs.process.lifecycle import claim
from core.runs.process.slots import n_gpus, slot_of, wait_for_slot
from core.runs.record.directory import Run
from core.runs.record.failure import failure_message
from core.runs.record.recorder import Log, Recorder
from core.runs.record.status import Status

if TYPE_CHECKING:
    from core.frames.store import FrameSet
    from core.training.loop.outcome import Outcome

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
    processes = _processes(run, frames)
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


def _processes(run: Run, frames: "FrameSet") -> int:
    """Return the number of training processes: the last requested one, or the default."""
    from core.training.settings.processes import default_processes  # noqa: PLC0415

    config, status = run.config, run.status()
    wanted = status.processes or config.processes
    device = status.device or slot_of(config.device)
    if wanted == 1 or device == "mps":
        if (wanted or 1) > 1:
            raise LabError(f"processes: MPS takes one process, not {wanted}; ask for 1.")
        return 1
    gpus = n_gpus() if device == "cuda" else 0
    if wanted is None:
        return default_processes(config, frames, device=device, n_gpus=gpus)
    if device == "cuda" and wanted > gpus:
        raise LabError(
            f"processes: there are {gpus} GPUs for {wanted} processes; ask for {gpus} at most."
        )
    return wanted


def execute(path: Path, *, fit: Fit = train, echo: Callable[[str], None] | None = None) -> Status:
    """Run a run directory in this process, from the queue to the end.

    SIGTERM and Ctrl-C stop it at the next step with a checkpoint; a second Ctrl-C stops it at once.

    Args:
        path: the run directory; an interrupted run continues from its last checkpoint.
        fit: the training.
        echo: receives each line that is written to the log.

    Returns:
        The status at the end: finished, cancelled, paused or failed.

    Raises:
        LabError: if this is not a run directory, the run is finished or already has a process, or
            its status cannot be written.
    """
    run = Run(path.absolute())
    with ExitStack() as stack:
        stop = stack.enter_context(_stop_signals())
        if claim(run).cancel_requested:
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
        return run.update(**changes, ended=time.time(), eta_s=None)


def _work(run: Run, fit: Fit, stop: "_Stop", log: Log, stack: ExitStack) -> dict[str, Any]:
    slot = slot_of(run.config.device)
    message = f"Waiting for the device ({slot})."
    run.update(device=slot, message=message)
    log.line(message)
    lock = wait_for_slot(run, slot, stop)
    if lock is None:
        message = "Stopped before its turn; resume it to start."
        return {"state": run.status().stopped_as, "message": message}
    # Released after the last status is written: two runs of a device never show as running.
    stack.callback(lock.release)
    status = run.update(state="running", started=time.time(), message="Preparing.")
    log.line("Preparing.")
    with Recorder(run, status, log) as emit:
        outcome = fit(run, emit, stop)
    if outcome.state == "cancelled":
        message = "Stopped on request; resume it to continue."
        return {"state": run.status().stopped_as, "message": message}
    return {
        "state": outcome.state,
        "message": "Trained and tested.",
        "best_epoch": outcome.best_epoch,
        "validation": outcome.validation,
        "test": outcome.test,
    }


@dataclass
class _Stop:
    """Whether the process was asked to stop. A plain flag is safe in a signal handler."""

    requested: bool = False

    def __call__(self) -> bool:
        return self.requested


@contextmanager
def _stop_signals() -> Iterator[_Stop]:
    stop = _Stop()

    def handle(number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGINT:
            if stop.requested:
                raise KeyboardInterrupt
            # Buffered streams may be in the middle of a write when a signal comes.
            os.write(2, b"\nStopping at the next step; Ctrl-C again stops at once.\n")
        stop.requested = True

    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
