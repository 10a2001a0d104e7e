"""Sizes of the training set in a sweep: those to begin with, and those that cannot be."""

import math
from collections.abc import Sequence

from core.errors import LabError

SMALLEST = 25
MOST = 7


def proposed_sizes(n_train: int) -> list[int]:
    """Return sizes that double up to about all training frames, the first ones rounded.

    Args:
        n_train: training frames that there are.
    """
    if n_train < 2 * SMALLEST:
        return sorted({max(1, n_train // 4), max(1, n_train // 2), n_train})
    doublings = min(MOST - 1, int(math.log2(n_train / SMALLEST)))
    step = 10.0 ** max(0, int(math.log10(n_train / 2**doublings)) - 1) * 5
    first = max(step, n_train / 2**doublings // step * step)
    return [int(first * 2**number) for number in range(doublings + 1)]


def check_sizes(sizes: Sequence[int], *, dataset: str, n_train: int) -> None:
    """Check the sizes that a sweep is to have.

    Args:
        sizes: numbers of training frames.
        dataset: name of the data set, for the message.
        n_train: its training frames.

    Raises:
        LabError: there is none, one is below 1 or beyond the data, or one is there twice.
    """
    if not sizes or min(sizes) < 1:
        raise LabError("a sweep needs sizes of at least one frame; name them, such as 50,100,200.")
    if max(sizes) > n_train:
        raise LabError(
            f"{dataset}: has {n_train} training frames; ask for no size above that "
            f"(got {max(sizes)})."
        )
    if len(set(sizes)) < len(sizes):
        raise LabError("a sweep has each size once; name none twice.")
