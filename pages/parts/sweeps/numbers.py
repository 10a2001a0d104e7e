"""Lists of numbers as readers write them."""

from collections.abc import Iterable

from core.errors import LabError


def numbers_of(text: str, *, what: str) -> list[int]:
    """Read whole numbers separated by commas or blanks.

    Args:
        text: Such as "50, 100, 200".
        what: What they are, for the message.

    Raises:
        LabError: a word is no whole number.
    """
    try:
        return [int(word) for word in text.replace(",", " ").split()]
    except ValueError:
        raise LabError(f"{what}: give whole numbers with commas, such as 50, 100, 200.") from None


def words_of(numbers: Iterable[int]) -> str:
    """Write numbers with commas."""
    return ", ".join(map(str, numbers))
