"""What a run says of itself: the record in status.json."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

State = Literal["queued", "running", "finished", "failed", "cancelled", "paused"]

Errors = dict[str, int | float | None]
"""Metrics as the training loop gives them: n_frames and four MAE, None where there is no label."""


class Status(BaseModel):
    """One moment of a run. Times are UTC epoch seconds, durations seconds.

    Attributes:
        version: layout of this record.
        state: where the run stands.
        created: when the directory was made.
        queued: when the run last joined the queue: at creation, and again at each resume.
        started: when it last got its device.
        ended: when it finished, failed, or was cancelled or paused.
        pid: the process that runs it, or ran it last.
        pid_started: that process's start in seconds from the machine's boot, which tells it from a
            later process of the same id.
        boot: the machine's boot that the process belongs to; None where the system does not say.
        cancel_requested: whether somebody asked the process to stop.
        pausing: whether they mean to go on later.
        revivals: how often it was started again after its process was lost, without a step since.
        device: the device whose slot it waits for; once training, the device it trains on.
        processes: training processes: those it last began with, or that a resumption asks for.
        epoch: progress in epochs, e.g. 1.4.
        epochs: epochs asked for.
        step: optimiser steps done.
        steps: optimiser steps in all, once known.
        eta_s: time left by the rate of steps so far.
        seconds: training time, once finished.
        frames: training frames, once known.
        labels: where the data set's labels come from: "dft" or a model's name.
        message: one sentence for the user.
        best_epoch: epoch with the lowest validation energy MAE so far.
        validation: the validation errors of that epoch.
        test: the test errors of that epoch's checkpoint, at the end.
    """

    model_config = ConfigDict(frozen=True)

    version: Literal[1] = 1
    state: State = "queued"
    created: float
    queued: float
    started: float | None = None
    ended: float | None = None
    pid: int | None = None
    pid_started: float | None = None
    boot: str | None = None
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
    def stopped_as(self) -> State:
        """What a run that was asked to stop has become."""
        return "paused" if self.pausing else "cancelled"

    @property
    def duration(self) -> float | None:
        """Seconds of training: the loop's own count, else from the last start to the end."""
        if self.seconds is not None or self.started is None or self.ended is None:
            return self.seconds
        return self.ended - self.started
