"""Threads and determinism while something is being computed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import torch


def default_threads() -> int:
    """Return the number of physical cores that this process may use."""
    physical = psutil.cpu_count(logical=False) or 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else physical
    return max(1, min(physical, allowed))


@contextmanager
def compute_settings(threads: int | None, device: torch.device) -> Iterator[int]:
    """Set torch's threads and, on the CPU, reproducible sums; put both back afterwards.

    With several threads, torch adds up gradients of indexing in whatever order the threads arrive,
    unless told otherwise; a resumed run would then differ in the last digit.

    Args:
        threads: CPU threads; None takes `default_threads()`.
        device: where the work happens.

    Yields:
        The number of threads in use.
    """
    chosen = threads or default_threads()
    before = (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled())
    torch.set_num_threads(chosen)
    if device.type == "cpu":
        torch.use_deterministic_algorithms(True)
    try:
        yield chosen
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])
