"""Frames that CHGNet cannot represent, counted and in words."""

from collections import Counter
from collections.abc import Iterable, Mapping

_SHORT = {
    "has no neighbour": "an atom has no neighbour within 6 Å",
    "has atomic number": "an element beyond Pu",
}
"""Reason by a part of the message that `core.potential.graph.convert` raises."""


def reasons(texts: Iterable[str]) -> dict[str, int]:
    """Return how many frames are left out by reason, the most frequent one first.

    Args:
        texts: why `core.potential.examples.load_examples` leaves each frame out.
    """
    return dict(Counter(map(_short, texts)).most_common())


def left_out_text(counts: Mapping[str, int]) -> str:
    """Return "3 frames left out: an atom has no neighbour within 6 Å", or "" where none is.

    Args:
        counts: as `reasons` returns them.
    """
    if not counts:
        return ""
    n = sum(counts.values())
    why = ", ".join(
        reason if len(counts) == 1 else f"{reason} ({count:,})" for reason, count in counts.items()
    )
    return f"{n:,} frame{'s' if n > 1 else ''} left out: {why}"


def _short(text: str) -> str:
    for part, short in _SHORT.items():
        if part in text:
            return short
    return text.partition(";")[0].rstrip(".")
