"""How long work tells how far it is: a callback that may also end it."""

from collections.abc import Callable

Progress = Callable[[float, str], object]
"""Called with the share that is done, from 0 to 1, and what is being done, in a few words.

Whoever wants the work to end raises from here; work that is told of its end leaves nothing half
done behind.
"""


Count = Callable[[int, int], object]
"""Called with (done, total); may raise to end the work."""


def silent(share: float, what: str) -> None:
    """Tell nobody."""


def part(progress: Progress, begin: float, end: float) -> Progress:
    """Return the callback for a part of the work.

    Args:
        progress: of the whole work.
        begin: share of the whole at which the part begins.
        end: share of the whole at which it ends.
    """
    return lambda share, what: progress(begin + share * (end - begin), what)


def counted(progress: Progress, what: str) -> Callable[[int, int], object]:
    """Return a callback (done, total) that tells the same as a share.

    Args:
        progress: whom to tell.
        what: what is being counted.
    """
    return lambda done, total: progress(done / max(total, 1), f"{what}: {done:,} of {total:,}")


def within(progress: Count | None, begin: int, total: int) -> Count | None:
    """Return a callback for a part of some work that tells its progress within the whole.

    Args:
        progress: the callback for the whole.
        begin: what was done before this part.
        total: the whole.
    """
    if progress is None:
        return None
    return lambda done, _: progress(begin + done, total)
