"""What glibc does with memory that is free again.

It gives large blocks back to the system at once. A network that asks for them again with every
batch gets pages that the system has to clear first, which takes 15 % of the time of inference. So
while something is computed the process keeps what it has, and gives back what is free afterwards.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of <malloc.h>
_KEPT = 2**30
"""Bytes of a block that is its own mapping, and of free memory at the end, while computing."""

_USUAL = {_TRIM_THRESHOLD: 2**26, _MMAP_THRESHOLD: 2**25}
"""The largest that glibc sets by itself, as soon as a process has freed such blocks."""

_lock = Lock()
_users = 0


@contextmanager
def free_memory_is_kept() -> Iterator[None]:
    """Keep free memory in the process, and give it back when the last that asks for this ends."""
    global _users  # noqa: PLW0603 - the allocator is one for the process, too
    with _lock:
        _users += 1
        _set(dict.fromkeys(_USUAL, _KEPT))
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if not _users:
                _set(_USUAL)
                give_back_free_memory()


def give_back_free_memory() -> None:
    """Give memory that is free back to the system, where this is glibc."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


def _set(thresholds: dict[int, int]) -> None:
    library = _glibc()
    if library is not None:
        for name, value in thresholds.items():
            # before version 2.35 glibc takes no more than the usual for mappings
            if not library.mallopt(name, value):
                library.mallopt(name, _USUAL[name])


@cache
def _glibc() -> ctypes.CDLL | None:
    """Return the C library; None where it is another one than glibc."""
    try:
        library = ctypes.CDLL(None)
    except (OSError, TypeError):
        return None
    has_both = hasattr(library, "mallopt") and hasattr(library, "malloc_trim")
    return library if has_both else None
