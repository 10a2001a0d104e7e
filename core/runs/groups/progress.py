"""Progress of several runs that belong together."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from core.runs.record.directory import Run
from core.runs.record.listing import status_if_any
from core.runs.record.status import Status
from core.training.settings.config import RunConfig

_LATEST = 5
"""Finished runs from which the remaining time is estimated."""


@dataclass(kw_only=True, frozen=True, slots=True)
class GroupProgress:
    """Progress of a group of runs.

    Attributes:
        finished: number of runs that finished.
        active: number of runs that wait or train.
        of: number of runs that exist.
        share: share of the training steps that are done.
        eta_s: remaining seconds, estimated from the last finished runs; None until one has
            finished, or where no run waits or trains.
        failure: message of the first failed run; None if none failed.
        labels: origin of the labels, "dft" or a model's name; None until a run has started.
    """

    finished: int
    active: int
    of: int
    share: float
    eta_s: float | None
    failure: str | None = None
    labels: str | None = None


def progress_of(runs: Sequence[Run]) -> GroupProgress:
    """Return the progress of some runs.

    Args:
        runs: runs; those deleted meanwhile are left out.
    """
    states = [(run, status) for run in runs if (status := status_if_any(run)) is not None]
    finished = [(run, status) for run, status in states if status.state == "finished"]
    active = [(run, status) for run, status in states if status.is_active]
    n_train = max((status.frames or 0 for _, status in states), default=0)
    total = sum(cost(run.config, n_train) for run, _ in states)
    done = sum(cost(run.config, n_train) * status.done_share for run, status in states)
    return GroupProgress(
        finished=len(finished),
        active=len(active),
        of=len(states),
        share=done / total if total else 0.0,
        eta_s=_seconds_left(active, finished, n_train) if active and finished else None,
        failure=next((status.message for _, status in states if status.state == "failed"), None),
        labels=next((status.labels for _, status in states if status.labels), None),
    )


def cost(config: RunConfig, n_train: int) -> int:
    """Return the number of frames a run trains on, each counted in every epoch.

    Args:
        config: settings of the run.
        n_train: training frames of a run that takes all of them.
    """
    return (config.frames or n_train or 1) * config.epochs


def _seconds_left(
    active: Sequence[tuple[Run, Status]], finished: Sequence[tuple[Run, Status]], n_train: int
) -> float | None:
    """Estimate the time that active runs still need from the last ones that finished.

    A run takes a time per frame and a constant time for starting, validation and test.
    """
    seconds_per_frame, constants = [], []
    for run, status in finished[-_LATEST:]:
        rates = [event["frames_per_second"] for event in run.metrics("epoch")]
        if rates and status.started is not None and status.ended is not None:
            seconds_per_frame.append(len(rates) / sum(rates))
            training = cost(run.config, n_train) * seconds_per_frame[-1]
            constants.append(max(0.0, status.ended - status.started - training))
    if not constants:
        return None
    pace, constant = statistics.median(seconds_per_frame), statistics.median(constants)
    seconds: list[float] = [
        (1 - status.done_share) * (cost(run.config, n_train) * pace + constant)
        for run, status in active
    ]
    return sum(seconds)
