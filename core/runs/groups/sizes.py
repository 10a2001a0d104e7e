"""Training set sizes of a sweep: reading, proposing and checking them."""

import math
from collections.abc import Sequence

from core.errors import LabError

SMALLEST = 25
MOST = 7


def whole_numbers(text: str, name: str) -> list[int]:
    """Read whole numbers separated by commas or blanks.

    Args:
        text: numbers, such as "50, 100, 200".
        name: name of the option or field, for the message.

    Raises:
        LabError: if a word is not a whole number.
    """
    try:
        return [int(word) for word in text.replace(",", " ").split()]
    except ValueError:
        raise LabError(
            f"{name} {text}: give whole numbers separated by commas, such as 50,100,200."
        ) from None


def proposed_sizes(n_train: int) -> list[int]:
    """Return sizes that double up to about all training frames, the first ones rounded.

    Args:
        n_train: number of training frames of the data set.
    """
    if n_train < 2 * SMALLEST:
        return sorted({max(1, n_train // 4), max(1, n_train // 2), n_train})
    doublings = min(MOST - 1, int(math.log2(n_train / SMALLEST)))
    step = 10.0 ** max(0, int(math.log10(n_train / 2**doublings)) - 1) * 5
    first = max(step, n_train / 2**doublings // step * step)
    return [int(first * 2**number) for number in range(doublings + 1)]


def check_sizes(sizes: Sequence[int], *, dataset: str, n_train: int) -> None:
    """Check the sizes of a sweep.

    Args:
        sizes: numbers of training frames.
        dataset: name of the data set, for the message.
        n_train: number of training frames of the data set.

    Raises:
        LabError: if there is no size, one is below 1 or beyond the data, or one is repeated.
    """
    if not sizes or min(sizes) < 1:
        raise LabError("A sweep needs sizes of at least one frame; name them, such as 50,100,200.")
    if max(sizes) > n_train:
        raise LabError(
            f"{dataset}: has {n_train} training frames; choose sizes up to that number (got "
            f"{max(sizes)})."
        )
    if len(set(sizes)) < len(sizes):
        raise LabError("A size is given twice; give each only once.")
