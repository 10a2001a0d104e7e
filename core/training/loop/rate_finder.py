"""The learning-rate finder: the loss while the rate grows from step to step."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from core.training.loop.context import RunContext
from core.training.step.batching import batches
from core.training.step.feed import Feed
from core.training.step.step import DivergedError, Stepper

LOWEST, HIGHEST = 1e-7, 1.0
"""First and last rate."""

STEPS = 100

_MEMORY = 0.98
"""Decay per step of the average of the losses."""

_DIVERGED = 4.0
"""The search ends where the average is so many times its least value."""

_SKIPPED = 10
"""First steps that are not looked at, where the average is of few losses."""


def find_rate(context: RunContext, stepper: Stepper, feed: Feed) -> dict[str, Any]:
    """Return the loss at growing learning rates, and the rate where it falls most steeply.

    Smith's range test (arXiv:1506.01186) as in fastai and Lightning: the rate grows by the same
    factor at every step, and the losses are averaged with a decay of 0.98 per step, corrected for
    the start.

    Args:
        context: the run.
        stepper: model, optimizer and step, all of which are spent.
        feed: the batches of the run's training frames.

    Returns:
        "rates", "losses" and "smoothed" by step; "suggestion", None where the loss never falls.

    Raises:
        StopError: if the run is to stop.
        TeamError: if another process has ended.
    """
    config = context.config
    progress = context.report.progress("learning rate", STEPS, context.stopping)
    rates, losses = [], []
    smoothed: list[float] = []
    growth = (HIGHEST / LOWEST) ** (1 / (STEPS - 1))
    average, epoch = 0.0, 0
    order: list[Any] = []
    for number in range(STEPS):
        context.stopping.together()
        at = number % feed.steps
        if at == 0:
            epoch = number // feed.steps
            order = batches(feed.train.costs, config.batch_size, seed=config.seed, epoch=epoch)
        rate = LOWEST * growth**number
        prepared = stepper.prepare(feed.batch(order[at], epoch, at))
        try:
            loss = stepper.step(prepared, rate, ())
        except DivergedError:
            break
        average = _MEMORY * average + (1 - _MEMORY) * loss
        corrected = average / (1 - _MEMORY ** (number + 1))
        rates.append(rate)
        losses.append(loss)
        smoothed.append(corrected)
        if number and corrected > _DIVERGED * min(smoothed):
            break
        context.stopping.agreed(partial(progress, (number + 1) / STEPS, ""))
    return {
        "rates": rates,
        "losses": losses,
        "smoothed": smoothed,
        "suggestion": suggestion(rates, smoothed),
    }


def suggestion(rates: Sequence[float], smoothed: Sequence[float]) -> float | None:
    """Return the rate at which the loss falls most steeply; None if it never falls.

    Args:
        rates: learning rates, each the same multiple of the one before.
        smoothed: average of the losses at these.
    """
    seen = np.array(smoothed[_SKIPPED:-1])
    if len(seen) < 2:
        return None
    slopes = np.gradient(seen)
    steepest = int(slopes.argmin())
    return float(rates[_SKIPPED + steepest]) if slopes[steepest] < 0 else None
