"""The state of a run: the record in status.json."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from core.runs.launchers.interface import Handle

State = Literal["queued", "running", "finished", "failed", "cancelled", "paused"]

Errors = dict[str, int | float | None]
"""Metrics from the training loop: n_frames and four MAE, None where there are no labels."""


class Status(BaseModel):
    """State of a run at one moment. Times are UTC epoch seconds, durations seconds.

    Attributes:
        version: layout of this record.
        state: state of the run.
        created: when the directory was created.
        launched_by: who launched it; None if that was not recorded.
        queued: when the run last joined the queue: at creation, and again at each resume.
        started: when it last got its device.
        ended: when it finished, failed, or was cancelled or paused.
        pid: the process that runs it, or ran it last.
        pid_started: start of that process in seconds since the machine's boot, which distinguishes
            it from a later process with the same id.
        boot: the machine's boot that the process belongs to; None if unknown.
        host: name of that machine; None if unknown.
        on: profile of the cluster that it works on; None for this machine.
        job: id of its job there; None until it is submitted.
        submitted: when it was submitted.
        submission: name of the submission, which alone may work on the run; None for this machine.
        attempt: how often that job had started again when it took the run.
        cancel_requested: whether the process was asked to stop.
        pausing: whether the run is to be resumed later.
        revivals: number of restarts after its process was lost, without a step since.
        device: the device whose slot it waits for; once training, the device it trains on.
        processes: number of training processes: of the last start, or requested for the next.
        epoch: progress in epochs, e.g. 1.4.
        epochs: number of epochs requested.
        step: optimiser steps done.
        steps: total number of optimiser steps, once known.
        eta_s: remaining time, estimated from the rate of steps so far.
        seconds: training time, once finished.
        frames: training frames, once known.
        labels: origin of the data set's labels: "dft" or a model's name.
        message: one sentence for the user.
        best_epoch: epoch with the lowest validation energy MAE so far.
        validation: the validation errors of that epoch.
        test: the test errors of that epoch's model, at the end.
    """

    model_config = ConfigDict(frozen=True)

    version: Literal[1] = 1
    state: State = "queued"
    created: float
    launched_by: str | None = None
    queued: float
    started: float | None = None
    ended: float | None = None
    pid: int | None = Field(default=None, ge=1, lt=1 << 31)
    pid_started: float | None = None
    boot: str | None = None
    host: str | None = None
    on: str | None = None
    job: str | None = None
    submitted: float | None = None
    submission: str | None = None
    attempt: int | None = None
    cancel_requested: bool = False
    pausing: bool = False
    revivals: int = 0
    device: str | None = None
    processes: int | None = None
    epoch: float = 0.0
    epochs: int
    step: int = 0
    steps: int | None = None
    eta_s: float | None = None
    seconds: float | None = None
    frames: int | None = None
    labels: str | None = None
    message: str = ""
    best_epoch: int | None = None
    validation: Errors | None = None
    test: Errors | None = None

    @property
    def is_active(self) -> bool:
        """Whether the run waits or trains."""
        return self.state in {"queued", "running"}

    @property
    def handle(self) -> Handle | None:
        """By which its launcher finds its process or job; None where it was never launched."""
        if self.on is not None:
            if self.job is None or self.submitted is None:
                return None
            return Handle(id=self.job, since=self.submitted, place=self.submission)
        if self.pid is None or self.pid_started is None:
            return None
        return Handle(id=str(self.pid), since=self.pid_started, place=self.boot)

    @property
    def done_share(self) -> float:
        """Share of its epochs that is trained, from 0 to 1; 1 for an early end."""
        if self.state == "finished":
            return 1.0
        return min(1.0, max(0.0, self.epoch / max(self.epochs, 1)))

    @property
    def stopped_as(self) -> State:
        """The state of a run once it has stopped on request."""
        return "paused" if self.pausing else "cancelled"

    @property
    def duration(self) -> float | None:
        """Seconds of training: the loop's own count, else from the last start to the end."""
        if self.seconds is not None or self.started is None or self.ended is None:
            return self.seconds
        return self.ended - self.started
