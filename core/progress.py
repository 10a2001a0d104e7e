"""The one protocol by which long work reports its progress and can be ended."""

from collections.abc import Callable

Progress = Callable[[float, str], object]
"""Called with the share that is done, from 0 to 1, and a few words on what is being done.

An exception raised by the callback ends the work, which leaves nothing half done behind.
"""


def silent(share: float, what: str) -> None:
    """Report nothing."""


def report(progress: Progress, done: int, total: int, what: str) -> None:
    """Report how many things are done.

    Args:
        progress: the callback.
        done: things done so far.
        total: all of them.
        what: what is being counted.
    """
    progress(done / max(total, 1), f"{what}: {done:,} of {total:,}")


def part(progress: Progress, begin: float, end: float, *, prefix: str = "") -> Progress:
    """Return the callback for a part of the work.

    Args:
        progress: the callback for the whole work.
        begin: share of the whole at which the part begins.
        end: share of the whole at which it ends.
        prefix: put before what the part reports.
    """
    return lambda share, what: progress(begin + share * (end - begin), f"{prefix}{what}")


def chunk(progress: Progress, begin: int, n: int, total: int, what: str) -> Progress:
    """Return the callback for a chunk of many things, which counts over all of them.

    Args:
        progress: the callback for all of them.
        begin: things done before the chunk.
        n: things in the chunk.
        total: all of them.
        what: what is being counted.
    """
    return lambda share, _: report(progress, begin + round(share * n), total, what)


def duration_text(seconds: float) -> str:
    """Return a duration in its coarsest informative units: 40 s, 12 min, 3 h 5 min.

    Args:
        seconds: the duration.
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
