"""Estimate of a group's duration from timings of its smallest and largest run."""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import nnls

from core.runs.groups.group import Group
from core.training.loop.method_preview import timing_config
from core.training.settings.config import RunConfig


def configs_to_time(group: Group) -> list[RunConfig]:
    """Return the settings of the smallest and the largest run of an experiment or a sweep.

    All methods take the same time; that of a closed form is left out.
    """
    sizes = {
        config.frames: timing_config(config.model_copy(update={"method": "frozen"}))
        for config in group.configs()
    }
    ends = sorted({min(sizes, key=_frames), max(sizes, key=_frames)}, key=_frames)
    return [sizes[size].model_copy(update={"seed": 0}) for size in ends]


def group_seconds(group: Group, configs: Sequence[RunConfig], seconds: Sequence[float]) -> float:
    """Estimate the seconds that all runs of an experiment or a sweep take.

    A run takes a time per training frame and epoch, and a time per evaluation of the held-out
    frames: one per epoch and, as validation and test set have the same size, two at the end.

    Args:
        group: the experiment or sweep.
        configs: settings of timed runs.
        seconds: their durations.
    """
    timed, runs = (
        np.array([_work(run) for run in each], dtype=float) for each in (configs, group.configs())
    )
    rates, _ = nnls(timed, np.array(seconds))
    return float((runs @ rates).sum())


def _frames(size: int | None) -> int:
    return 0 if size is None else size


def _work(config: RunConfig) -> tuple[int, int]:
    """Return the numbers of frames trained on and of evaluations."""
    return _frames(config.frames) * config.epochs, config.epochs + 2
