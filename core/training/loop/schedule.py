"""The cosine schedule of the released r2SCAN model, as a function of the step alone."""

import math

TENTHS = 10
"""Changes of the learning rate per epoch (and reports of a run's progress)."""

_FINAL_FRACTION = 0.01


def marks(steps_per_epoch: int) -> list[int]:
    """Return the numbers of steps after which each tenth of an epoch counts as done.

    As chgnet's trainer has it, ⌊k n / 10⌋ for the tenths k = 1…10 of n steps; with fewer than ten
    steps, where that would begin at step 0, ⌈k n / 10⌉.

    Args:
        steps_per_epoch: n.

    Returns:
        Ten ascending numbers, the last of which is n.
    """
    tenths = range(1, TENTHS + 1)
    if steps_per_epoch < TENTHS:
        return [math.ceil(k * steps_per_epoch / TENTHS) for k in tenths]
    return [k * steps_per_epoch // TENTHS for k in tenths]


def learning_rate(
    initial: float,
    *,
    epoch: int,
    step: int,
    steps_per_epoch: int,
    epochs: int,
    warmup_epochs: float = 0.0,
) -> float:
    """Return the learning rate that a step uses.

    Loshchilov and Hutter's cosine (arXiv 1608.03983) from `initial` down to a hundredth of it,
    moved on ten times an epoch. During a warm-up that is multiplied by the share of its steps that
    are done once the step is.

    Args:
        initial: learning rate of the first step.
        epoch: epochs done before.
        step: steps of this epoch done before.
        steps_per_epoch: steps per epoch.
        epochs: epochs in all.
        warmup_epochs: length of the warm-up.

    Returns:
        The learning rate.
    """
    tenths = TENTHS * epoch + sum(mark <= step for mark in marks(steps_per_epoch))
    final = _FINAL_FRACTION * initial
    rate = final + (initial - final) * (1 + math.cos(math.pi * tenths / (TENTHS * epochs))) / 2
    warming = warmup_epochs * steps_per_epoch
    return rate * min(1.0, (epoch * steps_per_epoch + step + 1) / warming) if warming else rate
