"""Telling whether the process that a run names is still that process, and alive."""

import os
from functools import cache
from pathlib import Path

import psutil

# The boot time is known in whole seconds. Nobody can go round all process ids within this time.
_TOLERANCE = 2.0


_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@cache
def boot_id() -> str | None:
    """Return what tells this boot of the machine from every other; None where nothing does."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return None


def identity(pid: int | None = None) -> tuple[int, float]:
    """Return the id and the start time that together name one process.

    The start time is counted in seconds from the boot of the machine. A time of day would change
    under a process that runs on while the clock is set, as after a suspended virtual machine.

    Args:
        pid: the process; None for this one.

    Raises:
        psutil.NoSuchProcess: if there is none.
    """
    pid = os.getpid() if pid is None else pid
    return pid, psutil.Process(pid).create_time() - psutil.boot_time()


def is_alive(pid: int, started: float, boot: str | None = None) -> bool:
    """Tell whether a process still runs.

    A zombie is dead, and so is one whose id was given to another process since, in this boot of
    the machine or in a later one.

    Args:
        pid: process id.
        started: its start time as `identity` gave it, seconds from boot.
        boot: the boot that it belongs to, as `boot_id` gave it; None if unknown.
    """
    if boot is not None and boot_id() is not None and boot != boot_id():
        return False
    try:
        same = abs(identity(pid)[1] - started) < _TOLERANCE
        dead = psutil.Process(pid).status() in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}
    except psutil.NoSuchProcess:
        return False
    return same and not dead
