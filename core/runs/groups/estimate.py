"""Estimate of a sweep's duration from timings of its smallest and largest run."""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import nnls

from core.runs.groups.sweep import Sweep
from core.training.settings.config import RunConfig


def configs_to_time(sweep: Sweep) -> list[RunConfig]:
    """Return the settings of the smallest and the largest run of a sweep.

    All methods take the same time; "frozen" needs the least preparation.
    """
    return [
        sweep.base.model_copy(
            update={
                "frames": size,
                "epochs": sweep.epochs(size),
                "method": "frozen",
                "name": "",
            }
        )
        for size in sorted({min(sweep.sizes), max(sweep.sizes)})
    ]


def sweep_seconds(sweep: Sweep, configs: Sequence[RunConfig], seconds: Sequence[float]) -> float:
    """Estimate the seconds that all runs of a sweep take.

    A run takes a time per training frame and epoch, and a time per evaluation of the held-out
    frames: one per epoch and, as validation and test set have the same size, two at the end.

    Args:
        sweep: the sweep.
        configs: settings of timed runs.
        seconds: their durations.
    """
    timed = [_work(config.frames or 0, config.epochs) for config in configs]
    rates, _ = nnls(np.array(timed, dtype=float), np.array(seconds))
    runs = np.array([_work(size, sweep.epochs(size)) for size in sweep.sizes], dtype=float)
    return float((runs @ rates).sum() * len(sweep.methods) * len(sweep.seeds))


def _work(frames: int, epochs: int) -> tuple[int, int]:
    """Return the numbers of frames trained on and of evaluations."""
    return frames * epochs, epochs + 2
