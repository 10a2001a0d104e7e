"""Threads, determinism and memory while something is being computed."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch

from core.potential.memory import free_memory_is_kept
from core.process import usable_cores


@contextmanager
def compute_settings(
    threads: int | None, device: torch.device, *, processes: int = 1
) -> Iterator[int]:
    """Set torch's threads and, on the CPU, reproducible sums and memory that is kept in between.

    All of it is put back afterwards.

    With several threads, torch adds up gradients of indexing in whatever order the threads arrive,
    unless set otherwise; a resumed run would then differ in the last digit. One thread always
    adds in the same order, and need not take the slower ways that are reproducible with many.

    Args:
        threads: CPU threads of this process; None takes its part of the
            cores, `usable_cores`.
        device: where the work happens.
        processes: how many processes share the machine.

    Yields:
        The number of threads in use.
    """
    chosen = threads or max(1, usable_cores() // processes)
    deterministic: Any = torch.utils.deterministic
    filled = deterministic.fill_uninitialized_memory
    before = (torch.get_num_threads(), torch.get_deterministic_debug_mode())
    torch.set_num_threads(chosen)
    if device.type == "cpu" and chosen > 1:
        # `use_deterministic_algorithms` does the same, and imports the compiler for seconds.
        torch.set_deterministic_debug_mode("error")
        # every result would be written twice
        deterministic.fill_uninitialized_memory = False
    try:
        with free_memory_is_kept() if device.type == "cpu" else nullcontext():
            yield chosen
    finally:
        torch.set_num_threads(before[0])
        torch.set_deterministic_debug_mode(before[1])
        deterministic.fill_uninitialized_memory = filled
