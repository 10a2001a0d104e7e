"""Compilation of the training step: whether it pays off, and for which shapes."""

import math

from core.potential.compiled import compilation_pays_off
from core.potential.examples import Examples
from core.training.settings.config import RunConfig
from core.training.step.batching import batches
from core.training.step.feed import Feed
from core.training.step.loss import trained_labels
from core.training.step.parallel import Team
from core.training.step.step import Stepper

_CANDIDATES = 8
"""Batches from which the example is taken that the step is compiled for."""


def should_compile(config: RunConfig, train: Examples, team: Team) -> bool:
    """Return whether a run is long enough to compile its step.

    This and the example depend on settings and data alone, so that a resumed run computes exactly
    as before.

    Args:
        config: the run's settings.
        train: its training frames.
        team: its processes.
    """
    steps = config.epochs * math.ceil(len(train) / config.batch_size)
    cost = config.batch_size * float(train.costs.mean()) * config.frames_per_frame
    return compilation_pays_off(steps, cost / team.size)


def compile_step(stepper: Stepper, config: RunConfig, feed: Feed, team: Team) -> None:
    """Compile the step of every process of a run, for the same share of one example.

    Args:
        stepper: the step.
        config: the run's settings.
        feed: its batches.
        team: its processes.

    Raises:
        TeamError: if another process has ended.
    """
    order = batches(feed.train.costs, config.batch_size, seed=config.seed, epoch=0)
    examples = [feed.batch(places, 0, i) for i, places in enumerate(order[:_CANDIDATES])]
    # those with the most kinds of label first: a batch that lacks one is computed eagerly
    examples.sort(key=lambda batch: -len(trained_labels(batch, config.loss)))
    stepper.compile(
        [stepper.prepare(batch, rank=rank) for batch in examples for rank in range(team.size)]
    )
