"""Whether and for what a run compiles its step."""

import math

from core.potential.compiled import worth_compiling
from core.potential.examples import Examples
from core.training.settings.config import RunConfig
from core.training.step.batching import batches
from core.training.step.loss import trained_labels
from core.training.step.parallel import Team
from core.training.step.step import Stepper

_CANDIDATES = 8
"""Batches among which one serves as the example that the step is compiled for."""


def worth_it(config: RunConfig, train: Examples, team: Team) -> bool:
    """Tell whether a run is long enough to compile its step.

    This, and the example, follow from settings and data alone, so that a resumed run computes
    exactly as it did before.

    Args:
        config: the run's settings.
        train: its training frames.
        team: its processes.
    """
    steps = config.epochs * math.ceil(len(train) / config.batch_size)
    cost = config.batch_size * float(train.costs.mean())
    return worth_compiling(steps, cost / team.size)


def compile_step(stepper: Stepper, config: RunConfig, train: Examples, team: Team) -> None:
    """Compile the step of every process of a run, for one and the same share of an example.

    Args:
        stepper: the step.
        config: the run's settings.
        train: its training frames.
        team: its processes.

    Raises:
        TeamError: if another process has ended.
    """
    order = batches(train.costs, config.batch_size, seed=config.seed, epoch=0)
    some = [[train[row] for row in rows] for rows in order[:_CANDIDATES]]
    # those with the most kinds of label first: a batch that lacks one is computed eagerly
    some.sort(key=lambda one: -len(trained_labels(one, config.loss)))
    stepper.compile([stepper.prepare(one, rank=rank) for one in some for rank in range(team.size)])
